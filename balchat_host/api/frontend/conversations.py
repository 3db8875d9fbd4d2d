"""The area of conversations."""

from abc import abstractmethod
from collections.abc import Sequence

from balchat_host.api.frontend.area import Area
from balchat_host.api.views import ConversationView


class Conversations(Area):
    """What is shown and written in.

    A conversation is called by its id, by its contact as `Contacts` says, or by a title that only one has. The one
    with ourselves is called by its title `NOTES_TO_SELF`, by `MYSELF`, or by our own chat code. What is spelt like an
    id means that id only. Every method that names one raises NoSuchConversation.
    """

    @abstractmethod
    async def list(self) -> Sequence[ConversationView]:
        """Return all conversations, archived ones too: first whichever has the newest message."""

    @abstractmethod
    async def get(self, conversation: str) -> ConversationView:
        """Return a conversation as it is now."""

    @abstractmethod
    async def draft(self, conversation: str, text: str) -> ConversationView:
        """Keep in the vault what was begun and is not sent yet; an empty text keeps nothing.

        Sending the same text ends the draft. Raise TextTooLong, BadInput.
        """

    @abstractmethod
    async def mute(self, conversation: str, until: int | None = None) -> ConversationView:
        """Have front ends call no attention to it, until a time (Unix milliseconds) or without an end.

        Raise BadInput for a time that is not in the future.
        """

    @abstractmethod
    async def unmute(self, conversation: str) -> ConversationView:
        """Have front ends call attention to it again."""

    @abstractmethod
    async def archive(self, conversation: str) -> ConversationView:
        """Put it away. It comes back by itself with the next message, where it is not muted, or when we write in it."""

    @abstractmethod
    async def unarchive(self, conversation: str) -> ConversationView:
        """Fetch it back from the archive."""

    @abstractmethod
    async def set_timer(self, conversation: str, seconds: int | None) -> ConversationView:
        """Have what is written in it from now on expire `seconds` after it is read, or not at all (None).

        It holds for everybody in it, who see who set it. Each message keeps what held when it was written.
        Raise ContactBlocked, and BadInput for more than 365 days.
        """

    @abstractmethod
    async def mark_read(self, conversation: str, up_to: str) -> ConversationView:
        """Take everything up to the message `up_to` as read.

        The authors learn it, unless the configuration says otherwise. Raise NoSuchMessage.
        """

    @abstractmethod
    async def mark_unread(self, conversation: str) -> ConversationView:
        """Take the newest message of others as unread again. Nobody is told; where there is none, nothing changes."""
