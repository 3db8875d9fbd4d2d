"""What happens to a chat: what a person does in it, what its view tells, and what the account answers."""

from collections.abc import Sequence
from dataclasses import dataclass
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


@dataclass(frozen=True, slots=True)
class PageCame(Action):
    """A page of the history: of which conversation, which one, and at which message or date it was asked for."""

    conversation: str
    page: Page
    at: str | None
    messages: Sequence[MessageView]
    date: int | None = None


@dataclass(frozen=True, slots=True)
class PageFailed(Action):
    """A page could not be had."""

    conversation: str
    page: Page
    error: BalchatError


@dataclass(frozen=True, slots=True)
class Sent(Action):
    """A message of ours is durable."""

    message: MessageView


@dataclass(frozen=True, slots=True)
class SendFailed(Action):
    """What was to be sent from a conversation could not be kept, or nobody knows whether it was."""

    conversation: str
    error: BalchatError


@dataclass(frozen=True, slots=True)
class DraftFailed(Action):
    """The draft of a conversation could not be kept in the account, which has `kept` of it."""

    conversation: str
    kept: str
    error: BalchatError


@dataclass(frozen=True, slots=True)
class MessageCame(Action):
    """A message as it is now: the answer to what was done with it."""

    message: MessageView


# -- from the view


@dataclass(frozen=True, slots=True)
class Scrolled(Action):
    """What is in sight: the last message of it, whether that is the end, and whether an edge of the window is near."""

    last: str | None
    at_end: bool
    near_first: bool
    near_last: bool


# -- from the person


@dataclass(frozen=True, slots=True)
class Typed(Action):
    """The composer holds another text."""

    text: str


@dataclass(frozen=True, slots=True)
class SendIt(Action):
    """Send what is in the composer, or keep the edit."""


@dataclass(frozen=True, slots=True)
class DraftDue(Action):
    """Nothing was typed for a moment: keep the draft."""


@dataclass(frozen=True, slots=True)
class WrittenElsewhere(Action):
    """A text came back from the person's own editor."""

    text: str


@dataclass(frozen=True, slots=True)
class OpenEditor(Action):
    """Open the text in the person's own editor."""


@dataclass(frozen=True, slots=True)
class EditLast(Action):
    """Edit the last message of ours."""


@dataclass(frozen=True, slots=True)
class Select(Action):
    """Select a message, None for none."""

    message: str | None


@dataclass(frozen=True, slots=True)
class Move(Action):
    """Select a message so many further down; up where it is negative."""

    by: int


@dataclass(frozen=True, slots=True)
class Mark(Action):
    """Mark the selected message, to copy several, or take the mark away."""


@dataclass(frozen=True, slots=True)
class Reply(Action):
    """Answer the selected message."""


@dataclass(frozen=True, slots=True)
class Edit(Action):
    """Edit the selected message."""


@dataclass(frozen=True, slots=True)
class Delete(Action):
    """Delete the selected message: ask how."""


@dataclass(frozen=True, slots=True)
class DeleteChosen(Action):
    """Delete a message, for everybody or here only."""

    message: str
    for_me: bool


@dataclass(frozen=True, slots=True)
class React(Action):
    """Answer the selected message with an emoji: ask which."""


@dataclass(frozen=True, slots=True)
class EmojiChosen(Action):
    """Answer a message with an emoji, or take it back where it is there already."""

    message: str
    emoji: str


@dataclass(frozen=True, slots=True)
class Retry(Action):
    """Send the selected message again, which failed."""


@dataclass(frozen=True, slots=True)
class CopyIt(Action):
    """Copy the marked messages, or the selected one."""


@dataclass(frozen=True, slots=True)
class ShowInfo(Action):
    """Show all that is known of the selected message."""


@dataclass(frozen=True, slots=True)
class OpenFile(Action):
    """See or hear the file of the selected message, or show all that it has."""


@dataclass(frozen=True, slots=True)
class AskToOpenLink(Action):
    """Open a link of the selected message: ask first, and which one where there are several."""


@dataclass(frozen=True, slots=True)
class LinkChosen(Action):
    """A link of a message was chosen, by its address: ask whether to open it."""

    address: str


@dataclass(frozen=True, slots=True)
class LinkAgreed(Action):
    """Open an address."""

    address: str


@dataclass(frozen=True, slots=True)
class GoToReplied(Action):
    """Go to the message that the selected one answers."""


@dataclass(frozen=True, slots=True)
class GoTo(Action):
    """Go to a message, which need not be in the window."""

    message: str


@dataclass(frozen=True, slots=True)
class GoToDate(Action):
    """Go to the first message that was sent at a time (Unix milliseconds) or later."""

    at: int


@dataclass(frozen=True, slots=True)
class GoToEnd(Action):
    """Go to the newest message."""


@dataclass(frozen=True, slots=True)
class GoToUnread(Action):
    """Go to the first message that is not read."""


@dataclass(frozen=True, slots=True)
class MarkUnread(Action):
    """Take the newest message of others as unread again."""


@dataclass(frozen=True, slots=True)
class Escape(Action):
    """Leave the innermost thing that can be left."""
