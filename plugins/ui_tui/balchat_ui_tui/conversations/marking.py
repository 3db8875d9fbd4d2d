"""Marking a conversation as read or as unread, without opening it."""

from balchat_host.api.views import ConversationView
from balchat_ui_tui.effects import Call


def mark(conversation: ConversationView) -> Call:
    """Mark a conversation as read; as unread where it is read already."""
    if conversation.unread and conversation.last_message is not None:
        read = {"conversation": conversation.id, "up_to": conversation.last_message.id}
        return Call("conversations.mark_read", read)
    return Call("conversations.mark_unread", {"conversation": conversation.id})
