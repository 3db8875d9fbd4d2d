"""Rows of the tables as typed values. The only place that knows the order of columns."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, cast

from balchat_host.api.storage import ReadTransaction, SqlRow, SqlValue
from balchat_host.api.types import PeerId
from balchat_host.api.views import ContactState, MessageState

CONTACT_COLUMNS: Final = (
    "contact.id, contact.peer_id, contact.name, contact.state, contact.verified, contact.blocked, contact.introduction,"
    " contact.reason, (SELECT account.peer_id FROM account), contact.restored"
)
MESSAGE_COLUMNS: Final = (
    "seq, id, contact, ours, sent_at, content_type, text, in_reply_to, state, reason,"
    " CASE WHEN ours OR sequence IS NULL THEN 0 ELSE sequence - 1 - coalesce((SELECT max(earlier.sequence)"
    " FROM message AS earlier WHERE earlier.contact = message.contact AND earlier.ours = 0"
    " AND earlier.series = message.series AND earlier.sequence < message.sequence), 0) END"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class ContactRow:
    """One row of `contact`, and who we are. `restored`: not heard from since we went on from a backup."""

    id: int
    us: PeerId
    peer: PeerId
    name: str
    state: ContactState
    verified: bool
    blocked: bool
    introduction: str
    reason: str | None
    restored: bool

    @property
    def may_talk(self) -> bool:
        """Both sides have said yes."""
        return self.state is ContactState.ACTIVE


@dataclass(frozen=True, slots=True, kw_only=True)
class MessageRow:
    """One row of `message`."""

    seq: int
    id: bytes
    contact: int
    ours: bool
    sent_at: int
    content_type: str
    text: str | None
    in_reply_to: bytes | None
    state: MessageState
    reason: str | None
    missing_before: int = 0


def contacts_where(tx: ReadTransaction, condition: str, parameters: Sequence[SqlValue] = ()) -> list[ContactRow]:
    """Give the contacts that meet an SQL condition of ours."""
    rows = tx.query(f"SELECT {CONTACT_COLUMNS} FROM contact WHERE {condition}", parameters)  # noqa: S608  # our own text
    return [contact(row) for row in rows]


def contact(row: SqlRow) -> ContactRow:
    """Read a row that begins with the columns of `CONTACT_COLUMNS`."""
    return ContactRow(
        id=cast("int", row[0]),
        peer=PeerId(cast("bytes", row[1])),
        name=cast("str", row[2]),
        state=ContactState(cast("str", row[3])),
        verified=bool(row[4]),
        blocked=bool(row[5]),
        introduction=cast("str", row[6]),
        reason=cast("str | None", row[7]),
        us=PeerId(cast("bytes", row[8])),
        restored=bool(row[9]),
    )


def messages_where(tx: ReadTransaction, condition: str, parameters: Sequence[SqlValue] = ()) -> list[MessageRow]:
    """Give the messages that meet an SQL condition of ours."""
    rows = tx.query(f"SELECT {MESSAGE_COLUMNS} FROM message WHERE {condition}", parameters)  # noqa: S608  # our own text
    return [
        MessageRow(
            seq=cast("int", row[0]),
            id=cast("bytes", row[1]),
            contact=cast("int", row[2]),
            ours=bool(row[3]),
            sent_at=cast("int", row[4]),
            content_type=cast("str", row[5]),
            text=cast("str | None", row[6]),
            in_reply_to=cast("bytes | None", row[7]),
            state=MessageState(cast("str", row[8])),
            reason=cast("str | None", row[9]),
            missing_before=cast("int", row[10]),
        )
        for row in rows
    ]


def number(tx: ReadTransaction, sql: str, parameters: Sequence[SqlValue] = ()) -> int:
    """Give the single number that a query yields; NULL and no row count as 0."""
    rows = tx.query(sql, parameters)
    return cast("int", rows[0][0] or 0) if rows else 0
