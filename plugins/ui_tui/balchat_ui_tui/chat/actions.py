"""What happens to a chat: what a person does in it, what its view tells, and what the account answers."""

from collections.abc import Sequence
from enum import Enum, auto

from balchat_host.api.errors import BalchatError
from balchat_host.api.views import MessageView
from balchat_ui_tui.actions import Action

# -- from the account


class Page(Enum):
    """Which page of the history was asked for."""

    OPENING = auto()
    LATEST = auto()
    AROUND = auto()
    BEFORE = auto()
    AFTER = auto()


class PageCame(Action, frozen=True):
    """A page of the history: of which conversation, which one, and at which message or date it was asked for."""

    conversation: str
    page: Page
    at: str | None
    messages: Sequence[MessageView]
    date: int | None = None


class PageFailed(Action, frozen=True):
    """A page could not be had."""

    conversation: str
    page: Page
    error: BalchatError


class Sent(Action, frozen=True):
    """A message of ours is durable."""

    message: MessageView


class SendFailed(Action, frozen=True):
    """What was to be sent from a conversation could not be kept, or nobody knows whether it was."""

    conversation: str
    text: str
    error: BalchatError


class EditFailed(Action, frozen=True):
    """A message could not be changed into a text, or nobody knows whether it was."""

    conversation: str
    message: str
    text: str
    error: BalchatError


class DraftFailed(Action, frozen=True):
    """The draft of a conversation could not be kept in the account, which has `kept` of it."""

    conversation: str
    kept: str
    error: BalchatError


class MessageCame(Action, frozen=True):
    """A message as it is now: the answer to what was done with it."""

    message: MessageView


# -- from the view


class Scrolled(Action, frozen=True):
    """What is in sight: the last message of it, whether that is the end, and whether an edge of the window is near."""

    CAN_WAIT = True
    last: str | None
    at_end: bool
    near_first: bool
    near_last: bool


# -- from the person


class Typed(Action, frozen=True):
    """The composer holds another text."""

    text: str


class SendIt(Action, frozen=True):
    """Send what is in the composer, or keep the edit."""


class DraftDue(Action, frozen=True):
    """Nothing was typed for a moment: keep the draft."""


class WrittenElsewhere(Action, frozen=True):
    """A text came back from the person's own editor."""

    text: str


class OpenEditor(Action, frozen=True):
    """Open the text in the person's own editor."""


class EditLast(Action, frozen=True):
    """Edit the last message of ours."""


class Select(Action, frozen=True):
    """Select a message, None for none."""

    message: str | None


class Move(Action, frozen=True):
    """Select a message so many further down; up where it is negative."""

    by: int


class Mark(Action, frozen=True):
    """Mark the selected message, to copy several, or take the mark away."""


class Unfold(Action, frozen=True):
    """Show all of a long message, or less of it again."""


class Reply(Action, frozen=True):
    """Answer the selected message."""


class Edit(Action, frozen=True):
    """Edit the selected message."""


class Delete(Action, frozen=True):
    """Delete the selected message: ask how."""


class DeleteChosen(Action, frozen=True):
    """Delete a message, for everybody or here only."""

    message: str
    for_me: bool


class React(Action, frozen=True):
    """Answer the selected message with an emoji: ask which."""


class EmojiChosen(Action, frozen=True):
    """Answer a message with an emoji, or take it back where it is there already."""

    message: str
    emoji: str


class Retry(Action, frozen=True):
    """Send the selected message again, which failed."""


class CopyIt(Action, frozen=True):
    """Copy the marked messages, or the selected one."""


class ShowInfo(Action, frozen=True):
    """Show all that is known of the selected message."""


class OpenFile(Action, frozen=True):
    """See or hear the file of the selected message, or show all that it has."""


class AskToOpenLink(Action, frozen=True):
    """Open a link of the selected message: ask first, and which one where there are several."""


class LinkChosen(Action, frozen=True):
    """A link of a message was chosen, by its address: ask whether to open it."""

    address: str


class LinkAgreed(Action, frozen=True):
    """Open an address."""

    address: str


class GoToReplied(Action, frozen=True):
    """Go to the message that the selected one answers."""


class GoTo(Action, frozen=True):
    """Go to a message, which need not be in the window."""

    message: str


class GoToDate(Action, frozen=True):
    """Go to the first message that was sent at a time (Unix milliseconds) or later."""

    at: int


class GoToEnd(Action, frozen=True):
    """Go to the newest message."""


class GoToUnread(Action, frozen=True):
    """Go to the first message that is not read."""


class MarkUnread(Action, frozen=True):
    """Take the newest message of others as unread again."""


class Escape(Action, frozen=True):
    """Leave the innermost thing that can be left."""
