"""The state of the main screen."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from balchat_ui_tui.account import AccountState
from balchat_ui_tui.chat.state import ChatState
from balchat_ui_tui.conversations.state import ListState


class Pane(StrEnum):
    """Which part of the screen has the keyboard."""

    LIST = "list"
    FILTER = "filter"
    MESSAGES = "messages"
    COMPOSER = "composer"


@dataclass(frozen=True, slots=True, kw_only=True)
class MainState:
    """The list, the chat that is shown, and which part has the keyboard.

    `opening` is what to show once the account is there. `drafts` holds what was begun in chats that are not
    shown, by conversation: the account may not have told yet that it has it.
    """

    list: ListState = field(default_factory=ListState)
    chat: ChatState | None = None
    pane: Pane = Pane.LIST
    watched: bool = True
    opening: str | None = None
    drafts: Mapping[str, str] = field(default_factory=dict[str, str])

    def holds_unkept(self, account: AccountState) -> bool:
        """Return whether something was begun that the account does not have."""
        shown = self.chat.conversation if self.chat is not None else None
        if self.chat is not None and self.chat.unsent != self.chat.draft:
            return True
        others = {name: text for name, text in self.drafts.items() if name != shown}
        kept = {each.id: each.draft for each in account.conversations}
        return any(text != kept.get(name, text) for name, text in others.items())
