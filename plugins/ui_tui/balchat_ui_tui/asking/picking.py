"""The state of most lists of choices: what was typed, which one is selected, and what taking it leaves."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import TypeVar

from balchat_ui_tui.actions import Action
from balchat_ui_tui.asking.actions import Leave, Point, Step, Take, Words
from balchat_ui_tui.effects import CloseScreen, Effects


@dataclass(frozen=True, slots=True, kw_only=True)
class PickState:
    """What was typed, and which choice is selected: its place, and what it means."""

    words: str = ""
    place: int = 0
    value: object = None


P = TypeVar("P", bound=PickState)


def pick(state: P, action: Action, values_of: Callable[[P], Sequence[object]]) -> tuple[P, Effects]:
    """Return the state after an action, and what is to be done.

    `values_of` returns what the choices of a state mean; the one that is taken is left to whoever opened the screen.
    The choice that is selected stays so where others come before it.
    """
    state, effects = _pick(follow(state, values_of(state)), action, values_of(state))
    values = values_of(state)
    return replace(state, value=values[state.place] if state.place < len(values) else None), effects


def follow(state: P, values: Sequence[object]) -> P:
    """Return the state with the place at which the selected choice is now; the nearest one where it is gone."""
    if state.value is None:
        return state
    place = values.index(state.value) if state.value in values else min(state.place, max(0, len(values) - 1))
    return replace(state, place=place)


def _pick(state: P, action: Action, values: Sequence[object]) -> tuple[P, Effects]:
    match action:
        case Words(words=words) if words != state.words:
            return replace(state, words=words, place=0, value=None), ()
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
