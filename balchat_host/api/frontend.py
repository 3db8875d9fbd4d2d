"""The front-end contract: what a program may ask of an account (`App`) and of the machine (`Profiles`, `Profile`).

`App` is one typed description with two implementations: in the process that holds the vault, and across the local
socket. A front end cannot tell which one it has. Every call is safe to repeat after a lost connection unless it
says otherwise; calls that change something return once the change is durable.

Names: a contact is called by the name that we gave it, or by its onion address, chat code or peer id. What is spelt
like an address means that address only; no name is (docs/spec/chat-code.md, Names).
"""

from abc import ABC, abstractmethod
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from pathlib import Path

from anyio.abc import TaskStatus

from balchat_host.api.events import Event
from balchat_host.api.storage import SlotKind
from balchat_host.api.types import Check, Secret
from balchat_host.api.views import (
    CodeView,
    ContactView,
    ConversationView,
    Message,
    RelayView,
    RequestView,
    SafetyNumberView,
    Status,
)

MAX_TEXT_SIZE = 32 * 1024
"""Octets of the longest text in one message, in UTF-8."""
MAX_INTRODUCTION_SIZE = 1024
"""Octets of the longest introduction in a contact request, in UTF-8."""
MAX_NAME_LENGTH = 64
"""Characters of the longest name of an account or a contact."""
NOTES_TO_SELF = "Notes to self"
"""The title of the conversation with ourselves. It is called by that, by `MYSELF`, or by our own chat code."""
MYSELF = "me"


class App(ABC):
    """One unlocked account."""

    # -- the account

    @abstractmethod
    async def code(self) -> CodeView:
        """Give our chat code."""

    @abstractmethod
    async def status(self) -> Status:
        """Give the honest state of everything."""

    @abstractmethod
    def watch_status(self) -> AsyncIterator[Status]:
        """Give the state now and after every change; states that come faster than they are read are left out."""

    @abstractmethod
    async def change_passphrase(self, old: Secret, new: Secret) -> None:
        """Make `new` the passphrase. `old` is the passphrase in use, or the recovery code.

        Raises WrongSecret, WeakPassphrase.
        """

    @abstractmethod
    async def renew_recovery_code(self, passphrase: Secret) -> Secret:
        """Make a new recovery code; the old one stops working. Raises WrongSecret."""

    @abstractmethod
    async def backup(self, target: str) -> None:
        """Write a locked copy of the vault to `target`, an absolute path at which there is nothing yet.

        Raises BadInput, StorageFull, StorageFailed, and then there is nothing at `target`.
        """

    @abstractmethod
    async def shut_down(self) -> int:
        """End the running balchat, cleanly. Gives the id of the process that ends, once it has begun to.

        When that process is gone, so is everything that it held: the vault's lock, the socket, its tor.
        """

    # -- contacts

    @abstractmethod
    async def add_contact(self, code: str, name: str | None = None, introduction: str = "") -> ContactView:
        """Ask the owner of a chat code (or bare onion address) to become a contact; they need not be there now.

        Without `name`, the one in the code is taken. If they asked us already, this accepts.
        Raises BadChatCode, OwnChatCode, AlreadyAContact, NameTaken, BadInput, TooMany.
        """

    @abstractmethod
    async def contacts(self) -> list[ContactView]:
        """Give all contacts by name."""

    @abstractmethod
    async def contact(self, contact: str) -> ContactView:
        """Give one contact as it is now. Raises NoSuchContact."""

    @abstractmethod
    async def rename_contact(self, contact: str, name: str) -> ContactView:
        """Call a contact something else. Raises NoSuchContact, NameTaken, BadInput."""

    @abstractmethod
    async def safety_number(self, contact: str) -> SafetyNumberView:
        """Give the number to compare with the contact."""

    @abstractmethod
    async def verify_contact(self, contact: str, safety_number: str) -> ContactView:
        """Take a contact for verified. Raises SafetyNumberDiffers unless the number, digits alone, is the right one."""

    @abstractmethod
    async def block_contact(self, contact: str) -> ContactView:
        """Hear nothing from a contact any more, without them being told."""

    @abstractmethod
    async def unblock_contact(self, contact: str) -> ContactView:
        """Hear from a contact again. What they sent meanwhile and still hold comes in."""

    @abstractmethod
    async def remove_contact(self, contact: str) -> None:
        """Delete a contact with its conversation and everything in it."""

    @abstractmethod
    async def requests(self) -> list[RequestView]:
        """Give the contact requests that wait for us, oldest first."""

    @abstractmethod
    async def accept_request(self, request: str, name: str | None = None) -> ContactView:
        """Make who asked a contact, called `name` or as they call themselves.

        `request` is a peer id, an onion address, or the name they gave if only one gave it.
        Raises NoSuchRequest, NameTaken.
        """

    @abstractmethod
    async def reject_request(self, request: str) -> RequestView:
        """Turn a request down, and give it as it was. Who asked is not told. Raises NoSuchRequest."""

    # -- relays

    @abstractmethod
    async def relays(self) -> list[RelayView]:
        """Give our relays, the default one first. Raises NotRunning, NoRelayTransport."""

    @abstractmethod
    async def add_relay(self, address: str) -> RelayView:
        """Go to a relay, see that it can be used, and use it from now on; the first one becomes the default.

        `address` is `balchat-relay:…`, or a bare onion address. Adding one again takes its new permit.
        Raises NotRunning, NoRelayTransport, BadRelayAddress, RelayUnusable, TooMany.
        """

    @abstractmethod
    async def remove_relay(self, relay: str) -> None:
        """Use a relay no more. Contacts learn of it; what waits there is fetched while it lasts.

        `relay` is its onion address, or its beginning. Raises NotRunning, NoRelayTransport, NoSuchRelay.
        """

    @abstractmethod
    async def check_relay(self, relay: str) -> RelayView:
        """Go to a relay now, and say how it is. Raises NotRunning, NoRelayTransport, NoSuchRelay."""

    @abstractmethod
    async def set_default_relay(self, relay: str) -> RelayView:
        """Make a relay the one that contacts try first. Raises NotRunning, NoRelayTransport, NoSuchRelay."""

    # -- conversations and messages

    @abstractmethod
    async def conversation(self, which: str) -> ConversationView:
        """Return a conversation as it is now: by its contact, its title or its id. Raises NoSuchContact."""

    @abstractmethod
    async def send(self, contact: str, text: str, reply_to: str | None = None) -> Message:
        """Write a message. It is durable when this returns, and is sent as soon as there is a way. Not safe to repeat.

        Raises NoSuchContact, ContactBlocked, NoSuchMessage (reply_to: a whole id, or the beginning of one that is
        unique in the conversation and has at least 6 digits), TextTooLong, BadInput.
        """

    @abstractmethod
    async def message(self, message_id: str) -> Message:
        """Give one message as it is now."""

    @abstractmethod
    async def history(self, contact: str, limit: int = 50, before: str | None = None) -> list[Message]:
        """Give the last `limit` (1 to 1,000) messages of a conversation, or those before a message, oldest first."""

    @abstractmethod
    async def mark_read(self, contact: str, up_to: str) -> None:
        """Take everything up to the message `up_to` for read.

        The author learns it, unless the configuration says otherwise.
        """

    # -- events

    @abstractmethod
    async def cursor(self) -> int:
        """Give the cursor of the newest event.

        Whoever takes it first, then reads or changes something, then follows `events(after=cursor)`, misses nothing.
        """

    @abstractmethod
    def events(self, after: int | None = None, subscriber: str | None = None) -> AsyncIterator[Event]:
        """Give every event after the cursor `after`, in order, and go on for ever.

        Without `after`: after the last one that `subscriber` acknowledged, or the oldest that is kept; without both,
        those from now on. That an event was given does not count as dealt with. Raises CursorTooOld.
        """

    @abstractmethod
    async def acknowledge(self, subscriber: str, cursor: int) -> None:
        """Remember that `subscriber` (1 to 64 characters) has dealt with everything up to `cursor`.

        What no subscriber still needs is deleted some day. Cursor 0 says only that there is such a subscriber: what it
        has not dealt with is kept from then on.
        """


class FrontEnd(ABC):
    """A front end that runs inside the process that holds the account."""

    @abstractmethod
    async def run(self, app: App, *, task_status: TaskStatus[None]) -> None:
        """Serve until cancelled. Calls `task_status.started()` when it can be used.

        Called once for each object: where it raises or returns, the factory makes another one, after a while.
        """


@dataclass(frozen=True, slots=True, kw_only=True)
class FrontEndContext:
    """What the host gives a front end.

    `runtime_directory` is private (0700), this account's own, on this machine only, and short enough for a socket with
    a name of up to 19 octets in it. `profile` is the account's directory.

    The system may empty the runtime directory while the account is up, as many do at logout. Whoever finds that what
    it had put there is gone calls `make_runtime_directory`, in a worker thread: it gives the directory to use from then
    on, made where it is absent, and tells the account's clients of it. Raises BadInput where none can be made.
    """

    profile: Path
    runtime_directory: Path
    make_runtime_directory: Callable[[], Path] | None = None
    """None for a client."""


AppConnection = AbstractAsyncContextManager[App]
Connector = Callable[[FrontEndContext, object], Awaitable[AppConnection | None]]
"""Finds the `App` of a running account: gives None where none runs, raises where one runs and cannot be used."""


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
    not enabled is not imported.
    """

    name: str
    kind: str | None
    summary: str
    distribution: str
    version: str
    api_version: int | None
    enabled: bool
    problem: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class SettingView:
    """One value of the configuration.

    Its dotted key, value, and the file that says so (or `default`). `locked_by` names a file.
    """

    key: str
    value: object
    source: str
    locked_by: str | None = None


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
        """Say whether there is an account in it."""

    @abstractmethod
    def check_name(self, name: str) -> str:
        """Return a name for an account as it would be kept. Raises BadInput."""

    @abstractmethod
    async def create(self, name: str, passphrase: Secret) -> Secret:
        """Make an account called `name`; give its recovery code, which is shown once and kept nowhere.

        Raises AccountExists, WeakPassphrase, BadInput.
        """

    @abstractmethod
    async def restore(self, source: Path, secret: Secret, slot: SlotKind = SlotKind.PASSPHRASE) -> None:
        """Make the account again from the backup at `source`, which `secret` opened when it was made.

        It is whole in place or not at all; the backup stays as it is. Raises AccountExists, BadInput where there is no
        backup at `source`, VaultInUse, WrongSecret, VaultDamaged, VaultTooNew, StorageFull, StorageFailed.
        """

    @abstractmethod
    async def connect(self) -> AppConnection | None:
        """Reach the account where it is already running; None where it is not.

        Raises RunningUnreachable, RunningElsewhere where it runs and there is no way to it, and what a connector does.
        """

    @abstractmethod
    def holder(self) -> Holder | None:
        """Return the process that runs the account, as it says itself in the profile; None where none does.

        Blocks for a moment.
        """

    @abstractmethod
    def end_holder(self) -> int:
        """Have that process end, by a signal, whether it can be reached or not; return its id. Blocks for a moment.

        Raises NotRunning, RunningElsewhere.
        """

    @abstractmethod
    def open(self, secret: Secret, slot: SlotKind = SlotKind.PASSPHRASE) -> AbstractAsyncContextManager[App]:
        """Unlock the account for what needs only the vault: no network, nothing is sent."""

    @abstractmethod
    async def run(self, secret: Secret, slot: SlotKind = SlotKind.PASSPHRASE, *, task_status: TaskStatus[App]) -> None:
        """Unlock the account and be there for others, with every enabled plugin, until cancelled or `App.shut_down`.

        Gives the App through `task_status.started()` once front ends can reach it; the network may still be starting.
        """

    @abstractmethod
    def plugins(self) -> Sequence[PluginView]:
        """Give every plugin that is installed or configured, broken ones with the reason."""

    @abstractmethod
    def configuration(self) -> Sequence[SettingView]:
        """Give every value that holds for this profile. Raises ConfigurationError."""

    @abstractmethod
    def configuration_files(self) -> Sequence[Path]:
        """Give the files that are looked for, the strongest last."""

    @abstractmethod
    async def checks(self) -> Sequence[Check]:
        """Look at everything that this account needs, without starting it."""


class Profiles(ABC):
    """What a program front end gets: the profiles on this machine."""

    @abstractmethod
    def profile(self, name: str | None = None) -> Profile:
        """Give a profile by name, by directory (anything with a path separator), or the default one.

        It need not exist yet.
        """

    @abstractmethod
    def profiles(self) -> Sequence[Profile]:
        """Give the profiles that have an account, by name."""

    @property
    @abstractmethod
    def version(self) -> str:
        """The version of balchat-host."""

    @property
    @abstractmethod
    def own_arguments(self) -> Sequence[str]:
        """What the host itself took from the command line; a process that shall be like this one needs it too."""


Program = Callable[[Profiles, Sequence[str]], int]
"""A front end that a person starts.

Takes the profiles and the command line after the program's name; gives the exit code.
"""
