"""What an update of the terminal screen asks for, and an account that is up."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from balchat_ui_tui.account import AccountState
from balchat_ui_tui.connection_state import Connection, Phase
from balchat_ui_tui.effects import Call, Notice, OpenScreen, ProfileCall

if TYPE_CHECKING:
    from balchat_ui_tui.actions import Action

UP = AccountState(connection=Connection(phase=Phase.UP), capabilities=frozenset({"relays.list"}))
HOSTILE = "Eve\x1b[2J\u202e\nx"


def call_of(effects: Any) -> Call | ProfileCall:
    return next(each for each in effects if isinstance(each, Call | ProfileCall))


def answer_of(effects: Any, answer: object) -> Action:
    done = call_of(effects).done
    assert done is not None
    return done(answer)


def notice_of(effects: Any) -> str:
    return next(each.text for each in effects if isinstance(each, Notice))


def opened_of(effects: Any) -> OpenScreen:
    return next(each for each in effects if isinstance(each, OpenScreen))
