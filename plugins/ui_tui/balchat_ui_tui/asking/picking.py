"""The state of most lists of choices: what was typed, which one is selected, and what taking it leaves."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TypeVar

from balchat_ui_tui.actions import Action
from balchat_ui_tui.asking.actions import Leave, Point, Step, Take, Words
from balchat_ui_tui.effects import CloseScreen, Effects


@dataclass(frozen=True, slots=True, kw_only=True)
class PickState:
    """What was typed, and which choice is selected."""

    words: str = ""
    place: int = 0


P = TypeVar("P", bound=PickState)


def pick(state: P, action: Action, values: Sequence[object]) -> tuple[P, Effects]:
    """Return the state after an action, and what is to be done.

    `values` are what the choices mean; the one that is taken is left to whoever opened the screen.
    """
    match action:
        case Words(words=words) if words != state.words:
            return replace(state, words=words, place=0), ()
        case Step(by=by):
            return replace(state, place=min(max(0, state.place + by), max(0, len(values) - 1))), ()
        case Point() | Take() if (place := taken(state, action)) is not None and place < len(values):
            return state, (CloseScreen(values[place]),)
        case Leave():
            return state, (CloseScreen(),)
        case _:
            return state, ()


def taken(state: PickState, action: Action) -> int | None:
    """Return the place of the choice that an action takes, None where it takes none."""
    match action:
        case Point(place=place):
            return place
        case Take():
            return state.place
        case _:
            return None
