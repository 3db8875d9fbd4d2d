"""What a member of a conversation said to the people in it, and the one place that acts on it.

What we say goes through here as what others say does. So what a conversation shows is a function of what was said in
it: of the set alone, in whatever order and however often it comes.
"""

from dataclasses import dataclass

from balchat_host.core.content import MimiContent
from balchat_host.core.identifiers import identify
from balchat_host.core.rows import ConversationRow


@dataclass(frozen=True, slots=True, kw_only=True)
class Said:
    """Content with its id and its octets, and who said it where. `author` is a peer's number, `way` that of a way."""

    conversation: ConversationRow
    author: int
    id: bytes
    mimi: MimiContent
    encoded: bytes
    way: int | None = None

    @property
    def ours(self) -> bool:
        """Whether we said it."""
        return self.author == self.conversation.our_number

    @property
    def order(self) -> tuple[int, int, bytes]:
        """Where it stands among what one author said: by its time, its number, its id."""
        number = self.mimi.sequence.number if self.mimi.sequence else 0
        return self.mimi.sent_at or 0, number, self.id


def say(conversation: ConversationRow, mimi: MimiContent) -> Said:
    """Return content as what we say in a conversation."""
    encoded = mimi.encode()
    return Said(
        conversation=conversation,
        author=conversation.our_number,
        id=identify(mimi, encoded, author=conversation.us, conversation_id=conversation.conversation_id),
        mimi=mimi,
        encoded=encoded,
    )
