"""The area of messages."""

from abc import abstractmethod
from collections.abc import Sequence

from balchat_host.api.frontend.area import Area
from balchat_host.api.views import MessageInfoView, MessageView, SearchPage


class Messages(Area):
    """What was written.

    A message is called by its id, or by the beginning of one, of 6 digits or more, that is unique. A conversation is
    called as `Conversations` says.
    """

    @abstractmethod
    async def send(
        self,
        conversation: str,
        text: str,
        reply_to: str | None = None,
        *,
        markdown: bool = False,
        mentions: Sequence[str] = (),
        expires_after: int | None = None,
        expires_at: int | None = None,
        files: Sequence[str] = (),
    ) -> MessageView:
        """Write a message. It is durable when this returns, and is sent as soon as there is a way. Not safe to repeat.

        With `markdown`, emphasis and links are shown as such. Each of `mentions` is somebody in the conversation, a
        contact or `MYSELF`: where `@` and that name stand in the text, it becomes a link to them. It expires
        `expires_after` seconds after it is read, or at a time (`expires_at`, Unix milliseconds); otherwise as the
        conversation's timer has it. It has `files`, ids of some that are written (`Files.attach`); then `text` may be
        empty.

        Raise NoSuchConversation, NoSuchContact (`mentions`), ContactBlocked, NoSuchMessage (`reply_to` is not in the
        conversation), NoSuchFile, TextTooLong, BadInput.
        """

    @abstractmethod
    async def get(self, message: str) -> MessageView:
        """Return one message as it is now. Raise NoSuchMessage."""

    @abstractmethod
    async def history(
        self,
        conversation: str,
        limit: int = 50,
        *,
        before: str | None = None,
        after: str | None = None,
        around: str | None = None,
        date: int | None = None,
    ) -> Sequence[MessageView]:
        """Return a page of `limit` (1 to 1,000) messages of a conversation, oldest first: the last ones.

        Or those before a message, those after one, those around one, which is among them, or those around the first one
        that was sent at a time (`date`, Unix milliseconds) or later. The end where none is so late.
        Raise NoSuchConversation, NoSuchMessage, and BadInput where more than one of them is given.
        """

    @abstractmethod
    async def edit(
        self, message: str, text: str, *, markdown: bool = False, mentions: Sequence[str] = ()
    ) -> MessageView:
        """Put another text in place of a message of ours. Earlier versions are kept, on both sides.

        Raise NoSuchMessage, NoSuchContact (`mentions`), ContactBlocked, TextTooLong, TooMany, and BadInput where it is
        not ours, no text, or deleted.
        """

    @abstractmethod
    async def delete(self, message: str, *, for_me: bool = False) -> None:
        """Delete a message of ours for everybody, or anybody's here only (`for_me`).

        That there was one is still shown, unless it is for us only. Whoever has it may have kept it elsewhere: another
        program, a photograph, a backup. Raise NoSuchMessage, ContactBlocked, and BadInput where it is not ours.
        """

    @abstractmethod
    async def react(self, message: str, emoji: str, *, remove: bool = False) -> MessageView:
        """Answer a message with one emoji, besides those that are there, or take that one back.

        Raise NoSuchMessage, ContactBlocked, TooMany, and BadInput where it is no emoji, or the message is deleted.
        """

    @abstractmethod
    async def info(self, message: str) -> MessageInfoView:
        """Return all that is known of a message: versions, who has it, who reacted. Raise NoSuchMessage."""

    @abstractmethod
    async def retry(self, message: str) -> MessageView:
        """Send once more a message that failed, under the same id, to those to whom it failed.

        Raise NoSuchMessage, ContactBlocked, and BadInput where it has not failed.
        """

    @abstractmethod
    async def search(  # noqa: PLR0917  # what a person may choose, given by name
        self,
        words: str,
        conversation: str | None = None,
        author: str | None = None,
        since: int | None = None,
        until: int | None = None,
        limit: int = 50,
        before: str | None = None,
    ) -> SearchPage:
        """Find messages by their words, the newest first, in one conversation or in all.

        All of `words` must be in a message, in any order; case and accents do not matter. Words in double quotes must
        follow one another, and `*` at the end of a word, after at least three letters, stands for any ending.
        `author` is a contact or `me`. `since` is within, `until` is not: Unix milliseconds of when it was written.
        `limit` is 1 to 200 hits. Raise NoSuchConversation, NoSuchContact (author), NoSuchMessage (before), BadInput.
        """
