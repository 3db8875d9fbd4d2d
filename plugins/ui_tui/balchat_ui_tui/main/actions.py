"""What happens to the main screen besides what happens to its chat."""

from dataclasses import dataclass
from pathlib import Path

from balchat_host.api.views import ConversationView
from balchat_ui_tui.actions import Action
from balchat_ui_tui.main.state import Pane


@dataclass(frozen=True, slots=True)
class Show(Action):
    """Show a conversation, and a message in it where one is named."""

    conversation: str
    message: str | None = None


@dataclass(frozen=True, slots=True)
class ShowNamed(Action):
    """Show a conversation that was asked for by a name."""

    conversation: ConversationView


@dataclass(frozen=True, slots=True)
class ShowNext(Action):
    """Show the next conversation of the list, or the one before; only those with something unread, maybe."""

    by: int
    unread_only: bool = False


@dataclass(frozen=True, slots=True)
class StepInList(Action):
    """Select a conversation further up or down."""

    by: int


@dataclass(frozen=True, slots=True)
class ShowSelected(Action):
    """Show the selected conversation."""


@dataclass(frozen=True, slots=True)
class Filter(Action):
    """Show only conversations whose names have these words."""

    words: str


@dataclass(frozen=True, slots=True)
class SwitchMuted(Action):
    """Mute the selected conversation, or take that back."""


@dataclass(frozen=True, slots=True)
class SwitchArchived(Action):
    """Put the selected conversation away, or fetch it back."""


@dataclass(frozen=True, slots=True)
class SwitchShown(Action):
    """Show the conversations that are put away, or the others."""


@dataclass(frozen=True, slots=True)
class Focus(Action):
    """Give the keyboard to a part of the screen."""

    pane: Pane


@dataclass(frozen=True, slots=True)
class Back(Action):
    """Esc: leave the innermost thing; in the end, go back to the list."""


@dataclass(frozen=True, slots=True)
class Open(Action):
    """Open another screen, from which something may be chosen: `jump` or `jump-date`."""

    name: str


@dataclass(frozen=True, slots=True)
class PathFound(Action):
    """It was looked whether there is a file at the path that was pasted."""

    pasted: str
    path: Path | None


@dataclass(frozen=True, slots=True)
class AttachPasted(Action):
    """The person pasted the path of a file, and wants the file to be sent in its place."""

    pasted: str


@dataclass(frozen=True, slots=True)
class RecordVoice(Action):
    """Record a voice message for the conversation that is shown."""


@dataclass(frozen=True, slots=True)
class Search(Action):
    """Search in the messages: in the conversation that is shown, where one is."""
