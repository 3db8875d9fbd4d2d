"""What the page can ask of the web process itself, besides the account's App: the calls `web.…`, and their values."""

from abc import abstractmethod
from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum

from balchat_host.api.frontend import Area
from balchat_host.api.storage import SlotKind
from balchat_host.api.views import MessageView
from balchat_ui_web.settings import Language, Unlock


class SecretKind(StrEnum):
    """What a person types to unlock an account."""

    PASSPHRASE = "passphrase"  # noqa: S105  # the name of a kind of secret, not a secret
    RECOVERY_CODE = "recovery-code"

    @property
    def slot(self) -> SlotKind:
        """The key slot that it opens."""
        return SlotKind.PASSPHRASE if self is SecretKind.PASSPHRASE else SlotKind.RECOVERY_CODE


class AccountState(StrEnum):
    """How the account is."""

    NONE = "none"
    """There is none in this profile."""
    STOPPED = "stopped"
    STARTING = "starting"
    RUNNING = "running"
    UNREACHABLE = "unreachable"
    """It runs, and cannot be reached; the state's error says why."""


@dataclass(frozen=True, slots=True, kw_only=True)
class WebError:
    """An error as it stands in a state; `message` is for a person."""

    code: str
    message: str
    fields: Mapping[str, str | int]


@dataclass(frozen=True, slots=True, kw_only=True)
class ProfileState:
    """A profile that has an account: `stopped` or `running`."""

    name: str
    account: AccountState


@dataclass(frozen=True, slots=True, kw_only=True)
class WebState:
    """What the page shows before the account, and beside it.

    `changes` says how what the account would run with differs from what it last ran with. `lock_minutes` is 0 where
    the screen does not lock by itself.
    """

    profile: str
    account: AccountState
    error: WebError | None
    profiles: Sequence[ProfileState]
    version: str
    language: Language
    languages: Sequence[str]
    unlock: Unlock
    lock_minutes: int
    changes: Sequence[str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Created:
    """An account that was made. The recovery code is shown once and kept nowhere."""

    recovery_code: str


@dataclass(frozen=True, slots=True, kw_only=True)
class NewWindow:
    """Where another window begins, for a minute and once."""

    url: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Ticket:
    """What fetches a file, once and soon."""

    path: str


@dataclass(frozen=True, slots=True, kw_only=True)
class QrCode:
    """The modules of a QR code, without the quiet zone around it: a text of 0 and 1 a row."""

    rows: Sequence[str]


class Web(Area):
    """What the web process does."""

    @abstractmethod
    async def state(self) -> WebState:
        """Return how everything is that the App does not tell."""

    @abstractmethod
    def watch(self) -> AsyncIterator[WebState]:
        """Return the state now and after every change."""

    @abstractmethod
    async def choose(self, profile: str) -> WebState:
        """Show another profile, in all windows; there need not be an account in it yet. Raise BadInput."""

    @abstractmethod
    async def check_name(self, name: str) -> str:
        """Return a name for an account as it would be kept. Raise BadInput."""

    @abstractmethod
    async def check_passphrase(self, passphrase: str) -> None:
        """Look whether a passphrase could be that of a new account. Raise WeakPassphrase, BadInput."""

    @abstractmethod
    async def create(self, name: str, passphrase: str) -> Created:
        """Make an account in this profile. Raise AccountExists, WeakPassphrase, BadInput, TerminalOnly."""

    @abstractmethod
    async def start(self, secret: str, slot: SecretKind = SecretKind.PASSPHRASE) -> WebState:
        """Unlock the account, and run it in the background, until it is shut down.

        Raise WrongSecret, Wait, TerminalOnly, and whatever keeps it from running.
        """

    @abstractmethod
    async def new_window(self) -> NewWindow:
        """Make a link for another window."""

    @abstractmethod
    async def ticket(self, file: str) -> Ticket:
        """Return a path that gives a file to whoever fetches it first. Raise NotRunning, NoSuchFile."""

    @abstractmethod
    async def send_when_written(
        self,
        conversation: str,
        text: str,
        files: Sequence[str],
        reply_to: str | None = None,
        *,
        markdown: bool = False,
        mentions: Sequence[str] = (),
    ) -> MessageView:
        """Send a message as `messages.send` does, once all of its files are written: also when the screen locks first.

        Raise TooSlow where nothing more of a file comes, and what `messages.send` raises.
        """

    @abstractmethod
    async def qr(self, text: str) -> QrCode:
        """Draw a QR code of up to 600 characters. Raise BadInput."""

    @abstractmethod
    async def active(self) -> None:
        """Say that a person has pressed a key, clicked or touched, which keeps the screen open."""
