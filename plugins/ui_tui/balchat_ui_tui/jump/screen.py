"""Ctrl+K: another conversation, by its name."""

from collections.abc import Sequence

from balchat_host.api.views import ConversationView
from balchat_ui_tui.account import AccountState
from balchat_ui_tui.actions import Action
from balchat_ui_tui.asking.picker import Picker
from balchat_ui_tui.asking.picking import PickState, pick
from balchat_ui_tui.clock import milliseconds_now
from balchat_ui_tui.conversations.rows import conversation_rows
from balchat_ui_tui.conversations.state import ListState, shown
from balchat_ui_tui.drawing.pieces import Row
from balchat_ui_tui.effects import Effects
from balchat_ui_tui.main.actions import Show

_MOST = 50
"""Conversations that are offered at most: who looks for one types more of its name."""


def fitting(state: PickState, account: AccountState) -> Sequence[ConversationView]:
    """Return the conversations that fit, those with something unread first."""
    found = shown(ListState(words=state.words), account) if state.words else account.conversations
    return sorted(found, key=lambda each: not (each.unread and not each.muted))[:_MOST]


def update(state: PickState, action: Action, account: AccountState) -> tuple[PickState, Effects]:
    """Return the state after an action, and what is to be done."""
    return pick(state, action, lambda now: [Show(each.id) for each in fitting(now, account)])


class Jump(Picker[PickState]):
    """Choose a conversation."""

    def __init__(self) -> None:
        super().__init__(PickState())

    def update_state(self, state: PickState, action: Action, account: AccountState) -> tuple[PickState, Effects]:
        return update(state, action, account)

    @property
    def heading(self) -> str:
        return self.tui.t("tui.jump")

    @property
    def placeholder(self) -> str:
        return self.tui.t("tui.filter")

    @property
    def place(self) -> int:
        return self.state.place

    @property
    def nothing(self) -> str:
        return self.tui.t("tui.none-found")

    def choices(self, cells: int) -> Sequence[Sequence[Row]]:
        t, now = self.tui.t, milliseconds_now()
        there = fitting(self.state, self.account)
        return [conversation_rows(t, each, self.account, cells, now)[:1] for each in there]
