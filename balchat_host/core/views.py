"""How rows look to front ends."""

import hashlib
from dataclasses import asdict
from functools import lru_cache
from typing import Any, Final

from balchat_host.api.storage import ReadTransaction
from balchat_host.api.types import PeerId
from balchat_host.api.views import ContactView, Message, MessageState
from balchat_host.core import rows
from balchat_host.core.codes import SCHEME, peer_uri
from balchat_host.core.content import MimiContent, message_id

RESTORED: Final = "restored"
"""Why a contact that we had is asked for contact again (`ContactView.reason`)."""
_CONVERSATION_SIZE: Final = 16


def conversation_id(ours: PeerId, theirs: PeerId) -> str:
    """Name the conversation of two: the same on both sides, whatever MLS group carries it. 32 hexadecimal digits."""
    lower, higher = sorted((ours.octets, theirs.octets))
    return _conversation_id(lower, higher)


@lru_cache(maxsize=1024)  # each message names its conversation
def _conversation_id(lower: bytes, higher: bytes) -> str:
    hashed = hashlib.sha256(b"balchat-conversation-v1\0" + lower + higher)
    return hashed.digest()[:_CONVERSATION_SIZE].hex()


def room_uri(conversation: str) -> str:
    """Give a conversation's room URI, as the MIMI drafts want one."""
    return f"{SCHEME}:room/{conversation}"


def identify(mimi: MimiContent, encoded: bytes, *, author: PeerId, contact: rows.ContactRow) -> bytes:
    """Derive the id of a message that we or `contact` wrote to the other (content.message_id)."""
    return message_id(
        sender_uri=peer_uri(author),
        room_uri=room_uri(conversation_id(contact.us, contact.peer)),
        content=encoded,
        salt=mimi.salt,
    )


def contact_view(tx: ReadTransaction, row: rows.ContactRow) -> ContactView:
    """Show a contact; whether it is reachable is the runtime's to say."""
    return ContactView(
        name=row.name,
        peer_id=row.peer.octets.hex(),
        onion=row.peer.onion,
        conversation=conversation_id(row.us, row.peer),
        state=row.state,
        verified=row.verified,
        blocked=row.blocked,
        reason=row.reason or (RESTORED if row.restored else None),
        unread=rows.number(tx, "SELECT count(*) FROM message WHERE contact = ? AND unread = 1", (row.id,)),
    )


def contact_body(view: ContactView) -> dict[str, Any]:
    """Give a contact as it stands in an event."""
    return asdict(view)


def message_view(
    row: rows.MessageRow,
    *,
    contact: rows.ContactRow,
    state: MessageState | None = None,
) -> Message:
    """Show a message of ours or of `contact`'s; `state` where it shall not be the present one."""
    return Message(
        id=row.id.hex(),
        conversation=conversation_id(contact.us, contact.peer),
        author=None if row.ours else contact.name,
        author_id=(contact.us if row.ours else contact.peer).octets.hex(),
        sent_at=row.sent_at,
        content_type=row.content_type,
        text=row.text,
        in_reply_to=row.in_reply_to.hex() if row.in_reply_to else None,
        state=state or row.state,
        reason=row.reason if state is None else None,
        missing_before=row.missing_before,
    )
