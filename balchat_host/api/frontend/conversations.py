"""The area of conversations."""

from abc import abstractmethod

from balchat_host.api.frontend.area import Area
from balchat_host.api.views import ConversationView


class Conversations(Area):
    """What is shown and written in.

    A conversation is called by its id, by its contact as `Contacts` says, or by a title that only one has. The one
    with ourselves is called by its title `NOTES_TO_SELF`, by `MYSELF`, or by our own chat code.
    """

    @abstractmethod
    async def get(self, conversation: str) -> ConversationView:
        """Return a conversation as it is now. Raises NoSuchContact."""

    @abstractmethod
    async def mark_read(self, conversation: str, up_to: str) -> None:
        """Take everything up to the message `up_to` as read.

        The authors learn it, unless the configuration says otherwise. Raises NoSuchContact, NoSuchMessage.
        """
