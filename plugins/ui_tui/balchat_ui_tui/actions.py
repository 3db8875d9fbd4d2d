"""What a screen's `update` takes: what a person did, what was answered, and what the account tells.

Actions that carry an answer take it as their only argument, so that their class can stand in `effects.Call.done`.
They are structs of msgspec: Python makes the class of a dataclass forty times slower, and there are two hundred of them
to make before the first screen.
"""

from typing import ClassVar

import msgspec

from balchat_host.api.ephemeral import Ephemeral
from balchat_host.api.errors import BalchatError
from balchat_host.api.events import Event
from balchat_host.api.views import ConversationView, ServiceStatus
from balchat_ui_tui.connection_state import Connection


class Action(msgspec.Struct, frozen=True):
    """Something that a screen's state may change with."""

    CAN_WAIT: ClassVar[bool] = False
    """Whether it may be drawn a little later, as what may come many times a second by itself."""


class Heard(Action, frozen=True):
    """Something happened to the account."""

    CAN_WAIT = True
    event: Event


class Told(Action, frozen=True):
    """Something is true for the moment."""

    CAN_WAIT = True
    change: Ephemeral


class StatusCame(Action, frozen=True):
    """The account said how everything is."""

    status: ServiceStatus


class ConnectionChanged(Action, frozen=True):
    """The account was reached, or lost."""

    connection: Connection


class AccountRead(Action, frozen=True, kw_only=True):
    """Everything was read from the account: at the beginning, or since too much has happened while it was away.

    `cursor` is that of the newest event then: what comes up to it may be in `conversations` already.
    """

    conversations: tuple[ConversationView, ...]
    capabilities: frozenset[str]
    cursor: int


class ConversationCame(Action, frozen=True):
    """The account gave one conversation as it is now."""

    conversation: ConversationView


class FocusChanged(Action, frozen=True):
    """Somebody looks at the main screen, or no longer does, as far as the terminal tells."""

    focused: bool


class Failed(Action, frozen=True):
    """A call failed."""

    error: BalchatError


def chosen(action: Action) -> Action:
    """Return what a screen leaves on which something is chosen: it is an action of whoever opened it."""
    return action
