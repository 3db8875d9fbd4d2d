"""Views as the account gives them, for tests of front ends that need no account."""

from dataclasses import replace
from typing import Any

from balchat_host.api.views import (
    ContactState,
    ContactView,
    ConversationKind,
    ConversationView,
    FileState,
    FileView,
    MessageState,
    MessageView,
)

DAY = 86_400_000
NOON = 1_800_014_400_000
"""15 January 2027, 12:00 UTC."""


def message(number: int, text: str = "", *, ours: bool = False, conversation: str = "bob", **more: Any) -> MessageView:
    """Return a message, a minute after the one whose number is less by one."""
    fields: dict[str, Any] = {
        "id": f"m{number}",
        "conversation": conversation,
        "author": None if ours else conversation.title(),
        "author_id": "us" if ours else conversation,
        "sent_at": NOON + 60_000 * number,
        "content_type": "text/plain;charset=utf-8",
        "text": text or f"text {number}",
        "in_reply_to": None,
        "state": MessageState.SENT if ours else MessageState.RECEIVED,
    }
    return MessageView(**(fields | more))


def contact(name: str, **more: Any) -> ContactView:
    """Return a contact."""
    fields: dict[str, Any] = {
        "name": name,
        "peer_id": f"peer-{name}",
        "onion": "",
        "conversation": name.casefold(),
        "state": ContactState.ACTIVE,
        "verified": False,
        "blocked": False,
        "unread": 0,
    }
    return ContactView(**(fields | more))


def conversation(name: str, **more: Any) -> ConversationView:
    """Return a conversation with a contact."""
    view = ConversationView(
        id=name.casefold(),
        kind=ConversationKind.DIRECT,
        title=name,
        unread=0,
        first_unread=None,
        last_message=None,
        draft="",
        muted=False,
        muted_until=None,
        archived=False,
        contact=contact(name),
    )
    return replace(view, **more)


def file(**more: Any) -> FileView:
    """Return a picture of Bob's that he offers."""
    known = FileView(
        id="f1",
        message="m",
        conversation="c",
        author="Bob",
        ours=False,
        name="a.png",
        content_type="image/png",
        size=1000,
        state=FileState.OFFERED,
        here=0,
    )
    return replace(known, **more)
