"""Ids that both sides derive alike: of conversations and of messages (docs/spec/content.md, Message id)."""

import hashlib
from functools import lru_cache
from typing import Final

from balchat_host.api.types import PeerId
from balchat_host.core.chat_codes import SCHEME, peer_uri
from balchat_host.core.content import MimiContent, message_id

CONVERSATION_ID_SIZE: Final = 16


@lru_cache(maxsize=1024)
def conversation_of_two(one: PeerId, other: PeerId) -> bytes:
    """Name the conversation of two peers, or of one with itself: 16 octets, the same on both sides."""
    lower, higher = sorted((one.octets, other.octets))
    return hashlib.sha256(b"balchat-conversation-v1\0" + lower + higher).digest()[:CONVERSATION_ID_SIZE]


def identify(mimi: MimiContent, encoded: bytes, *, author: PeerId, conversation_id: bytes) -> bytes:
    """Return the id of a message that `author` wrote in a conversation (`content.message_id`)."""
    return message_id(
        sender_uri=peer_uri(author),
        room_uri=f"{SCHEME}:room/{conversation_id.hex()}",
        content=encoded,
        salt=mimi.salt,
    )
