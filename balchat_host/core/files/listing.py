"""Which files there are."""

from typing import Final

from balchat_host.api.errors import BadInput
from balchat_host.api.storage import ReadTransaction
from balchat_host.api.views import FileView
from balchat_host.core import conversations
from balchat_host.core.files import rows
from balchat_host.core.rows import SHOWN

_MAX: Final = 1000


def newest(tx: ReadTransaction, conversation: str | None, *, limit: int) -> list[FileView]:
    """Return the newest files that messages of a conversation have, or all messages, the newest first.

    Raise NoSuchConversation, BadInput.
    """
    if not 1 <= limit <= _MAX:
        raise BadInput(what="The limit", problem=f"it must be 1 to {_MAX}")
    only = None if conversation is None else conversations.find(tx, conversation).id
    found = rows.where(
        tx,
        "file.id IN (SELECT attachment.file FROM attachment JOIN message ON message.seq = attachment.message"  # noqa: S608  # our own text
        f" WHERE {SHOWN} AND (message.conversation = ?1 OR ?1 IS NULL)) ORDER BY file.id DESC LIMIT ?2",
        only,
        limit,
    )
    return rows.views(tx, found)
