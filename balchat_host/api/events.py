"""What happens to an account, as front ends learn of it.

Events are durable: each is written in the transaction that made it true and has a cursor. A front end reads from
the last cursor that it acknowledged. What is only true for the moment (who is reachable, how far Tor has come) is no
event; `Events.ephemeral` and `Status.watch` show it.
"""

from dataclasses import dataclass
from typing import ClassVar, Final

from balchat_host.api.views import AlarmKind, ContactView, ConversationView, FileView, MessageView, RequestView

event_types: Final[dict[str, type["Event"]]] = {}
"""All event classes by their `type`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """Something that happened. `cursor` grows by at least one with each; `at` is Unix milliseconds."""

    type: ClassVar[str] = ""

    cursor: int
    at: int

    def __init_subclass__(cls) -> None:
        event_types[cls.type] = cls


@dataclass(frozen=True, slots=True, kw_only=True)
class MessageAdded(Event):
    """A message came into a conversation: received, or written by us."""

    type: ClassVar[str] = "message.added"

    message: MessageView


@dataclass(frozen=True, slots=True, kw_only=True)
class MessageChanged(Event):
    """A message got further, more people have it, or it failed; or it was edited, deleted or reacted to.

    `message` is as far as it was then, and otherwise as it is when the event is read. `changed` names its fields that
    are different from before.
    """

    type: ClassVar[str] = "message.changed"

    message: MessageView
    changed: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class MessageRemoved(Event):
    """A message is not shown any more: it has expired, or was deleted here."""

    type: ClassVar[str] = "message.removed"

    id: str
    conversation: str


@dataclass(frozen=True, slots=True, kw_only=True)
class FileChanged(Event):
    """A file is wanted, paused, complete, removed or not to be had; or somebody has all of one of ours.

    `file` is as it is when the event is read. How far a transfer is in between, `Events.ephemeral` tells.
    """

    type: ClassVar[str] = "file.changed"

    file: FileView


@dataclass(frozen=True, slots=True, kw_only=True)
class ConversationChanged(Event):
    """A conversation was read, marked as unread, muted or archived, or has another draft or another timer.

    `conversation` is as it is when the event is read: no draft is kept that is gone. `changed` names its fields that
    are different from before. What follows from a new message alone has no such event but that message's.
    """

    type: ClassVar[str] = "conversation.changed"

    conversation: ConversationView
    changed: tuple[str, ...]


DEVICE: Final = "device"
"""What has changed of a contact who uses another device (`ContactChanged.changed`)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ContactChanged(Event):
    """A contact was added, got further, or was renamed, verified, blocked or unblocked.

    `contact` is as it was then, but for `reachable`, which is not known of the past and always false. `changed` names
    its fields that are different from before; it is empty for a contact that is new. `DEVICE` is among them where the
    contact goes on with another device in place of the one before: from a backup, which somebody else may have opened.
    """

    type: ClassVar[str] = "contact.changed"

    contact: ContactView
    changed: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class ContactRemoved(Event):
    """A contact was removed, with the conversation with them."""

    type: ClassVar[str] = "contact.removed"

    name: str
    peer_id: str
    conversation: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ContactAlarm(Event):
    """Something about a contact that our owner should hear: see `AlarmKind`. Each kind once a week at most."""

    type: ClassVar[str] = "contact.alarm"

    name: str
    peer_id: str
    conversation: str
    kind: AlarmKind


@dataclass(frozen=True, slots=True, kw_only=True)
class AccountRestored(Event):
    """The account went on from a backup that was made at `copied_at`; `contacts` is how many contacts are asked again.

    What happened between the two is not known here. Cursors go on above any that was given out meanwhile.
    """

    type: ClassVar[str] = "account.restored"

    copied_at: int
    contacts: int


@dataclass(frozen=True, slots=True, kw_only=True)
class RequestReceived(Event):
    """Somebody asks to become a contact."""

    type: ClassVar[str] = "request.received"

    request: RequestView


@dataclass(frozen=True, slots=True, kw_only=True)
class RequestClosed(Event):
    """A contact request is no longer there; `outcome` is `accepted`, `rejected`, `blocked` or `expired`."""

    type: ClassVar[str] = "request.closed"

    peer_id: str
    outcome: str
