"""A `Profiles` without vaults, plugins or a network, for the tests of programs: each profile holds a `FakeApp`.

Accounts are remembered by a file in their directory, so that several processes see the same profiles; what is in an
account lives in the process that made or runs it. While one runs, others reach it over `fake_bridge`.
"""

import json
from collections.abc import AsyncGenerator, Callable, Coroutine, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from pathlib import Path
from typing import Any

import anyio
import anyio.to_thread
from anyio.abc import TaskStatus

from balchat_host.api.errors import (
    AccountExists,
    BadInput,
    BalchatError,
    NoSuchProfile,
    NotRunning,
    RunningElsewhere,
    VaultInUse,
    WeakPassphrase,
    WrongSecret,
)
from balchat_host.api.frontend import App, AppConnection, Holder, PluginView, Profile, Profiles, SettingView
from balchat_host.api.storage import SlotKind
from balchat_host.api.types import ONLINE, STOPPED, Check, Phase, Secret, ServiceState
from balchat_host.core.names import check_name
from balchat_host.testing.fake_app import MIN_PASSPHRASE_SIZE, FakeApp
from balchat_host.testing.fake_bridge import bridged_app, serve

BOOTSTRAP = tuple(
    ServiceState(phase=Phase.STARTING, percent=percent, reason=reason)
    for percent, reason in ((0, "starting"), (14, "handshaking with a relay"), (50, "loading relay descriptors"))
)
"""The states that a fake network goes through before it is online."""

_ACCOUNT = "account.json"
_SOCKET = "socket"


class FakeProfile(Profile):
    """One profile. Public attributes are for tests to look at and to set."""

    def __init__(self, name: str, directory: Path, pace: float, unpublished: ServiceState | None) -> None:
        self._name = name
        self._directory = directory
        self._pace = pace
        self._unpublished = unpublished
        self._app: FakeApp | None = None
        self.running = False
        """Whether `connect` gives the account of this process, as if another process ran it."""
        self.holding: Holder | None = None
        """The process that says of itself that it holds the account."""
        self.unreachable: BalchatError | None = None
        """What `connect` raises, where it shall."""
        self.meanwhile: Callable[[FakeApp], Coroutine[Any, Any, None]] | None = None
        """What goes on in the account while somebody is connected to it."""
        self.in_use: Callable[[], bool] = lambda: False
        """Whether another process has the vault open; asked each time that somebody tries."""
        self.plugin_views: Sequence[PluginView] = ()
        self.settings: Sequence[SettingView] | BalchatError = ()
        self.files: Sequence[Path] = ()
        self.findings: Sequence[Check] = ()

    @property
    def name(self) -> str:
        return self._name

    @property
    def directory(self) -> Path:
        return self._directory

    @property
    def app(self) -> FakeApp:
        """The account. Raises NoSuchProfile."""
        if self._app is None:
            if not self.exists():
                raise NoSuchProfile(name=self.name)
            account = json.loads((self._directory / _ACCOUNT).read_text())
            self._app = FakeApp(account["name"])
            self._app.passphrase = Secret.from_text(account["passphrase"])
        return self._app

    def make(self, name: str = "Alice", passphrase: str = "correct horse battery staple") -> FakeApp:  # noqa: S107  # nothing is behind it
        """Make an account without asking."""
        self._directory.mkdir(parents=True, mode=0o700, exist_ok=True)
        account = {"name": name, "passphrase": passphrase}
        (self._directory / _ACCOUNT).write_text(json.dumps(account))
        return self.app

    def exists(self) -> bool:
        return (self._directory / _ACCOUNT).exists()

    def check_name(self, name: str) -> str:
        return check_name(name)

    async def create(self, name: str, passphrase: Secret) -> Secret:
        if await anyio.to_thread.run_sync(self.exists):
            raise AccountExists(name=self.name)
        if len(passphrase.reveal()) < MIN_PASSPHRASE_SIZE:
            raise WeakPassphrase(problem=f"it has fewer than {MIN_PASSPHRASE_SIZE} characters")
        account = await anyio.to_thread.run_sync(self.make, check_name(name), passphrase.reveal().decode())
        return account.recovery_code

    async def restore(self, source: Path, secret: Secret, slot: SlotKind = SlotKind.PASSPHRASE) -> None:
        """Make the account from another fake profile's directory."""
        if await anyio.to_thread.run_sync(self.exists):
            raise AccountExists(name=self.name)
        backup = anyio.Path(source) / _ACCOUNT
        if not await backup.exists():
            raise BadInput(what=str(source), problem="there is no backup here")
        account = json.loads(await backup.read_text())
        if slot is SlotKind.PASSPHRASE and secret != Secret.from_text(account["passphrase"]):
            raise WrongSecret(slot=slot)
        await anyio.to_thread.run_sync(self.make, account["name"], account["passphrase"])

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
            return self._beside(self.app)
        path = anyio.Path(self._directory) / _SOCKET
        return self._bridged(str(path)) if await path.exists() else None

    def open(self, secret: Secret, slot: SlotKind = SlotKind.PASSPHRASE) -> AbstractAsyncContextManager[App]:
        return self._unlocked(secret, slot)

    async def run(self, secret: Secret, slot: SlotKind = SlotKind.PASSPHRASE, *, task_status: TaskStatus[App]) -> None:
        app = self._unlock(secret, slot)
        app.change_network(STOPPED, STOPPED)
        path = anyio.Path(self._directory) / _SOCKET
        if await path.exists():
            raise VaultInUse
        async with anyio.create_task_group() as tasks:
            await tasks.start(serve, app, str(path))
            task_status.started(app)
            tasks.start_soon(self._bootstrap, app)
            while not app.ended:
                await app.account.bell.wait()
            tasks.cancel_scope.cancel()

    def plugins(self) -> Sequence[PluginView]:
        return self.plugin_views

    def configuration(self) -> Sequence[SettingView]:
        if isinstance(self.settings, BalchatError):
            raise self.settings
        return self.settings

    def configuration_files(self) -> Sequence[Path]:
        return self.files

    async def checks(self) -> Sequence[Check]:
        return self.findings

    # -- inside

    def _unlock(self, secret: Secret, slot: SlotKind) -> FakeApp:
        if self.in_use():
            raise VaultInUse
        app = self.app
        right = app.passphrase if slot is SlotKind.PASSPHRASE else app.recovery_code
        if secret != right:
            raise WrongSecret(slot=slot)
        return app

    @asynccontextmanager
    async def _unlocked(self, secret: Secret, slot: SlotKind) -> AsyncGenerator[App, None]:
        yield self._unlock(secret, slot)

    @asynccontextmanager
    async def _beside(self, app: FakeApp) -> AsyncGenerator[App, None]:
        async with anyio.create_task_group() as tasks:
            if self.meanwhile:
                tasks.start_soon(self.meanwhile, app)
            yield app
            tasks.cancel_scope.cancel()

    @asynccontextmanager
    async def _bridged(self, path: str) -> AsyncGenerator[App, None]:
        yield bridged_app(path)

    async def _bootstrap(self, app: FakeApp) -> None:
        for state in BOOTSTRAP:
            app.change_network(state, STOPPED)
            await anyio.sleep(self._pace)
        if self._unpublished:
            app.change_network(ONLINE, STOPPED, self._unpublished)
        else:
            app.change_network(ONLINE)


class FakeProfiles(Profiles):
    """Profiles under `root`. `pace` is how long each step of a fake bootstrap takes, in seconds.

    `unpublished`: what the transport comes to, where it is one that publishes no address.
    """

    def __init__(self, root: Path, pace: float = 0, unpublished: ServiceState | None = None) -> None:
        self._root = root
        self._pace = pace
        self._unpublished = unpublished
        self._profiles: dict[Path, FakeProfile] = {}

    def profile(self, name: str | None = None) -> FakeProfile:
        directory = Path(name) if name is not None and "/" in name else self._root / (name or "default")
        if directory not in self._profiles:
            self._profiles[directory] = FakeProfile(directory.name, directory, self._pace, self._unpublished)
        return self._profiles[directory]

    def profiles(self) -> Sequence[FakeProfile]:
        found = (self.profile(path.parent.name) for path in sorted(self._root.glob(f"*/{_ACCOUNT}")))
        return list(found)

    @property
    def version(self) -> str:
        return "0.1.0"

    @property
    def own_arguments(self) -> Sequence[str]:
        return []
