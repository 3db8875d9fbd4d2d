"""What was read: how far our owner has come in a conversation, and telling the authors."""

from collections.abc import Sequence
from typing import Final, cast

from balchat_host.api.views import ConversationView
from balchat_host.core import content, conversations, rows
from balchat_host.core.content import MessageStatus
from balchat_host.core.delivery import queue
from balchat_host.core.messages import expiry, history
from balchat_host.core.rows import ContactRow
from balchat_host.core.unit_of_work import UnitOfWork
from balchat_host.core.views import conversation_view

_CONFIRMED_WITHIN: Final = 90 * 24 * 3600 * 1000
"""Milliseconds after which what came is not confirmed as read any more: its author may not know it any longer."""
_BY_OTHERS: Final = "conversation = ?1 AND author <> (SELECT peer FROM account)"


def mark_read(unit: UnitOfWork, which: str, *, up_to: str) -> ConversationView:
    """Take a conversation as read up to a message, and tell the authors where the policy says so.

    Raise NoSuchConversation, NoSuchMessage.
    """
    row = conversations.find(unit.tx, which)
    before = conversation_view(unit.tx, row, now=unit.now)
    last = history.find(unit.tx, up_to, conversation=row)
    read = unit.tx.query(
        f"SELECT id FROM message WHERE {_BY_OTHERS} AND seq <= ?2 AND removal IS NULL"  # noqa: S608  # our own text
        " AND seq > (SELECT read_up_to FROM conversation WHERE id = ?1) AND received_at > ?3",
        (row.id, last.seq, unit.now - _CONFIRMED_WITHIN),
    )
    unit.tx.execute("UPDATE conversation SET read_up_to = max(read_up_to, ?) WHERE id = ?", (last.seq, row.id))
    expiry.begin(unit, row.id, up_to=last.seq)
    contact = conversations.contact_of(unit.tx, row)
    if read and contact is not None and unit.policy.read_receipts and not contact.blocked:
        send_receipts(unit, contact, [cast("bytes", identifier) for (identifier,) in read], MessageStatus.READ)
    return conversations.changed(unit, row, before)


def mark_unread(unit: UnitOfWork, which: str) -> ConversationView:
    """Take the newest message of others in a conversation as unread, and what follows it. Raise NoSuchConversation.

    Nobody is told: what an author knows to be read stays so.
    """
    row = conversations.find(unit.tx, which)
    before = conversation_view(unit.tx, row, now=unit.now)
    newest = rows.number(unit.tx, f"SELECT max(seq) FROM message WHERE {_BY_OTHERS} AND removal IS NULL", (row.id,))  # noqa: S608  # our own text
    if newest:
        unit.tx.execute("UPDATE conversation SET read_up_to = min(read_up_to, ?) WHERE id = ?", (newest - 1, row.id))
    return conversations.changed(unit, row, before)


def send_receipts(unit: UnitOfWork, contact: ContactRow, message_ids: Sequence[bytes], status: MessageStatus) -> None:
    """Tell a contact what became of messages of theirs."""
    for start in range(0, len(message_ids), content.MAX_STATUSES):
        some = message_ids[start : start + content.MAX_STATUSES]
        body = content.encode_status([(message_id, status) for message_id in some])
        queue.queue_control(unit, contact, content.STATUS, body)
