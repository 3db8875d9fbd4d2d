"""What our owner has typed, as a part of a message."""

from collections.abc import Sequence
from dataclasses import dataclass

from balchat_host.api.errors import BadInput, TextTooLong
from balchat_host.api.frontend import MAX_TEXT_SIZE, MYSELF
from balchat_host.api.storage import ReadTransaction
from balchat_host.api.types import PeerId
from balchat_host.core import contacts, content, membership
from balchat_host.core.content import SinglePart
from balchat_host.core.messages import mentions
from balchat_host.core.rows import ConversationRow


@dataclass(frozen=True, slots=True, kw_only=True)
class Text:
    """A text. `markdown`: it has emphasis and links in it. After an `@`, each of `mentions` means that person.

    They are called as we call them, ourselves `MYSELF`.
    """

    text: str
    markdown: bool = False
    mentions: Sequence[str] = ()


def has_text(text: Text | str) -> bool:
    """Return whether anything is typed."""
    return bool((text if isinstance(text, str) else text.text).strip())


def part(tx: ReadTransaction, conversation: ConversationRow, text: Text | str) -> SinglePart:
    """Return a text as a part of a message in a conversation. Raise NoSuchContact, BadInput, TextTooLong."""
    typed = Text(text=text) if isinstance(text, str) else text
    if not typed.text.strip():
        raise BadInput(what="The message", problem="it is empty")
    written, content_type = typed.text, content.MARKDOWN if typed.markdown else content.TEXT
    people = {name: _member(tx, conversation, name) for name in typed.mentions}
    if people:
        written, content_type = mentions.written(typed.text, people, markdown=typed.markdown), content.MARKDOWN
    try:
        octets = written.encode()
    except UnicodeEncodeError:
        raise BadInput(what="The message", problem="it contains something that is not text") from None
    if len(octets) > MAX_TEXT_SIZE:
        raise TextTooLong(size=len(octets), limit=MAX_TEXT_SIZE)
    return SinglePart(content_type=content_type, content=octets)


def _member(tx: ReadTransaction, conversation: ConversationRow, name: str) -> PeerId:
    if name == MYSELF:
        return conversation.us
    peer = contacts.find(tx, name).peer
    if peer not in membership.others(tx, conversation):
        raise BadInput(what=f"@{name}", problem="they are not in this conversation")
    return peer
