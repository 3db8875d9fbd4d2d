"""How rows look to front ends."""

from dataclasses import asdict, replace
from typing import Any, Final, cast

from balchat_host.api.frontend import NOTES_TO_SELF
from balchat_host.api.storage import ReadTransaction
from balchat_host.api.views import ContactView, ConversationView, MessageView
from balchat_host.core import rows
from balchat_host.core.delivery import progress
from balchat_host.core.rows import ContactRow, ConversationRow, MessageRow

RESTORED: Final = "restored"
"""Why a contact that we had is asked for contact again (`ContactView.reason`)."""


def contact_view(tx: ReadTransaction, row: ContactRow) -> ContactView:
    """Show a contact; whether it is reachable is the runtime's to say."""
    return _contact_view(row, _unread(tx, row.conversation))


def contact_views(tx: ReadTransaction) -> list[ContactView]:
    """Show all contacts, by name. There may be a thousand, so what is unread is counted in one query."""
    counted = tx.query(
        "SELECT id, (SELECT count(*) FROM message WHERE message.conversation = conversation.id"
        " AND author <> (SELECT peer FROM account) AND seq > read_up_to) FROM conversation"
    )
    unread = {cast("int", conversation): cast("int", count) for conversation, count in counted}
    return [_contact_view(row, unread[row.conversation.id]) for row in rows.contacts_where(tx, "1 ORDER BY name_key")]


def _contact_view(row: ContactRow, unread: int) -> ContactView:
    return ContactView(
        name=row.name,
        peer_id=row.peer.octets.hex(),
        onion=row.peer.onion,
        conversation=row.conversation.conversation_id.hex(),
        state=row.state,
        verified=row.verified,
        blocked=row.blocked,
        reason=row.shown_reason or (RESTORED if row.restored else None),
        unread=unread,
    )


def conversation_view(tx: ReadTransaction, row: ConversationRow, contact: ContactRow | None) -> ConversationView:
    """Show a conversation, and the contact that it is with, if it is with one."""
    return ConversationView(
        id=row.conversation_id.hex(),
        kind=row.kind,
        title=NOTES_TO_SELF if contact is None else contact.name,
        unread=_unread(tx, row),
        contact=None if contact is None else contact_view(tx, contact),
    )


def contact_body(view: ContactView) -> dict[str, Any]:
    """Return a contact as it stands in an event."""
    return asdict(view)


def message_view(row: MessageRow) -> MessageView:
    """Show a message."""
    return MessageView(
        id=row.id.hex(),
        conversation=row.conversation_id.hex(),
        author=None if row.ours else row.author_name,
        author_id=row.author.octets.hex(),
        sent_at=row.sent_at,
        content_type=row.content_type,
        text=row.text,
        in_reply_to=row.in_reply_to.hex() if row.in_reply_to else None,
        state=row.state,
        reason=row.progress.reason if row.ours else None,
        delivered_to=row.progress.delivered_to if row.ours else 0,
        recipients=row.progress.recipients if row.ours else 0,
        missing_before=row.missing_before,
    )


def message_view_at_first(row: MessageRow) -> MessageView:
    """Show a message as it was when it came into its conversation."""
    return message_view(replace(row, progress=progress.at_first(recipients=row.progress.recipients)))


def _unread(tx: ReadTransaction, conversation: ConversationRow) -> int:
    """Return how many messages of others came after the one up to which we have read."""
    return rows.number(
        tx,
        "SELECT count(*) FROM message WHERE conversation = ?1 AND author <> (SELECT peer FROM account)"
        " AND seq > (SELECT read_up_to FROM conversation WHERE id = ?1)",
        (conversation.id,),
    )
