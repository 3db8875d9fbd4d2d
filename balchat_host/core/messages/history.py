"""What was said: found by id, shown by pages."""

from typing import Final, cast

from balchat_host.api.errors import BadInput, NoSuchMessage
from balchat_host.api.storage import ReadTransaction
from balchat_host.api.views import MessageView
from balchat_host.core import content, conversations, rows
from balchat_host.core.message_views import message_views
from balchat_host.core.rows import ConversationRow, MessageRow

MAX_HISTORY: Final = 1000
_END: Final = 2**62
_SHORTEST_ID: Final = 6
_ID_DIGITS: Final = content.MESSAGE_ID_SIZE * 2


def find(tx: ReadTransaction, which: str, *, conversation: ConversationRow | None = None) -> MessageRow:
    """Return the message that an id, or the beginning of one that is unique, means. Raise NoSuchMessage."""
    digits = which.strip().lower()
    padded = digits.ljust(_ID_DIGITS, "0"), digits.ljust(_ID_DIGITS, "f")
    try:
        lowest, highest = (bytes.fromhex(each) for each in padded)
    except ValueError:
        raise NoSuchMessage(name=which) from None
    if not _SHORTEST_ID <= len(digits) <= _ID_DIGITS:
        raise NoSuchMessage(name=which)
    found = rows.messages_where(
        tx,
        f"message.id BETWEEN ? AND ? AND (message.conversation = ? OR ?) AND {rows.SHOWN} LIMIT 2",
        (lowest, highest, conversation.id if conversation else 0, conversation is None),
    )
    if len(found) != 1:
        raise NoSuchMessage(name=which)
    return found[0]


def show(tx: ReadTransaction, which: str) -> MessageView:
    """Return one message as it is now. Raise NoSuchMessage."""
    return message_views(tx, [find(tx, which)])[0]


def history(  # the ways to say which page
    tx: ReadTransaction,
    which: str,
    *,
    limit: int,
    before: str | None = None,
    after: str | None = None,
    around: str | None = None,
    date: int | None = None,
) -> list[MessageView]:
    """Return a page of a conversation, oldest first: its end, or what one of the four says (`Messages.history`).

    Raise NoSuchConversation, NoSuchMessage, BadInput.
    """
    if not 1 <= limit <= MAX_HISTORY:
        raise BadInput(what="The limit", problem=f"it must be 1 to {MAX_HISTORY}")
    if sum(each is not None for each in (before, after, around, date)) > 1:
        raise BadInput(what="The page", problem="give one of before, after, around and date")
    row = conversations.find(tx, which)
    if after is not None:
        return message_views(tx, _from(tx, row, find(tx, after, conversation=row).seq + 1, limit))
    if before is not None:
        return message_views(tx, _until(tx, row, find(tx, before, conversation=row).seq, limit))
    middle = find(tx, around, conversation=row).seq if around is not None else _at(tx, row, date)
    if middle is None:
        return message_views(tx, _until(tx, row, _END, limit))
    newer = _from(tx, row, middle, limit - limit // 2)
    return message_views(tx, _until(tx, row, middle, limit // 2) + newer)


def _at(tx: ReadTransaction, row: ConversationRow, date: int | None) -> int | None:
    """Return the place of the first message that was sent at a time or later; None where there is none."""
    if date is None:
        return None
    found = tx.query(
        # The index has all that is asked for, in this order.
        f"SELECT seq FROM message WHERE conversation = ? AND sent_at >= ? AND {rows.SHOWN} ORDER BY seq LIMIT 1",  # noqa: S608  # our own text
        (row.id, date),
    )
    return cast("int", found[0][0]) if found else None


def _until(tx: ReadTransaction, row: ConversationRow, end: int, limit: int) -> list[MessageRow]:
    """Return the last messages of a conversation before a place, in their order."""
    found = rows.messages_where(
        tx,
        f"message.conversation = ? AND message.seq < ? AND {rows.SHOWN} ORDER BY message.seq DESC LIMIT ?",
        (row.id, end, limit),
    )
    return found[::-1]


def _from(tx: ReadTransaction, row: ConversationRow, start: int, limit: int) -> list[MessageRow]:
    """Return the first messages of a conversation from a place on, in their order."""
    return rows.messages_where(
        tx,
        f"message.conversation = ? AND message.seq >= ? AND {rows.SHOWN} ORDER BY message.seq LIMIT ?",
        (row.id, start, limit),
    )
