"""What was said: found by id, shown by pages, taken for read."""

from collections.abc import Sequence
from typing import Final, cast

from balchat_host.api.errors import BadInput, NoSuchMessage
from balchat_host.api.storage import ReadTransaction
from balchat_host.api.views import ConversationView, MessageView
from balchat_host.core import content, conversations, rows
from balchat_host.core.content import MessageStatus
from balchat_host.core.delivery import queue
from balchat_host.core.rows import ContactRow, ConversationRow, MessageRow
from balchat_host.core.unit_of_work import ANNOUNCE, UnitOfWork
from balchat_host.core.views import conversation_view, message_view

MAX_HISTORY: Final = 1000
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
        "message.id BETWEEN ? AND ? AND (message.conversation = ? OR ?) LIMIT 2",
        (lowest, highest, conversation.id if conversation else 0, conversation is None),
    )
    if len(found) != 1:
        raise NoSuchMessage(name=which)
    return found[0]


def show(tx: ReadTransaction, which: str) -> MessageView:
    """Return one message as it is now. Raise NoSuchMessage."""
    return message_view(find(tx, which))


def conversation(tx: ReadTransaction, which: str) -> ConversationView:
    """Return a conversation as it is now. Raise NoSuchContact."""
    return conversation_view(tx, *conversations.find(tx, which))


def history(tx: ReadTransaction, which: str, *, limit: int, before: str | None) -> list[MessageView]:
    """Return the last messages of a conversation, oldest first. Raise NoSuchContact, NoSuchMessage, BadInput."""
    if not 1 <= limit <= MAX_HISTORY:
        raise BadInput(what="The limit", problem=f"it must be 1 to {MAX_HISTORY}")
    row, _ = conversations.find(tx, which)
    end = find(tx, before, conversation=row).seq if before else 2**62
    found = rows.messages_where(
        tx,
        "message.conversation = ? AND message.seq < ? ORDER BY message.seq DESC LIMIT ?",
        (row.id, end, limit),
    )
    return [message_view(each) for each in reversed(found)]


def mark_read(unit: UnitOfWork, which: str, *, up_to: str) -> None:
    """Take a conversation for read up to a message, and tell the authors where the policy says so."""
    row, contact = conversations.find(unit.tx, which)
    last = find(unit.tx, up_to, conversation=row)
    read = unit.tx.query(
        "SELECT id FROM message WHERE conversation = ?1 AND author <> (SELECT peer FROM account) AND seq <= ?2"
        " AND seq > (SELECT read_up_to FROM conversation WHERE id = ?1)",
        (row.id, last.seq),
    )
    unit.tx.execute("UPDATE conversation SET read_up_to = max(read_up_to, ?) WHERE id = ?", (last.seq, row.id))
    if not read:
        return
    unit.effect(ANNOUNCE)
    if contact is not None and unit.policy.read_receipts and not contact.blocked:
        send_receipts(unit, contact, [cast("bytes", identifier) for (identifier,) in read], MessageStatus.READ)


def send_receipts(unit: UnitOfWork, contact: ContactRow, message_ids: Sequence[bytes], status: MessageStatus) -> None:
    """Tell a contact what became of messages of theirs."""
    for start in range(0, len(message_ids), content.MAX_STATUSES):
        some = message_ids[start : start + content.MAX_STATUSES]
        body = content.encode_status([(message_id, status) for message_id in some])
        queue.queue_control(unit, contact, content.STATUS, body)
