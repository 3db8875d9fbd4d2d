"""The profiles on this machine, as programs see them: how to make, open, reach and run an account."""

from abc import ABC, abstractmethod
from collections.abc import Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from pathlib import Path

from anyio.abc import TaskStatus

from balchat_host.api.frontend.app import App
from balchat_host.api.frontend.settings import Settings, SettingView
from balchat_host.api.storage import SlotKind
from balchat_host.api.types import Check, Secret

AppConnection = AbstractAsyncContextManager[App]


@dataclass(frozen=True, slots=True, kw_only=True)
class Holder:
    """The process that holds an account. `here`: it can be seen, and ended, from where we are."""

    process_id: int
    runtime_directory: Path
    here: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class PluginView:
    """One installed or configured plugin.

    `problem` says why it is broken. `kind` and `api_version` are None where only the plugin's code could say: what is
    not enabled is not imported. `changed` says how it differs from what it was when the account first ran with it.
    """

    name: str
    kind: str | None
    summary: str
    distribution: str
    version: str
    api_version: int | None
    enabled: bool
    problem: str | None = None
    changed: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class PluginDetails:
    """A plugin as somebody looks at it who wonders whether to trust it.

    `uses` says in words what its contract gives it to see and to do, a sentence for each descriptor. `files` are those
    of its distribution, as its metadata lists them.
    """

    plugin: PluginView
    uses: tuple[str, ...]
    files: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class DeploymentView:
    """What a deployment's file comes to on this machine.

    `problems` is everything that is wrong with it. `policy` is what it says, `works_as` what that amounts to with its
    transports, None where it cannot be used. `locks` are the keys that users cannot change, `settings` the effective
    configuration.
    """

    file: str
    problems: tuple[str, ...]
    policy: str
    works_as: str | None
    locks: tuple[str, ...]
    plugins: tuple[PluginView, ...]
    settings: tuple[SettingView, ...]


class Profile(ABC):
    """One place on this machine where an account lives or may live."""

    @property
    @abstractmethod
    def name(self) -> str:
        """How people call it."""

    @property
    @abstractmethod
    def directory(self) -> Path:
        """Where it lies."""

    @abstractmethod
    def exists(self) -> bool:
        """Return whether there is an account in it."""

    @abstractmethod
    def runtime_directory(self) -> Path:
        """Return a private directory (0700) of this profile, on this machine only, made if absent. Blocks.

        The account's socket is in it while it runs; a program may put files of its own there, which are gone with a
        restart of the machine. Raise BadInput where none can be made.
        """

    @abstractmethod
    def check_name(self, name: str) -> str:
        """Return a name for an account as it would be kept. Raise BadInput."""

    @abstractmethod
    def check_passphrase(self, passphrase: Secret) -> None:
        """Look whether a passphrase could be that of a new account. Nothing is made. Raise WeakPassphrase, BadInput."""

    @abstractmethod
    async def create(self, name: str, passphrase: Secret) -> Secret:
        """Make an account called `name`; return its recovery code, which is shown once and kept nowhere.

        Raise AccountExists, WeakPassphrase, BadInput.
        """

    @abstractmethod
    async def restore(self, source: Path, secret: Secret, slot: SlotKind = SlotKind.PASSPHRASE) -> None:
        """Make the account again from the backup at `source`, which `secret` opened when it was made.

        It is whole in place or not at all; the backup stays as it is. Raise AccountExists, BadInput where there is no
        backup at `source`, VaultInUse, WrongSecret, VaultDamaged, VaultTooNew, StorageFull, StorageFailed.
        """

    @abstractmethod
    async def connect(self) -> AppConnection | None:
        """Reach the account where it is already running; None where it is not.

        Raise RunningUnreachable, RunningElsewhere where it runs and there is no way to it, and what a connector does.
        """

    @abstractmethod
    def holder(self) -> Holder | None:
        """Return the process that runs the account, as it says itself in the profile; None where none does.

        Blocks for a moment.
        """

    @abstractmethod
    def end_holder(self) -> int:
        """Have that process end, by a signal, whether it can be reached or not; return its id. Blocks for a moment.

        Raise NotRunning, RunningElsewhere.
        """

    @abstractmethod
    def open(self, secret: Secret, slot: SlotKind = SlotKind.PASSPHRASE) -> AbstractAsyncContextManager[App]:
        """Unlock the account for what needs only the vault: no network, nothing is sent."""

    @abstractmethod
    async def run(self, secret: Secret, slot: SlotKind = SlotKind.PASSPHRASE, *, task_status: TaskStatus[App]) -> None:
        """Unlock the account and be there for others, with every enabled plugin, until cancelled or `App.shut_down`.

        Return the App through `task_status.started()` once front ends can reach it; the network may still be starting.
        """

    @abstractmethod
    async def start(self, secret: Secret, slot: SlotKind = SlotKind.PASSPHRASE) -> None:
        """Run the account in a process of its own, which outlives this one; return once it can be reached.

        The network may still be starting. Cancelled, it ends that process. Raise NoSuchProfile, AlreadyRunning,
        VaultInUse where another process has the vault open for too long, SocketUnusable where nothing would serve the
        account to other programs, and whatever keeps it from running: WrongSecret, ConfigurationError, PluginError.
        """

    @abstractmethod
    def plugins(self) -> Sequence[PluginView]:
        """Return every plugin that is installed or configured, broken ones with the reason."""

    @abstractmethod
    def plugin(self, name: str) -> PluginDetails:
        """Return what is known of one plugin, its files and how they changed among it. Blocks. Raise NoSuchPlugin."""

    @abstractmethod
    def accept_plugin(self, name: str) -> None:
        """Remember an enabled plugin as it is now: what has changed is as its owner wants it. Blocks.

        Raise NoSuchPlugin, BadInput.
        """

    @abstractmethod
    def deployment_changes(self) -> Sequence[str]:
        """Say how what the account would run with differs from what it last ran with.

        Each in a sentence or two, which say what that means for messages that wait. Blocks. Raise ConfigurationError,
        PluginError, BadInput.
        """

    @property
    @abstractmethod
    def settings(self) -> Settings:
        """The settings of this profile, for while its account is not up; then, those of its App are to be used.

        Raise ConfigurationError, PluginError where the configuration cannot be used.
        """

    @abstractmethod
    def check_configuration(self) -> None:
        """Raise what is wrong with the configuration, or a plugin that it enables: ConfigurationError, PluginError."""

    @abstractmethod
    def configuration_files(self) -> Sequence[Path]:
        """Return the files that are looked for, the strongest last."""

    @abstractmethod
    async def checks(self) -> Sequence[Check]:
        """Look at everything that this account needs, without starting it."""
