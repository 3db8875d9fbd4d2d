"""Who is in a conversation. Derived from what made the conversation, never from messages."""

from collections.abc import Sequence
from typing import cast

from balchat_host.api.storage import ReadTransaction
from balchat_host.api.types import PeerId
from balchat_host.api.views import ConversationKind
from balchat_host.core.rows import ConversationRow
from balchat_host.core.unit_of_work import UnitOfWork


def begin(unit: UnitOfWork, kind: ConversationKind, conversation_id: bytes, members: Sequence[int]) -> int:
    """Make a conversation of these peers, ourselves among them; return its number."""
    conversation = unit.insert(
        "INSERT INTO conversation (conversation_id, kind) VALUES (?, ?)", (conversation_id, kind)
    )
    for member in members:
        unit.tx.execute("INSERT INTO member (conversation, peer) VALUES (?, ?)", (conversation, member))
    return conversation


def others(tx: ReadTransaction, conversation: ConversationRow) -> list[PeerId]:
    """Return who is in a conversation besides us."""
    if conversation.contact is not None:
        return [conversation.contact]
    found = tx.query(
        "SELECT account_key FROM member JOIN peer ON peer.id = member.peer"
        " WHERE conversation = ? AND member.peer <> (SELECT peer FROM account)",
        (conversation.id,),
    )
    return [PeerId(cast("bytes", key)) for (key,) in found]
