"""Ctrl+K: another conversation, by its name."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from balchat_host.api.views import ConversationView
from balchat_ui_tui.account import AccountState
from balchat_ui_tui.actions import Action
from balchat_ui_tui.clock import milliseconds_now
from balchat_ui_tui.conversations.rows import conversation_rows
from balchat_ui_tui.conversations.state import ListState, shown
from balchat_ui_tui.drawing.pieces import Ink, Piece, Row
from balchat_ui_tui.effects import CloseScreen, Effects
from balchat_ui_tui.main.actions import Show
from balchat_ui_tui.picking.actions import Leave, Point, Step, Take, Words
from balchat_ui_tui.picking.screen import Picker

_MOST = 50
"""Conversations that are offered at most: who looks for one types more of its name."""


@dataclass(frozen=True, slots=True, kw_only=True)
class JumpState:
    """What was typed, and which of the conversations that fit is selected."""

    words: str = ""
    place: int = 0


def fitting(state: JumpState, account: AccountState) -> Sequence[ConversationView]:
    """Return the conversations that fit, those with something unread first."""
    found = shown(ListState(words=state.words), account) if state.words else account.conversations
    return sorted(found, key=lambda each: not (each.unread and not each.muted))[:_MOST]


def update(state: JumpState, action: Action, account: AccountState) -> tuple[JumpState, Effects]:
    """Return the state after an action, and what is to be done."""
    there = fitting(state, account)
    match action:
        case Words(words=words):
            return replace(state, words=words, place=0), ()
        case Step(by=by):
            return replace(state, place=min(max(0, state.place + by), max(0, len(there) - 1))), ()
        case Point(place=place):
            return state, _to(there, place)
        case Take():
            return state, _to(there, state.place)
        case Leave():
            return state, (CloseScreen(),)
        case _:
            return state, ()


def _to(there: Sequence[ConversationView], place: int) -> Effects:
    return (CloseScreen(Show(there[place].id)),) if place < len(there) else ()


class Jump(Picker[JumpState]):
    """Choose a conversation."""

    def __init__(self) -> None:
        super().__init__(JumpState())

    def update_state(self, state: JumpState, action: Action, account: AccountState) -> tuple[JumpState, Effects]:
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

    def choices(self, cells: int) -> Sequence[Sequence[Row]]:
        t, now = self.tui.t, milliseconds_now()
        there = fitting(self.state, self.account)
        if not there:
            return [[[Piece(t("tui.none-found"), Ink.FAINT)]]]
        return [conversation_rows(t, each, self.account, cells, now)[:1] for each in there]
