"""Rows of the tables as typed values. The only place that knows the order of columns."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from enum import IntEnum, StrEnum
from typing import Final, cast

from balchat_host.api.storage import ReadTransaction, SqlRow, SqlValue
from balchat_host.api.types import PeerId
from balchat_host.api.views import ContactState, ConversationKind, MessageState
from balchat_host.core.delivery import changes, progress
from balchat_host.core.envelope import Kind
from balchat_host.core.first_contact import machine
from balchat_host.core.first_contact.machine import Phase
from balchat_host.core.identifiers import conversation_of_two

CONTACT_COLUMNS: Final = (
    "contact.peer, peer.account_key, contact.name, contact.verified, contact.blocked, phase, introduction, reason,"
    " restored, contact.conversation, account.peer, account.account_key"
)
CONTACT_TABLES: Final = (
    "contact JOIN peer ON peer.id = contact.peer JOIN first_contact ON first_contact.peer = contact.peer JOIN account"
)
_MESSAGE_COLUMNS: Final = (
    "message.seq, message.id, message.conversation,"  # noqa: S608  # our own text
    " conversation.conversation_id, peer.account_key, contact.name,"
    " message.author = (SELECT account.peer FROM account), sent_at, content_type, text, in_reply_to,"
    " CASE WHEN sequence IS NULL OR message.author = (SELECT account.peer FROM account) THEN 0 ELSE sequence - 1"
    " - coalesce((SELECT max(earlier.sequence) FROM message AS earlier"
    " WHERE earlier.conversation = message.conversation AND earlier.author = message.author"
    " AND earlier.series = message.series AND earlier.sequence < message.sequence), 0) END,"
    " removal, expires_after, expires_at, mentions_us, EXISTS (SELECT 1 FROM version WHERE version.message = seq),"
    f" {progress.COLUMNS}"
)
_MESSAGE_TABLES: Final = (
    "message JOIN conversation ON conversation.id = message.conversation JOIN peer ON peer.id = message.author"
    " LEFT JOIN contact ON contact.peer = message.author"
)
SHOWN: Final = "(removal IS NULL OR removal IN ('deleted', 'unseen', 'timer'))"
"""Of messages that people see, also as deleted, and lines that say that a timer was set."""
SEARCHES: Final = ("no-key-package", "relay-unreachable")
"""Reasons that say how the search for a KeyPackage went, and mean nothing once we have asked."""


class Removal(StrEnum):
    """Why a message has nothing any more of what its author said, or does not show it, or is none."""

    DELETED = "deleted"
    """Its author deleted it for everybody. That there was one is shown."""
    UNSEEN = "unseen"
    """Somebody says to have deleted it, and it has not come. It is shown like a deleted one."""
    FOR_ME = "for-me"
    """Our owner deleted it here. It is not shown."""
    HIDDEN = "hidden"
    """It has expired by the clock. It is not shown, and has all that its author said (`messages.expiry`)."""
    EXPIRED = "expired"
    """It has expired. It is not shown."""
    TIMER = "timer"
    """It is no message: it set the conversation's timer, and a line says so."""


class Purpose(IntEnum):
    """What a payload is for."""

    MESSAGE = 1
    """What a person wrote."""
    RECEIPT = 2
    """What became of their messages. Nothing confirms it."""
    CONTROL = 3
    """What their balchat is to know, and what changes messages: versions, deletions, reactions."""
    ANSWER = 4
    """Answers in one era and in no other: accepts the contact request that it came with, or says that it is open."""
    CONTACT_REQUEST = 5
    """Asks to become a contact; has founded an era."""
    KEY_PACKAGE_REQUEST = 6
    """Asks for a KeyPackage."""
    WELCOME = 7
    """Opens a new era."""

    @property
    def kind(self) -> Kind:
        """The kind of the envelopes that carry it."""
        return _KINDS.get(self, Kind.MLS_MESSAGE)


_KINDS: Final = {
    Purpose.CONTACT_REQUEST: Kind.CONTACT_REQUEST,
    Purpose.KEY_PACKAGE_REQUEST: Kind.KEY_PACKAGE_REQUEST,
    Purpose.WELCOME: Kind.ERA,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class ConversationRow:
    """One row of `conversation`, whom it is with where it is a direct one, and who we are, also by our number.

    `open`: what is written in it may be encrypted, as soon as there is an era. `blocked`: we have blocked the contact.
    """

    id: int
    us: PeerId
    our_number: int
    conversation_id: bytes
    kind: ConversationKind
    contact: PeerId | None
    open: bool
    blocked: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class ContactRow:
    """One row of `contact` with what belongs to it.

    `restored`: not heard from since we went on from a backup.
    """

    id: int
    peer: PeerId
    name: str
    verified: bool
    blocked: bool
    phase: Phase
    introduction: str
    reason: str | None
    restored: bool
    conversation: ConversationRow

    @property
    def us(self) -> PeerId:
        """Who we are."""
        return self.conversation.us

    @property
    def state(self) -> ContactState:
        """What people see of the phase."""
        return machine.shown(self.phase)

    @property
    def may_talk(self) -> bool:
        """Both sides have said yes."""
        return self.phase in machine.TALKING

    @property
    def shown_reason(self) -> str | None:
        """Why we cannot go on with them, as far as it still matters."""
        searching = self.state is ContactState.ADDING and not self.blocked
        return self.reason if searching or self.reason not in SEARCHES else None


@dataclass(frozen=True, slots=True, kw_only=True)
class MessageRow:
    """One row of `message`, and how far it has come. `author_name` is what we call its author, None for ourselves."""

    seq: int
    id: bytes
    conversation: int
    conversation_id: bytes
    author: PeerId
    author_name: str | None
    ours: bool
    sent_at: int
    content_type: str
    text: str | None
    in_reply_to: bytes | None
    progress: progress.Progress
    missing_before: int = 0
    removal: Removal | None = None
    expires_after: int | None = None
    expires_at: int | None = None
    mentions_us: bool = False
    edited: bool = False

    @property
    def deleted(self) -> bool:
        """Whether its author deleted it for everybody."""
        return self.removal in {Removal.DELETED, Removal.UNSEEN}

    @property
    def state(self) -> MessageState:
        """How far it has come; everything of others is received."""
        return self.progress.state if self.ours else MessageState.RECEIVED


@dataclass(frozen=True, slots=True, kw_only=True)
class Era:
    """One row of `era`. `founder` is a peer's number."""

    id: int
    era_id: bytes
    mls_group_id: bytes
    confirmed: bool
    requested: bool
    founder: int


def contacts_where(tx: ReadTransaction, condition: str, parameters: Sequence[SqlValue] = ()) -> list[ContactRow]:
    """Return the contacts that meet an SQL condition of ours."""
    rows = tx.query(f"SELECT {CONTACT_COLUMNS} FROM {CONTACT_TABLES} WHERE {condition}", parameters)  # noqa: S608  # our own text
    return [contact(row) for row in rows]


def contact(row: SqlRow) -> ContactRow:
    """Read a row that begins with the columns of `CONTACT_COLUMNS`."""
    us, peer, phase = PeerId(cast("bytes", row[11])), PeerId(cast("bytes", row[1])), Phase(cast("str", row[5]))
    return ContactRow(
        id=cast("int", row[0]),
        peer=peer,
        name=cast("str", row[2]),
        verified=bool(row[3]),
        blocked=bool(row[4]),
        phase=phase,
        introduction=cast("str", row[6]),
        reason=cast("str | None", row[7]),
        restored=bool(row[8]),
        conversation=ConversationRow(
            id=cast("int", row[9]),
            our_number=cast("int", row[10]),
            us=us,
            conversation_id=conversation_of_two(us, peer),
            kind=ConversationKind.DIRECT,
            contact=peer,
            open=phase in machine.TALKING,
            blocked=bool(row[4]),
        ),
    )


def messages_where(tx: ReadTransaction, condition: str, parameters: Sequence[SqlValue] = ()) -> list[MessageRow]:
    """Return the messages that meet an SQL condition of ours."""
    rows = tx.query(f"SELECT {_MESSAGE_COLUMNS} FROM {_MESSAGE_TABLES} WHERE {condition}", parameters)  # noqa: S608  # our own text
    return [_current(tx, _message(row)) for row in rows]


def _current(tx: ReadTransaction, row: MessageRow) -> MessageRow:
    """Return a message with how far what is shown of it has come."""
    if row.ours and (row.edited or row.removal is Removal.DELETED):
        return replace(row, progress=changes.of(tx, row.seq, row.progress))
    return row


def _message(row: SqlRow) -> MessageRow:
    return MessageRow(
        seq=cast("int", row[0]),
        id=cast("bytes", row[1]),
        conversation=cast("int", row[2]),
        conversation_id=cast("bytes", row[3]),
        author=PeerId(cast("bytes", row[4])),
        author_name=cast("str | None", row[5]),
        ours=bool(row[6]),
        sent_at=cast("int", row[7]),
        content_type=cast("str", row[8]),
        text=cast("str | None", row[9]),
        in_reply_to=cast("bytes | None", row[10]),
        missing_before=cast("int", row[11]),
        removal=Removal(cast("str", row[12])) if row[12] else None,
        expires_after=cast("int | None", row[13]),
        expires_at=cast("int | None", row[14]),
        mentions_us=bool(row[15]),
        edited=bool(row[16]),
        progress=progress.read(row[17:]),
    )


def number(tx: ReadTransaction, sql: str, parameters: Sequence[SqlValue] = ()) -> int:
    """Return the single number that a query yields; NULL and no row count as 0."""
    rows = tx.query(sql, parameters)
    return cast("int", rows[0][0] or 0) if rows else 0
