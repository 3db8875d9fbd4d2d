"""The composition root: where configuration, plugins, core and runtime become an account.

Nothing else in the host knows all of them, and nothing else makes one from another.
"""

import os
import secrets
import sys
import time
from collections.abc import AsyncGenerator, Callable, Generator, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager, contextmanager, suppress
from functools import cached_property, partial
from pathlib import Path
from typing import Final

import anyio
from anyio import to_thread
from anyio.abc import TaskStatus
from balchat_common.words import one_line

from balchat_host.api.backoff import Backoff
from balchat_host.api.crypto import CryptoEngine
from balchat_host.api.descriptors import Descriptor, NetworkDescriptor, TransportDescriptor
from balchat_host.api.errors import (
    BadInput,
    BalchatError,
    PluginError,
    RunningElsewhere,
    RunningUnreachable,
    WorldError,
)
from balchat_host.api.failures import contain, log_failure, must_pass
from balchat_host.api.frontend import (
    App,
    AppConnection,
    FrontEndContext,
    Holder,
    PluginView,
    Profile,
    SettingView,
)
from balchat_host.api.network import Network, NetworkContext
from balchat_host.api.storage import SlotKind, Storage, Transaction, Vault
from balchat_host.api.transport import Transport, TransportContext
from balchat_host.api.types import Check, Phase, Problem, Secret, ServiceState
from balchat_host.core import account, restoring
from balchat_host.core.names import check_name
from balchat_host.core.schema import migrate
from balchat_host.core.unit_of_work import Policy, UnitOfWork
from balchat_host.doctor import examine_profile
from balchat_host.loader.configuration import Configuration, configuration_files, load_configuration
from balchat_host.loader.plugins import discover
from balchat_host.loader.profiles import ProfileDirectory
from balchat_host.loader.room import check_room
from balchat_host.loader.running import end_holder, find_holder
from balchat_host.loader.running_record import RunningRecord
from balchat_host.loader.selection import Selection, select
from balchat_host.runtime.failures import checked, words_of
from balchat_host.runtime.live_status import LiveStatus
from balchat_host.runtime.local_app import LocalApp
from balchat_host.runtime.node import Node
from balchat_host.runtime.setups import FrontEndSetup, NetworkSetup, TransportSetup
from balchat_host.runtime.unit_of_work_runner import UnitOfWorkRunner

_random: Final = secrets.SystemRandom().random
_ROOM: Final = 32 * 1024 * 1024
"""Octets that the disk of a profile should have left: tor keeps about as much of its network there."""
_RUNTIME_ROOM: Final = 64 * 1024
_SOCKET_PATIENCE: Final = 5.0
"""Seconds to wait for the socket of an account that runs and has lost it: its process looks for it now and then."""
_SOCKET_LOOK: Final = 0.25


class LocalProfile(Profile):
    """A profile on this machine's disk. `overrides` are the configuration's values that the command line gave."""

    def __init__(self, place: ProfileDirectory, overrides: Mapping[str, str] | None = None) -> None:
        self._place = place
        self._overrides = overrides

    @property
    def name(self) -> str:
        return self._place.name

    @property
    def directory(self) -> Path:
        return self._place.directory

    def exists(self) -> bool:
        with self._blaming(self._selection.storage, "exists()"):
            return self._storage.exists(self.directory)

    def check_name(self, name: str) -> str:
        return check_name(name)

    async def create(self, name: str, passphrase: Secret) -> Secret:
        check_name(name)
        with self._blaming(self._selection.storage, "new_recovery_code()"):
            code = self._storage.new_recovery_code()
        slots = {SlotKind.PASSPHRASE: passphrase, SlotKind.RECOVERY_CODE: code}
        vault = await self._storage.create(self.directory, slots, partial(self._settle, self._engine(), name=name))
        await vault.aclose()
        return code

    async def restore(self, source: Path, secret: Secret, slot: SlotKind = SlotKind.PASSPHRASE) -> None:
        await self._storage.restore(self.directory, source, slot, secret, _mark)

    def holder(self) -> Holder | None:
        return find_holder(self.directory)

    def end_holder(self) -> int:
        return end_holder(self.directory)

    async def connect(self) -> AppConnection | None:
        give_up = anyio.current_time() + _SOCKET_PATIENCE
        while True:
            holder = await to_thread.run_sync(self.holder)
            connection = await self._connect(holder)
            if connection is not None or holder is None or holder.process_id == os.getpid():
                return connection
            if not holder.here:
                raise RunningElsewhere(directory=str(holder.runtime_directory))
            if anyio.current_time() > give_up:
                raise RunningUnreachable(process=holder.process_id, directory=str(holder.runtime_directory))
            await anyio.sleep(_SOCKET_LOOK)

    async def _connect(self, holder: Holder | None) -> AppConnection | None:
        """Try to reach the account where its process says that it is, or else where we would put its socket."""
        directory = holder.runtime_directory if holder else self._place.runtime_directory()
        context = FrontEndContext(profile=self.directory, runtime_directory=directory)
        for descriptor in self._selection.front_ends:
            if descriptor.connect is not None:
                try:
                    connection = await descriptor.connect(context, self._settings(descriptor))
                except BalchatError:
                    raise
                except BaseException as error:  # noqa: BLE001  # one bad plugin never stops another
                    contain(f"{descriptor.name} ({self._selection.origins[descriptor.name]})", error)
                    continue
                if connection is not None:
                    return connection
        return None

    def open(self, secret: Secret, slot: SlotKind = SlotKind.PASSPHRASE) -> AbstractAsyncContextManager[App]:
        return self._open(secret, slot)

    async def run(self, secret: Secret, slot: SlotKind = SlotKind.PASSPHRASE, *, task_status: TaskStatus[App]) -> None:
        async with self._unlocked(secret, slot) as (runner, live_status, app):
            node = Node(
                runner,
                live_status,
                app,
                network=NetworkSetup(
                    name=self._selection.network.name,
                    origin=self._selection.origins[self._selection.network.name],
                    make=self._make_network,
                ),
                transports=[
                    TransportSetup(
                        name=each.name,
                        origin=self._selection.origins[each.name],
                        latency=each.latency,
                        make=partial(self._make_transport, each),
                    )
                    for each in self._selection.transports
                ],
                front_ends=self._front_ends(),
                backoff=Backoff(
                    first=self._configuration.delivery.retry_first_seconds,
                    longest=self._configuration.delivery.retry_max_seconds,
                    jitter=_random,
                ),
                hedge=self._configuration.delivery.hedge_seconds,
                start_timeout=self._configuration.plugins.start_timeout_seconds,
                stuck=_end_at_once,
            )
            for record in self._selection.broken:
                reason = f"{record.wording}: it cannot be used: {record.problem}"
                live_status.set_plugin(record.name, ServiceState(phase=Phase.DEGRADED, reason=reason))
                if record.cause is not None:
                    log_failure(f"{record.name} ({record.wording})", record.cause)
            await node.run(task_status=task_status)

    def plugins(self) -> Sequence[PluginView]:
        records = discover(self._configuration.plugins.enabled)
        return [view for record in records for view in record.views()]

    def configuration(self) -> Sequence[SettingView]:
        for record in self._selection.broken:
            record.usable()
        return self._configuration.explain(self._selection.settings)

    def configuration_files(self) -> Sequence[Path]:
        return configuration_files(self.directory)

    async def checks(self) -> Sequence[Check]:
        return await examine_profile(
            self.directory,
            plugins=self._plugin_checks,
            vault=self._vault_checks,
            network=self._network_checks,
            room=self._room_checks,
            connect=self.connect,
        )

    async def _plugin_checks(self) -> Sequence[Check]:
        selection, policy = self._selection, self._configuration.delivery.policy
        works_as = "" if selection.works_as is policy else f", works as {selection.works_as}"
        finding = f"{len(selection.origins)} can be used; delivery policy {policy}{works_as}"
        broken = [
            Check(
                name=record.name,
                finding="it cannot be used",
                problem=Problem(
                    what=f"{record.wording}: {record.problem}",
                    remedy="install a version of it that works, or take it out of plugins.enabled",
                ),
            )
            for record in selection.broken
        ]
        return [Check(name="plugins", finding=finding), *broken]

    async def _vault_checks(self) -> Sequence[Check]:
        with self._blaming(self._selection.storage, "checks()"):
            return self._storage.checks(self.directory)

    async def _room_checks(self) -> Sequence[Check]:
        def look() -> list[Check]:
            network = self._selection.network.name
            data = self.directory / "plugins" / network
            checks = [check_room("profile", self.directory, least=_ROOM)]
            checks.append(check_room(f"data of {network}", data, least=_ROOM))
            try:
                runtime = self._place.runtime_directory()
            except BadInput as error:
                problem = Problem(what=str(error), remedy="do what it says, or set XDG_RUNTIME_DIR")
                return [*checks, Check(name="runtime directory", finding="there is none", problem=problem)]
            return [*checks, check_room("runtime directory", runtime, least=_RUNTIME_ROOM)]

        return await to_thread.run_sync(look)

    async def _network_checks(self) -> Sequence[Check]:
        with self._blaming(self._selection.network, "its factory"):
            network = checked(self._make_network(_nobody), Network)
        with self._blaming(self._selection.network, "checks()"):
            return await network.checks()

    @cached_property
    def _configuration(self) -> Configuration:
        return load_configuration(self.directory, overrides=self._overrides)

    @cached_property
    def _selection(self) -> Selection:
        return select(self._configuration, discover(self._configuration.plugins.enabled))

    @cached_property
    def _storage(self) -> Storage:
        descriptor = self._selection.storage
        with self._blaming(descriptor, "its factory"):
            return checked(descriptor.factory(self._settings(descriptor)), Storage)

    def _settings(self, descriptor: Descriptor) -> object:
        return self._selection.settings[descriptor.name]

    def _engine(self) -> CryptoEngine:
        descriptor = self._selection.crypto
        with self._blaming(descriptor, "its factory"):
            return checked(descriptor.factory(self._settings(descriptor)), CryptoEngine)

    def _make_network(self, on_state: Callable[[ServiceState], None]) -> Network:
        descriptor: NetworkDescriptor = self._selection.network
        context = NetworkContext(directory=self._place.plugin_directory(descriptor.name), on_state=on_state)
        return descriptor.factory(context, self._settings(descriptor))

    def _make_transport(self, descriptor: TransportDescriptor, host: TransportContext) -> Transport:
        return descriptor.factory(host, self._settings(descriptor))

    def _front_ends(self) -> list[FrontEndSetup]:
        record = RunningRecord(self.directory, self._place.runtime_directory)
        return [
            FrontEndSetup(name="running", origin="balchat-host", make=lambda: record),
            *self._enabled_front_ends(record.context),
        ]

    def _enabled_front_ends(self, context: FrontEndContext) -> list[FrontEndSetup]:
        return [
            FrontEndSetup(
                name=descriptor.name,
                origin=self._selection.origins[descriptor.name],
                make=partial(descriptor.factory, context, self._settings(descriptor)),
            )
            for descriptor in self._selection.front_ends
            if descriptor.factory is not None
        ]

    @contextmanager
    def _blaming(self, descriptor: Descriptor, what: str) -> Generator[None]:
        """Tell what a plugin raises as its problem, where the account cannot do without it. Raises PluginError."""
        try:
            yield
        except BalchatError:
            raise
        except BaseException as error:
            if must_pass(error):
                raise
            origin = self._selection.origins[descriptor.name]
            raise PluginError(
                plugin=descriptor.name, distribution=origin, problem=f"{what} {words_of(error)}"
            ) from error

    def _settle(self, engine: CryptoEngine, tx: Transaction, *, name: str) -> None:
        """Make the account of a new vault."""
        migrate(tx)
        unit = UnitOfWork(tx=tx, engine=engine, now=_now(), entropy=secrets.token_bytes, policy=self._policy())
        account.create(unit, name)

    def _policy(self) -> Policy:
        configuration = self._configuration
        return Policy(
            read_receipts=configuration.delivery.read_receipts,
            max_contacts=configuration.contacts.max_contacts,
            max_requests=configuration.contacts.max_requests,
            strangers_per_hour=configuration.contacts.requests_per_hour,
        )

    def _runner(self, vault: Vault, engine: CryptoEngine) -> UnitOfWorkRunner:
        return UnitOfWorkRunner(vault, engine, policy=self._policy(), clock=_now, entropy=secrets.token_bytes)

    @asynccontextmanager
    async def _open(self, secret: Secret, slot: SlotKind) -> AsyncGenerator[App]:
        async with self._unlocked(secret, slot) as (_, _, app):
            yield app

    @asynccontextmanager
    async def _unlocked(
        self, secret: Secret, slot: SlotKind
    ) -> AsyncGenerator[tuple[UnitOfWorkRunner, LiveStatus, LocalApp]]:
        storage, engine = self._storage, self._engine()
        with self._blaming(self._selection.storage, "unlock()"):
            vault = await storage.unlock(self.directory, slot, secret)
        try:
            runner = self._runner(vault, engine)
            await runner.open()
            live_status = LiveStatus(
                profile=self.name,
                policy=self._configuration.delivery.policy,
                works_as=self._selection.works_as,
            )
            runner.carry_out_with(live_status.carry_out)
            app = LocalApp(runner, live_status, new_recovery_code=storage.new_recovery_code, process_id=os.getpid())
            yield runner, live_status, app
        finally:
            await vault.aclose()


def _mark(tx: Transaction) -> None:
    """Mark what a vault was restored from as a copy, also where it was no backup, but somebody's copy of the folder."""
    migrate(tx)
    restoring.mark(tx, now=_now())


def _now() -> int:
    return time.time_ns() // 1_000_000


def _end_at_once(stuck: Sequence[str]) -> None:
    """End the process although plugins have not ended; the vault bears that, as it does a kill."""
    with suppress(OSError):
        print(f"balchat: ended although {one_line(stuck)} had not", file=sys.stderr, flush=True)  # noqa: T201  # nobody else is left to say it
    os._exit(WorldError.exit_code)


def _nobody(state: ServiceState) -> None:
    """Take no notice: nothing runs."""
