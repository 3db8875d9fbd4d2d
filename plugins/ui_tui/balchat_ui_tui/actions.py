"""What a screen's `update` takes: what a person did, what was answered, and what the account tells.

Actions that carry an answer take it as their only argument, so that their class can stand in `effects.Call.done`.
"""

from dataclasses import dataclass

from balchat_host.api.ephemeral import Ephemeral
from balchat_host.api.errors import BalchatError
from balchat_host.api.events import Event
from balchat_host.api.views import ConversationView, ServiceStatus
from balchat_ui_tui.connection_state import Connection


@dataclass(frozen=True, slots=True)
class Action:
    """Something that a screen's state may change with."""


@dataclass(frozen=True, slots=True)
class Heard(Action):
    """Something happened to the account."""

    event: Event


@dataclass(frozen=True, slots=True)
class Told(Action):
    """Something is true for the moment."""

    change: Ephemeral


@dataclass(frozen=True, slots=True)
class StatusCame(Action):
    """The account said how everything is."""

    status: ServiceStatus


@dataclass(frozen=True, slots=True)
class ConnectionChanged(Action):
    """The account was reached, or lost."""

    connection: Connection


@dataclass(frozen=True, slots=True, kw_only=True)
class AccountRead(Action):
    """Everything was read from the account: at the beginning, or since too much has happened while it was away.

    `cursor` is that of the newest event then: what comes up to it may be in `conversations` already.
    """

    conversations: tuple[ConversationView, ...]
    capabilities: frozenset[str]
    cursor: int


@dataclass(frozen=True, slots=True)
class ConversationCame(Action):
    """The account gave one conversation as it is now."""

    conversation: ConversationView


@dataclass(frozen=True, slots=True)
class FocusChanged(Action):
    """The terminal's window got or lost the keyboard, as far as the terminal tells."""

    focused: bool


@dataclass(frozen=True, slots=True)
class Failed(Action):
    """A call failed."""

    error: BalchatError
