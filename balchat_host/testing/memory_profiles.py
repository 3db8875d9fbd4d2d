"""The `Profiles` of a program under test: profiles whose accounts are in memory, without plugins and without a network.

    profiles = MemoryProfiles(tmp_path)
    alice = profiles.profile().make()        # an account that no process runs: `MemoryAccount`
    profiles.profile().running = True        # as if another process ran it
    alice.befriend("Bob")
    assert main(profiles, ["contacts", "list"]) == 0

Accounts are remembered by a file in their directory, so that several processes see the same profiles; what is in an
account lives in the process that made or runs it. While a process runs one, others reach it through `front_ends`.
"""

from __future__ import annotations

import json
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

import anyio
from anyio.lowlevel import checkpoint

from balchat_host.api.errors import (
    AccountExists,
    AlreadyRunning,
    BadInput,
    BalchatError,
    NoSuchPlugin,
    NoSuchProfile,
    NoSuchProgram,
    NotRunning,
    RunningElsewhere,
    VaultInUse,
    WrongSecret,
)
from balchat_host.api.frontend import (
    App,
    DeploymentView,
    FrontEndContext,
    Holder,
    PluginDetails,
    PluginView,
    Profile,
    Profiles,
    ProgramView,
    Settings,
)
from balchat_host.api.storage import SlotKind
from balchat_host.api.types import ONLINE, STOPPED, Check, Phase, Secret, ServiceState
from balchat_host.authoring.scaffold import new_plugin
from balchat_host.core.names import check_name
from balchat_host.testing.memory_storage import MemoryStorage

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Awaitable, Callable, Coroutine, Iterator, Sequence
    from contextlib import AbstractAsyncContextManager
    from typing import Any

    from anyio.abc import TaskStatus

    from balchat_host.api.descriptors import FrontEndDescriptor
    from balchat_host.api.frontend import AppConnection, PluginKind, Program
    from balchat_host.testing.memory_account import MemoryAccount

    Starting = Callable[["MemoryProfile", Secret, SlotKind], Awaitable[None]]

T = TypeVar("T")

BOOTSTRAP = tuple(
    ServiceState(phase=Phase.STARTING, percent=percent, reason=reason)
    for percent, reason in ((0, "starting"), (14, "handshaking with a relay"), (50, "loading relay descriptors"))
)
"""The states that the network goes through before it is online."""

_ACCOUNT = "account.json"
_PASSPHRASE = "correct horse battery staple"  # noqa: S105  # nothing is behind it


class MemoryProfile(Profile):
    """One profile. Public attributes are for tests to look at and to set."""

    def __init__(
        self,
        name: str,
        directory: Path,
        *,
        front_ends: Callable[[], Sequence[FrontEndDescriptor]],
        pace: float,
        unpublished: ServiceState | None,
        starting: Starting | None,
    ) -> None:
        self._name = name
        self._directory = directory
        self._front_ends = front_ends
        self._pace = pace
        self._unpublished = unpublished
        self._starting = starting
        self._account: MemoryAccount | None = None
        self.running = False
        """Whether `connect` gives the account of this process, as if another process ran it."""
        self.holding: Holder | None = None
        """The process that says of itself that it holds the account."""
        self.unreachable: BalchatError | None = None
        """What `connect` raises; None where it raises nothing."""
        self.meanwhile: Callable[[], Coroutine[Any, Any, None]] | None = None
        """What goes on in the account while somebody is connected to it."""
        self.in_use: Callable[[], bool] = lambda: False
        """Whether another process has the vault open; asked each time that somebody tries."""
        self.plugin_views: Sequence[PluginView] = ()
        self.changes: Sequence[str] = ()
        """How what it would run with differs from what it last ran with."""
        self.misconfigured: BalchatError | None = None
        """What is wrong with the configuration; None where nothing is."""
        self.files: Sequence[Path] = ()
        self.findings: Sequence[Check] = ()

    @property
    def name(self) -> str:
        return self._name

    @property
    def directory(self) -> Path:
        return self._directory

    @property
    def account(self) -> MemoryAccount:
        """The account. Raise NoSuchProfile."""
        if self._account is None:
            if not self.exists():
                raise NoSuchProfile(name=self.name)
            kept = json.loads((self._directory / _ACCOUNT).read_text())
            return self._new(kept["name"], kept["passphrase"])
        return self._account

    def make(self, name: str = "Alice", passphrase: str = _PASSPHRASE, **more: Any) -> MemoryAccount:
        """Make an account without asking; `more` is what `MemoryAccount` takes besides."""
        account = self._new(name, passphrase, **more)
        self._directory.mkdir(parents=True, mode=0o700, exist_ok=True)
        (self._directory / _ACCOUNT).write_text(account.kept)
        return account

    def exists(self) -> bool:
        return (self._directory / _ACCOUNT).exists()

    def runtime_directory(self) -> Path:
        self._directory.mkdir(parents=True, mode=0o700, exist_ok=True)
        return self._directory

    def check_name(self, name: str) -> str:
        return check_name(name)

    def check_passphrase(self, passphrase: Secret) -> None:
        MemoryStorage().check_passphrase(passphrase)

    async def create(self, name: str, passphrase: Secret) -> Secret:
        await checkpoint()
        check_name(name)
        if self.exists():
            raise AccountExists(name=self.name)
        return self.make(name, passphrase.reveal().decode()).recovery_code

    async def restore(self, source: Path, secret: Secret, slot: SlotKind = SlotKind.PASSPHRASE) -> None:
        """Make the account from a backup of an account in memory, or from another profile's directory."""
        await checkpoint()
        if self.exists():
            raise AccountExists(name=self.name)
        backup = source / _ACCOUNT
        if not backup.exists():
            raise BadInput(what=str(source), problem="there is no backup here")
        kept = json.loads(backup.read_text())
        if slot is SlotKind.PASSPHRASE and secret != Secret.from_text(kept["passphrase"]):
            raise WrongSecret(slot=slot)
        self.make(kept["name"], kept["passphrase"])

    def holder(self) -> Holder | None:
        return self.holding

    def end_holder(self) -> int:
        if self.holding is None:
            raise NotRunning
        if not self.holding.here:
            raise RunningElsewhere(directory=str(self.holding.runtime_directory))
        process, self.holding = self.holding.process_id, None
        return process

    async def connect(self) -> AppConnection | None:
        if self.unreachable is not None:
            raise self.unreachable
        if self.running:
            return self._beside(self.account)
        for descriptor in self._front_ends():
            if descriptor.connect is not None:
                connection = await descriptor.connect(self._context, descriptor.settings())
                if connection is not None:
                    return connection
        return None

    def open(self, secret: Secret, slot: SlotKind = SlotKind.PASSPHRASE) -> AbstractAsyncContextManager[App]:
        return self._unlocked(secret, slot)

    async def run(self, secret: Secret, slot: SlotKind = SlotKind.PASSPHRASE, *, task_status: TaskStatus[App]) -> None:
        account = await self._unlock(secret, slot)
        if not self.running and await self.connect() is not None:
            raise VaultInUse
        account.set_network(STOPPED)
        async with anyio.create_task_group() as tasks:
            for descriptor in self._front_ends():
                if descriptor.factory is not None:
                    front_end = descriptor.factory(self._context, descriptor.settings())
                    await tasks.start(front_end.run, account.app)
            task_status.started(account.app)
            tasks.start_soon(self._bootstrap, account)
            while not account.ended:
                await account.live_status.changed.next_ring().wait()
            tasks.cancel_scope.cancel()

    async def start(self, secret: Secret, slot: SlotKind = SlotKind.PASSPHRASE) -> None:
        """Have `starting` start it; without that, the account of this process is as if another one ran it."""
        connection = await self.connect()
        if connection is not None:
            async with connection:
                raise AlreadyRunning
        if self._starting is None:
            await self._unlock(secret, slot)
            self.running = True
        else:
            await self._starting(self, secret, slot)

    def plugins(self) -> Sequence[PluginView]:
        return self.plugin_views

    def plugin(self, name: str) -> PluginDetails:
        for view in self.plugin_views:
            if view.name == name:
                return PluginDetails(plugin=view, uses=("It sees what you see.",), files=(f"{name}/__init__.py",))
        raise NoSuchPlugin(name=name)

    def accept_plugin(self, name: str) -> None:
        changed = replace(self.plugin(name).plugin, changed=None)
        self.plugin_views = [changed if view.name == name else view for view in self.plugin_views]

    def deployment_changes(self) -> Sequence[str]:
        return self.changes

    @property
    def settings(self) -> Settings:
        if self.misconfigured is not None:
            raise self.misconfigured
        return self.account.app.settings

    def check_configuration(self) -> None:
        if self.misconfigured is not None:
            raise self.misconfigured

    def configuration_files(self) -> Sequence[Path]:
        return self.files

    async def checks(self) -> Sequence[Check]:
        return self.findings

    # -- inside

    @property
    def _context(self) -> FrontEndContext:
        return FrontEndContext(profile=self._directory, runtime_directory=self._directory)

    def _new(self, name: str, passphrase: str, **more: Any) -> MemoryAccount:
        from balchat_host.testing.memory_account import MemoryAccount  # noqa: PLC0415  # `--help` does not wait for it

        self._account = MemoryAccount(name, passphrase=Secret.from_text(passphrase), profile=self.name, **more)
        return self._account

    async def _unlock(self, secret: Secret, slot: SlotKind) -> MemoryAccount:
        if self.in_use():
            raise VaultInUse
        await self.account.vault.verify_slot(slot, secret)
        return self.account

    @asynccontextmanager
    async def _unlocked(self, secret: Secret, slot: SlotKind) -> AsyncGenerator[App]:
        yield (await self._unlock(secret, slot)).vault_app()

    @asynccontextmanager
    async def _beside(self, account: MemoryAccount) -> AsyncGenerator[App]:
        async with anyio.create_task_group() as tasks:
            if self.meanwhile:
                tasks.start_soon(self.meanwhile)
            yield account.app
            tasks.cancel_scope.cancel()

    async def _bootstrap(self, account: MemoryAccount) -> None:
        for state in BOOTSTRAP:
            account.set_network(state, published=STOPPED)
            await anyio.sleep(self._pace)
        if self._unpublished:
            account.set_network(ONLINE, published=STOPPED, transport=self._unpublished)
        else:
            account.set_network(ONLINE)


class MemoryProfiles(Profiles):
    """Profiles under `root`. `front_ends` returns those that serve an account that runs, and lead others to it.

    `pace` is how long each step of a bootstrap takes, in seconds. `unpublished`: what the transport comes to, where it
    is one that publishes no address. `starting` runs an account in a process of its own (`Profile.start`).
    """

    def __init__(
        self,
        root: Path,
        *,
        front_ends: Callable[[], Sequence[FrontEndDescriptor]] = tuple,
        pace: float = 0,
        unpublished: ServiceState | None = None,
        starting: Starting | None = None,
    ) -> None:
        self._root = root
        self._front_ends = front_ends
        self._pace = pace
        self._unpublished = unpublished
        self._starting = starting
        self._profiles: dict[Path, MemoryProfile] = {}
        self.others: dict[str, Program] = {}
        """The programs of other front ends, by name."""
        self.own: dict[str, object] = {}
        """The settings of programs' own plugins, by name; those that are not here are as they are declared."""
        self.verdicts: Sequence[Check] = ()
        """What checking a plugin finds."""
        self.faults: tuple[str, ...] = ()
        """What is wrong with a deployment."""

    def profile(self, name: str | None = None) -> MemoryProfile:
        directory = Path(name) if name is not None and "/" in name else self._root / (name or "default")
        if directory not in self._profiles:
            self._profiles[directory] = MemoryProfile(
                directory.name,
                directory,
                front_ends=self._front_ends,
                pace=self._pace,
                unpublished=self._unpublished,
                starting=self._starting,
            )
        return self._profiles[directory]

    def profiles(self) -> Sequence[MemoryProfile]:
        return [self.profile(path.parent.name) for path in sorted(self._root.glob(f"*/{_ACCOUNT}"))]

    @property
    def version(self) -> str:
        return "0.1.0"

    @property
    def own_arguments(self) -> Sequence[str]:
        return []

    def own_settings(self, plugin: str, declared: type[T], profile: str | None = None) -> T:
        del profile
        made = self.own.get(plugin)
        return made if isinstance(made, declared) else declared()

    def programs(self) -> Sequence[ProgramView]:
        return [ProgramView(name=name, summary=program.__doc__ or "") for name, program in self.others.items()]

    def start(self, name: str, arguments: Sequence[str]) -> int:
        if name not in self.others:
            raise NoSuchProgram(name=name)
        return self.others[name](self, arguments)

    def new_plugin(self, kind: PluginKind, name: str, parent: Path) -> Path:
        return new_plugin(kind, name, parent)

    def check_plugin(self, plugin: str) -> Iterator[Check]:
        del plugin
        return iter(self.verdicts)

    def check_deployment(self, file: Path) -> DeploymentView:
        return DeploymentView(
            file=str(file), problems=self.faults, policy="both", works_as="both", locks=("plugins",), plugins=(),
            settings=(),
        )  # fmt: skip
