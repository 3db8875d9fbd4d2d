"""The state of a search, and what happens to it."""

from dataclasses import dataclass, replace
from functools import partial
from typing import Final

from balchat_host.api.errors import BadInput, BalchatError
from balchat_host.api.views import SearchHit, SearchPage
from balchat_ui_tui.actions import Action
from balchat_ui_tui.asking.actions import Leave, Point, Step, Take, Words
from balchat_ui_tui.effects import After, Call, CloseScreen, Effects, ShowError
from balchat_ui_tui.main.actions import Show

PAGE: Final = 30
_WAIT: Final = 0.2
"""Seconds without a key before the words are looked for."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SearchState:
    """What is looked for, and what was found.

    `conversation` is the one that is shown, `everywhere` whether others are looked through, too. `found_for` are the
    words that `hits` are for; `resume` is the message before which to go on.
    """

    conversation: str | None
    everywhere: bool
    words: str = ""
    found_for: str | None = None
    hits: tuple[SearchHit, ...] = ()
    resume: str | None = None
    waiting: bool = False
    place: int = 0


class Look(Action, frozen=True):
    """Look for the words."""


class SwitchScope(Action, frozen=True):
    """Look in all conversations, or only in the one that is shown."""


class Found(Action, frozen=True):
    """A page of what was looked for: with which words, where, and whether it follows on another one."""

    words: str
    everywhere: bool
    more: bool
    page: SearchPage


class LookFailed(Action, frozen=True):
    """The words could not be looked for."""

    words: str
    error: BalchatError


def update(state: SearchState, action: Action) -> tuple[SearchState, Effects]:
    """Return the state after an action, and what is to be done."""
    match action:
        case Words(words=words) if words != state.words:
            return replace(state, words=words), (After(_WAIT, Look(), "look"),)
        case Look():
            return _look(state)
        case SwitchScope() if state.conversation is not None:
            return _look(replace(state, everywhere=not state.everywhere, found_for=None))
        case Found() if (action.words, action.everywhere) == (state.words, state.everywhere):
            return _found(state, action), ()
        case LookFailed(words=words, error=error) if words == state.words:
            # Words that cannot be looked for yet, such as half a quotation, find nothing.
            failed = replace(state, waiting=False, hits=(), found_for=words, resume=None)
            return failed, () if isinstance(error, BadInput) else (ShowError(error),)
        case Step(by=by):
            return _step(state, by)
        case Take():
            return _take(state, state.place)
        case Point(place=place):
            return _take(state, place)
        case Leave():
            return state, (CloseScreen(),)
        case _:
            return state, ()


def _look(state: SearchState) -> tuple[SearchState, Effects]:
    words = state.words.strip()
    if not words:
        return replace(state, hits=(), found_for=None, resume=None, place=0, waiting=False), ()
    return replace(state, waiting=True), (_call(state, words, None),)


def _call(state: SearchState, words: str, before: str | None) -> Call:
    where = None if state.everywhere else state.conversation
    return Call(
        "messages.search",
        {"words": words, "conversation": where, "limit": PAGE, "before": before},
        done=partial(Found, state.words, state.everywhere, before is not None),
        failed=partial(LookFailed, state.words),
    )


def _found(state: SearchState, found: Found) -> SearchState:
    hits = (*state.hits, *found.page.hits) if found.more else tuple(found.page.hits)
    return replace(
        state,
        hits=hits,
        found_for=found.words,
        resume=found.page.resume_before,
        waiting=False,
        place=state.place if found.more else 0,
    )


def _step(state: SearchState, by: int) -> tuple[SearchState, Effects]:
    place = min(max(0, state.place + by), max(0, len(state.hits) - 1))
    moved = replace(state, place=place)
    if place == len(state.hits) - 1 and state.resume is not None and not state.waiting:
        return replace(moved, waiting=True), (_call(state, state.words.strip(), state.resume),)
    return moved, ()


def _take(state: SearchState, place: int) -> tuple[SearchState, Effects]:
    if state.found_for != state.words:
        return _look(state)
    if place >= len(state.hits):
        return state, ()
    message = state.hits[place].message
    return state, (CloseScreen(Show(message.conversation, message.id)),)
