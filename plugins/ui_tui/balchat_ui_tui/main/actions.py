"""What happens to the main screen besides what happens to its chat."""

from pathlib import Path

from balchat_host.api.views import ConversationView
from balchat_ui_tui.actions import Action
from balchat_ui_tui.main.state import Pane


class Show(Action, frozen=True):
    """Show a conversation, and a message in it where one is named."""

    conversation: str
    message: str | None = None


class ShowNamed(Action, frozen=True):
    """Show a conversation that was asked for by a name."""

    conversation: ConversationView


class ShowNext(Action, frozen=True):
    """Show the next conversation of the list, or the one before; only those with something unread, maybe."""

    by: int
    unread_only: bool = False


class StepInList(Action, frozen=True):
    """Select a conversation further up or down."""

    by: int


class ShowSelected(Action, frozen=True):
    """Show the selected conversation."""


class Filter(Action, frozen=True):
    """Show only conversations whose names have these words."""

    words: str


class SwitchMuted(Action, frozen=True):
    """Mute the selected conversation, or take that back."""


class SwitchUnread(Action, frozen=True):
    """Mark the selected conversation as read, or as unread where it is."""


class SwitchArchived(Action, frozen=True):
    """Put the selected conversation away, or fetch it back."""


class SwitchShown(Action, frozen=True):
    """Show the conversations that are put away, or the others."""


class Focus(Action, frozen=True):
    """Give the keyboard to a part of the screen."""

    pane: Pane


class Back(Action, frozen=True):
    """Esc: leave the innermost thing; in the end, go back to the list."""


class Open(Action, frozen=True):
    """Open another screen, from which something may be chosen: `jump` or `jump-date`."""

    name: str


class PathFound(Action, frozen=True):
    """It was looked whether there is a file at the path that was pasted into a conversation."""

    conversation: str
    pasted: str
    path: Path | None


class AttachPasted(Action, frozen=True):
    """The person pasted the path of a file into a conversation, and wants the file to be sent in its place."""

    conversation: str
    pasted: str


class AskForTimer(Action, frozen=True):
    """Ask how long messages of the conversation that is shown stay after they are read."""


class TimerChosen(Action, frozen=True):
    """The person chose it: see `conversations.timer`."""

    conversation: str
    answer: str


class RecordVoice(Action, frozen=True):
    """Record a voice message for the conversation that is shown."""


class Search(Action, frozen=True):
    """Search in the messages: in the conversation that is shown, where one is."""
