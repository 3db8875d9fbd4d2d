"""A profile on this machine's disk, as front ends use it: what can be asked of an account before and while it runs."""

import os
import sys
from collections.abc import AsyncGenerator, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Final

import anyio
from anyio import to_thread
from anyio.abc import TaskStatus

from balchat_host.api.errors import (
    BadInput,
    BalchatError,
    NoSuchPlugin,
    NoSuchProfile,
    RunningElsewhere,
    RunningUnreachable,
)
from balchat_host.api.failures import contain
from balchat_host.api.frontend import (
    App,
    AppConnection,
    FrontEndContext,
    Holder,
    PluginDetails,
    PluginView,
    Profile,
    Settings,
)
from balchat_host.api.network import Network
from balchat_host.api.storage import SlotKind
from balchat_host.api.types import Check, Problem, Secret, ServiceState
from balchat_host.doctor import examine_profile
from balchat_host.loader.configuration import Configuration, configuration_files
from balchat_host.loader.deployment import deployment_of
from balchat_host.loader.known_plugins import PluginMemory, checks_of_changes
from balchat_host.loader.levels import OPTION, SYSTEM_FILE
from balchat_host.loader.plugin_files import files_of
from balchat_host.loader.plugin_uses import uses_of
from balchat_host.loader.profiles import ProfileDirectory
from balchat_host.loader.room import check_room
from balchat_host.loader.running import end_holder, find_holder
from balchat_host.profile_parts import ProfileParts
from balchat_host.runtime.plugin_failure_messages import checked

if TYPE_CHECKING:
    from balchat_host.app import Composition
    from balchat_host.runtime.unlocked_vault import UnlockedAccount

_ROOM: Final = 32 * 1024 * 1024
"""Octets that the disk of a profile should have left: tor keeps about as much of its network there."""
_RUNTIME_ROOM: Final = 64 * 1024
_SOCKET_PATIENCE: Final = 5.0
"""Seconds to wait for the socket of an account that runs and has lost it: its process looks for it now and then."""
_SOCKET_LOOK: Final = 0.25
_BACKGROUND: Final = "balchat_host.background_program"


class LocalProfile(Profile):
    """A profile on this machine's disk.

    `overrides` are the configuration's values that the command line gave, `system_file` the file that may lock keys.
    """

    def __init__(
        self, place: ProfileDirectory, overrides: Mapping[str, str] | None = None, *, system_file: Path = SYSTEM_FILE
    ) -> None:
        self._place = place
        self._overrides = overrides
        self._system_file = system_file
        self._parts = ProfileParts(place, overrides, system_file=system_file)

    @property
    def name(self) -> str:
        return self._place.name

    @property
    def directory(self) -> Path:
        return self._place.directory

    def exists(self) -> bool:
        with self._parts.blaming(self._parts.selection.storage, "exists()"):
            return self._parts.storage.exists(self.directory)

    def check_name(self, name: str) -> str:
        from balchat_host.core.names import check_name  # noqa: PLC0415  # only who gives a name waits for its tables

        return check_name(name)

    async def create(self, name: str, passphrase: Secret) -> Secret:
        self.check_name(name)
        with self._parts.blaming(self._parts.selection.storage, "new_recovery_code()"):
            code = self._parts.storage.new_recovery_code()
        slots = {SlotKind.PASSPHRASE: passphrase, SlotKind.RECOVERY_CODE: code}
        make_account = partial(self._composition().make_account, name=name)
        vault = await self._parts.storage.create(self.directory, slots, make_account)
        await vault.aclose()
        return code

    async def restore(self, source: Path, secret: Secret, slot: SlotKind = SlotKind.PASSPHRASE) -> None:
        from balchat_host.app import mark_restored  # noqa: PLC0415  # see `_composition`

        await self._parts.storage.restore(self.directory, source, slot, secret, mark_restored)

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
        for descriptor in self._parts.selection.front_ends:
            if descriptor.connect is not None:
                try:
                    connection = await descriptor.connect(context, self._parts.settings(descriptor))
                except BalchatError:
                    raise
                except BaseException as error:  # noqa: BLE001  # one bad plugin never stops another
                    contain(f"{descriptor.name} ({self._parts.selection.origins[descriptor.name]})", error)
                    continue
                if connection is not None:
                    return connection
        return None

    def runtime_directory(self) -> Path:
        return self._place.runtime_directory()

    def check_passphrase(self, passphrase: Secret) -> None:
        with self._parts.blaming(self._parts.selection.storage, "check_passphrase()"):
            self._parts.storage.check_passphrase(passphrase)

    def open(self, secret: Secret, slot: SlotKind = SlotKind.PASSPHRASE) -> AbstractAsyncContextManager[App]:
        return self._open(secret, slot)

    async def start(self, secret: Secret, slot: SlotKind = SlotKind.PASSPHRASE) -> None:
        if not await to_thread.run_sync(self.exists):
            raise NoSuchProfile(name=self.name)
        given = [f"{OPTION}={key}={value}" for key, value in (self._overrides or {}).items()]
        from balchat_host import background  # noqa: PLC0415  # few commands start an account

        # -P: what lies in the folder that we are in is not imported.
        python = [sys.executable, "-I" if sys.flags.isolated else "-P"]
        command = [*python, "-m", _BACKGROUND, *given, str(self._system_file), self.name, slot.value]
        await background.start(command, secret)

    async def run(self, secret: Secret, slot: SlotKind = SlotKind.PASSPHRASE, *, task_status: TaskStatus[App]) -> None:
        composition = self._composition()
        async with self._unlocked(composition, secret, slot) as unlocked:
            deployment = deployment_of(self._parts.configuration, self._parts.selection)
            await to_thread.run_sync(self._plugin_memory.keep, self._parts.records, deployment)
            await composition.node(unlocked).run(task_status=task_status)

    def plugins(self) -> Sequence[PluginView]:
        return [view for record in self._parts.records for view in self._plugin_memory.views(record)]

    def plugin(self, name: str) -> PluginDetails:
        for record in self._parts.records:
            for view in self._plugin_memory.views(record):
                if view.name == name:
                    found = tuple(each for each in record.registered if each.name == name)
                    files = files_of(record.origin) if record.origin else []
                    return PluginDetails(plugin=view, uses=uses_of(found), files=tuple(files))
        raise NoSuchPlugin(name=name)

    def accept_plugin(self, name: str) -> None:
        self._plugin_memory.accept(name, self._parts.records)
        self._parts = self._parts.read_again()

    def deployment_changes(self) -> Sequence[str]:
        return self._plugin_memory.changes(deployment_of(self._parts.configuration, self._parts.selection))

    @property
    def _plugin_memory(self) -> PluginMemory:
        return PluginMemory(self.directory)

    @property
    def settings(self) -> Settings:
        return self._parts.profile_settings(changed=self._read_again)

    def _read_again(self, configuration: Configuration) -> None:
        del configuration  # it is read when it is needed
        self._parts = self._parts.read_again()

    def check_configuration(self) -> None:
        for record in self._parts.selection.broken:
            record.usable()

    def configuration_files(self) -> Sequence[Path]:
        return configuration_files(self.directory, system_file=self._system_file)

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
        selection, policy = self._parts.selection, self._parts.configuration.delivery.policy
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
        slow = [
            Check(name=record.name, finding=f"{record.slowness}, and balchat waits for it whenever it starts")
            for record in self._parts.records
            if record.slowness
        ]
        changed = checks_of_changes(await to_thread.run_sync(self.plugins))
        return [Check(name="plugins", finding=finding), *broken, *slow, *changed]

    async def _vault_checks(self) -> Sequence[Check]:
        with self._parts.blaming(self._parts.selection.storage, "checks()"):
            return self._parts.storage.checks(self.directory)

    async def _room_checks(self) -> Sequence[Check]:
        def look() -> list[Check]:
            network = self._parts.selection.network.name
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
        with self._parts.blaming(self._parts.selection.network, "its factory"):
            network = checked(self._parts.network(_nobody), Network)
        with self._parts.blaming(self._parts.selection.network, "checks()"):
            return await network.checks()

    @asynccontextmanager
    async def _open(self, secret: Secret, slot: SlotKind) -> AsyncGenerator[App]:
        async with self._unlocked(self._composition(), secret, slot) as unlocked:
            app = await unlocked.open_app()
            try:
                yield app
            finally:
                await app.close()

    @asynccontextmanager
    async def _unlocked(
        self, composition: "Composition", secret: Secret, slot: SlotKind
    ) -> AsyncGenerator["UnlockedAccount"]:
        with self._parts.blaming(self._parts.selection.storage, "unlock()"):
            vault = await self._parts.storage.unlock(self.directory, slot, secret)
        try:
            yield composition.unlocked(vault)
        finally:
            await vault.aclose()

    def _composition(self) -> "Composition":
        # Core and runtime take half a second to import, and most commands speak to an account that runs elsewhere.
        from balchat_host.app import Composition  # noqa: PLC0415  # see above

        return Composition(self._parts)


def _nobody(state: ServiceState) -> None:
    """Take no notice: nothing runs."""
