"""What happens to an account, as front ends learn of it.

Events are durable: each is written in the transaction that made it true and has a cursor. A front end reads from
the last cursor that it acknowledged. What is only true for the moment (who is reachable, how far Tor has come) is no
event; `App.status.watch` shows it.
"""

from dataclasses import dataclass
from typing import ClassVar, Final

from balchat_host.api.views import ContactView, MessageState, MessageView, RequestView

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
class MessageStateChanged(Event):
    """A message that we wrote got further, or failed."""

    type: ClassVar[str] = "message.state"

    id: str
    conversation: str
    state: MessageState
    reason: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ContactChanged(Event):
    """A contact was added, got further, or was renamed, verified, blocked or unblocked."""

    type: ClassVar[str] = "contact.changed"

    contact: ContactView


@dataclass(frozen=True, slots=True, kw_only=True)
class ContactRemoved(Event):
    """A contact was removed."""

    type: ClassVar[str] = "contact.removed"

    name: str
    peer_id: str


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
    """A contact request was accepted, rejected or has expired."""

    type: ClassVar[str] = "request.closed"

    peer_id: str
    outcome: str
