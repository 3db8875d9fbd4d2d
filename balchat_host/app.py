"""The composition root: where configuration, plugins, core and runtime become an account.

Nothing else in the host knows all of them, and nothing else makes one from another.
"""

import os
import secrets
import sys
import time
from collections.abc import Callable, Generator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import replace
from functools import cached_property, partial
from pathlib import Path
from typing import Any, Final

from balchat_common.words import one_line

from balchat_host.api.backoff import Backoff
from balchat_host.api.crypto import CryptoEngine
from balchat_host.api.descriptors import Descriptor, TransportDescriptor
from balchat_host.api.errors import BalchatError, PluginError, WorldError
from balchat_host.api.failures import log_failure, must_pass
from balchat_host.api.frontend import FrontEnd, FrontEndContext
from balchat_host.api.network import Network, NetworkContext
from balchat_host.api.storage import Storage, Transaction, Vault
from balchat_host.api.transport import Transport, TransportContext
from balchat_host.api.types import Phase, ServiceState
from balchat_host.core import account, after_restore
from balchat_host.core.schema import migrate
from balchat_host.core.unit_of_work import Policy, UnitOfWork
from balchat_host.loader.configuration import Configuration, examine, load_configuration
from balchat_host.loader.configuration_file import ConfigurationFile
from balchat_host.loader.levels import FILE_NAME, SYSTEM_FILE
from balchat_host.loader.plugins import PluginRecord, discover
from balchat_host.loader.profile_settings import ProfileSettings
from balchat_host.loader.profiles import ProfileDirectory
from balchat_host.loader.running_record import RunningRecord
from balchat_host.loader.selection import Selection, select
from balchat_host.loader.setting_views import values_of
from balchat_host.loader.vetting import vetting
from balchat_host.runtime.files.folder import DiskFolder
from balchat_host.runtime.files.offload import Threads
from balchat_host.runtime.live_status import LiveStatus
from balchat_host.runtime.node import Node
from balchat_host.runtime.plugin_failure_messages import checked, words_of
from balchat_host.runtime.plugin_setups import FrontEndSetup, NetworkSetup, TransportSetup
from balchat_host.runtime.unlocked_vault import UnlockedAccount

FILES: Final = "files"
"""The folder of files in a profile."""
_random: Final = secrets.SystemRandom().random


class Composition:
    """The configuration and the plugins of one profile, and what is made of them.

    `overrides` are the configuration's values that the command line gave, `system_file` the file that may lock keys.
    What a plugin raises that the account cannot do without is raised as PluginError.
    """

    def __init__(
        self, place: ProfileDirectory, overrides: Mapping[str, str] | None = None, *, system_file: Path = SYSTEM_FILE
    ) -> None:
        self._place = place
        self._overrides = overrides
        self._system_file = system_file
        self._node: Node | None = None

    @cached_property
    def configuration(self) -> Configuration:
        return load_configuration(self._place.directory, overrides=self._overrides, system_file=self._system_file)

    @cached_property
    def selection(self) -> Selection:
        return select(self.configuration, self.records)

    @cached_property
    def storage(self) -> Storage:
        descriptor = self.selection.storage
        with self.blaming(descriptor, "its factory"):
            return checked(descriptor.factory(self.settings(descriptor)), Storage)

    @cached_property
    def engine(self) -> CryptoEngine:
        descriptor = self.selection.crypto
        with self.blaming(descriptor, "its factory"):
            return checked(descriptor.factory(self.settings(descriptor)), CryptoEngine)

    def settings(self, descriptor: Descriptor) -> object:
        """Return the settings of a plugin."""
        return self.selection.settings[descriptor.name]

    def profile_settings(
        self, *, up: bool = False, changed: Callable[[Configuration], None] | None = None
    ) -> ProfileSettings:
        """Return the settings as front ends see and change them. `up`: the account uses them already.

        `changed` is called after each change. Raise ConfigurationError, PluginError.
        """
        directory = self._place.directory
        return ProfileSettings(
            ConfigurationFile(directory / FILE_NAME),
            lambda text: examine(directory, overrides=self._overrides, system_file=self._system_file, text=text),
            self._fit,
            {name: type(made) for name, made in self.selection.settings.items()},
            in_use=values_of(self.configuration, self.selection.settings) if up else None,
            apply=changed or self._use,
        )

    def _fit(self, configuration: Configuration) -> Mapping[str, object]:
        # Which plugins there are, a change of the file says to the next start.
        return select(replace(configuration, plugins=self.configuration.plugins), self.records).settings

    def _use(self, configuration: Configuration) -> None:
        if self._node is not None:
            use_at_once(self._node, configuration)

    def network(self, on_state: Callable[[ServiceState], None]) -> Network:
        """Make the network. Raise what its factory raises."""
        descriptor = self.selection.network
        context = NetworkContext(directory=self._place.plugin_directory(descriptor.name), on_state=on_state)
        return descriptor.factory(context, self.settings(descriptor))

    def make_account(self, tx: Transaction, *, name: str) -> None:
        """Make the account of a new vault."""
        migrate(tx)
        unit = UnitOfWork(tx=tx, engine=self.engine, now=_now(), entropy=secrets.token_bytes, policy=self._policy)
        account.create(unit, name)

    def unlocked(self, vault: Vault) -> UnlockedAccount:
        """Return the account in an unlocked vault."""
        return UnlockedAccount(
            vault=vault,
            engine=self.engine,
            policy=self._policy,
            clock=_now,
            entropy=secrets.token_bytes,
            new_recovery_code=self.storage.new_recovery_code,
            process_id=os.getpid(),
            live_status=LiveStatus(
                profile=self._place.name,
                policy=self.configuration.delivery.policy,
                works_as=self.selection.works_as,
            ),
            settings=self.profile_settings(up=True),
            folder=DiskFolder(self._place.directory / FILES),
            offload=Threads(),
        )

    def node(self, unlocked: UnlockedAccount) -> Node:
        """Return what runs an account with its plugins."""
        delivery, network = self.configuration.delivery, self.selection.network
        node = self._node = Node(
            unlocked,
            network=NetworkSetup(name=network.name, origin=self._origin(network), make=self.network),
            transports=[
                TransportSetup(
                    name=each.name,
                    origin=self._origin(each),
                    latency=each.latency,
                    capabilities=each.capabilities,
                    make=partial(self._transport, each),
                )
                for each in self.selection.transports
            ],
            front_ends=self._front_ends(),
            backoff=Backoff(first=delivery.retry_first_seconds, longest=delivery.retry_max_seconds, jitter=_random),
            hedge=delivery.hedge_seconds,
            start_timeout=self.configuration.plugins.start_timeout_seconds,
            lock_after=self.configuration.account.lock_after_minutes * 60,
            accept_requests=self.configuration.requests.accept,
            file_streams=self.configuration.files.streams,
            relay_window=self.configuration.files.relay_window_mib * 2**20,
            stuck=_end_at_once,
        )
        for record in self.selection.broken:
            reason = f"{record.wording}: it cannot be used: {record.problem}"
            unlocked.live_status.set_plugin(
                record.name, ServiceState(phase=Phase.DEGRADED, reason=reason, code="plugin-broken")
            )
            if record.cause is not None:
                log_failure(f"{record.name} ({record.wording})", record.cause)
        return node

    @contextmanager
    def blaming(self, descriptor: Descriptor, what: str) -> Generator[None]:
        """Raise what a plugin raises as its problem, where the account cannot do without it. Raise PluginError."""
        try:
            yield
        except BalchatError:
            raise
        except BaseException as error:
            if must_pass(error):
                raise
            problem = f"{what} {words_of(error)}"
            raise PluginError(plugin=descriptor.name, distribution=self._origin(descriptor), problem=problem) from error

    def _transport(self, descriptor: TransportDescriptor, context: TransportContext) -> Transport:
        return descriptor.factory(context, self.settings(descriptor))

    def _front_ends(self) -> list[FrontEndSetup]:
        record = RunningRecord(self._place.directory, self._place.runtime_directory)
        return [
            FrontEndSetup(name="running", origin="balchat-host", make=lambda _: record),
            *(
                FrontEndSetup(
                    name=each.name,
                    origin=self._origin(each),
                    make=partial(_front_end, each.factory, record.context, self.settings(each)),
                )
                for each in self.selection.front_ends
                if each.factory is not None
            ),
        ]

    def _origin(self, descriptor: Descriptor) -> str:
        return self.selection.origins[descriptor.name]

    @cached_property
    def records(self) -> Sequence[PluginRecord]:
        """Every plugin that is installed or enabled."""
        return discover(self.configuration.plugins.enabled, vetting(self.configuration, self._place.directory))

    @cached_property
    def _policy(self) -> Policy:
        configuration = self.configuration
        return Policy(
            read_receipts=configuration.delivery.read_receipts,
            max_contacts=configuration.contacts.max_contacts,
            max_requests=configuration.contacts.max_requests,
            strangers_per_hour=configuration.contacts.requests_per_hour,
            fetch_pictures_up_to=configuration.files.fetch_pictures_kib * 1024,
        )


def use_at_once(node: Node, configuration: Configuration) -> None:
    """Have an account use what holds at once of a changed configuration (`Writable.AT_ONCE`)."""
    node.set_lock_after(configuration.account.lock_after_minutes * 60)
    node.accept_requests(accepted=configuration.requests.accept)
    node.runner.policy = changed_policy(node.runner.policy, configuration)


def changed_policy(policy: Policy, configuration: Configuration) -> Policy:
    """Return a policy with what holds at once of a changed configuration."""
    return replace(
        policy,
        read_receipts=configuration.delivery.read_receipts,
        fetch_pictures_up_to=configuration.files.fetch_pictures_kib * 1024,
    )


def mark_restored(tx: Transaction) -> None:
    """Mark what a vault was restored from as a copy, also where it was no backup, but somebody's copy of the folder."""
    migrate(tx)
    after_restore.mark(tx, now=_now())


def _front_end(
    factory: Callable[[FrontEndContext, Any], FrontEnd],
    context: FrontEndContext,
    settings: object,
    on_state: Callable[[ServiceState], None],
) -> FrontEnd:
    return factory(replace(context, on_state=on_state), settings)


def _now() -> int:
    return time.time_ns() // 1_000_000


def _end_at_once(stuck: Sequence[str]) -> None:
    """End the process although plugins have not ended; the vault bears that, as it does a kill."""
    with suppress(OSError):
        print(f"balchat: ended although {one_line(stuck)} had not", file=sys.stderr, flush=True)  # noqa: T201  # nobody else is left to say it
    os._exit(WorldError.exit_code)
