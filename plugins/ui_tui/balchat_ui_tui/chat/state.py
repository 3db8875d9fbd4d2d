"""The state of a chat."""

from dataclasses import dataclass
from typing import Final

from balchat_host.api.errors import TextTooLong
from balchat_host.api.views import MessageView

PAGE: Final = 60
"""Messages that are read at a time."""
MORE: Final = 20
"""The same at the edges of what is there: little, so that laying it out holds up no scrolling."""
MOST: Final = 420
"""Messages of the window at most: what is further away is dropped, and read again when it is scrolled to."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Editing:
    """A message of ours is being edited. `kept` is what was in the composer before."""

    message: MessageView
    kept: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Outgoing:
    """What was handed to the account to be sent, and is not answered yet."""

    text: str
    reply_to: MessageView | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """A message that the view is to show. `number` tells one wish from the next, for the same message too."""

    message: str
    number: int


@dataclass(frozen=True, slots=True, kw_only=True)
class ChatState:
    """A conversation as it is shown.

    `messages` is a window of the history, the oldest first. `begins` and `ends` say whether the history does so at its
    edges; `asked_before` and `asked_after` whether more was asked for. `following`: the view is at the end, and stays
    there. `watched`: a person looks at it. `unread_from` is the message above which the line stands that says what is
    new. `in_sight` is the last message that is on the screen, `seen` the newest one that was taken as read.

    `unfolded`: the messages whose long texts are shown whole.

    `text` is what is in the composer; `text_number` grows where it was put there by us and not typed. `draft` is what
    the account has of it. `too_long`: what is in the composer is more than fits in a message.
    """

    conversation: str
    messages: tuple[MessageView, ...] = ()
    opened: bool = False
    begins: bool = False
    ends: bool = False
    asked_before: bool = False
    asked_after: bool = False
    following: bool = True
    watched: bool = True
    unread_from: str | None = None
    in_sight: str | None = None
    seen: str | None = None
    target: Target | None = None
    selected: str | None = None
    marked: frozenset[str] = frozenset()
    unfolded: frozenset[str] = frozenset()
    reply_to: MessageView | None = None
    editing: Editing | None = None
    outgoing: tuple[Outgoing, ...] = ()
    text: str = ""
    text_number: int = 0
    draft: str = ""
    too_long: TextTooLong | None = None

    def message(self, identifier: str | None) -> MessageView | None:
        """Return a message of the window by its id, None where it is not in it."""
        return next((each for each in self.messages if each.id == identifier), None)

    @property
    def unsent(self) -> str:
        """What is to be kept as a draft: while a message is edited, what was there before."""
        return self.editing.kept if self.editing else self.text
