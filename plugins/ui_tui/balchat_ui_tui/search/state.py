"""The state of a search, and what happens to it."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from enum import StrEnum
from functools import partial
from typing import Final, NamedTuple, TypeVar

from balchat_host.api.errors import BadInput, BalchatError
from balchat_host.api.views import SearchHit, SearchPage
from balchat_ui_tui.actions import Action, Heard
from balchat_ui_tui.asking.actions import Leave, Point, Step, Take, Words
from balchat_ui_tui.chat.gone import gone_message
from balchat_ui_tui.effects import After, Call, CloseScreen, Effects, ShowError
from balchat_ui_tui.main.actions import Show

T = TypeVar("T")

PAGE: Final = 30
_WAIT: Final = 0.2
"""Seconds without a key before the words are looked for."""


class Written(StrEnum):
    """When it was written."""

    ANY = "any"
    WEEK = "week"
    MONTH = "month"
    YEAR = "year"


_DAY: Final = 86_400_000
_DAYS: Final[Mapping[Written, int]] = {Written.ANY: 0, Written.WEEK: 7, Written.MONTH: 31, Written.YEAR: 366}


class Wanted(NamedTuple):
    """What is looked for, and where."""

    words: str
    everywhere: bool
    written: Written
    author: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class SearchState:
    """What is looked for, and what was found.

    `conversation` is the one that is shown, `everywhere` whether others are looked through, too. `written` and `author`
    say when and by whom it was written. `found_for` is what `hits` are for; `resume` is the message before which to go
    on.
    """

    conversation: str | None
    everywhere: bool
    words: str = ""
    written: Written = Written.ANY
    today: int = 0
    author: str | None = None
    found_for: Wanted | None = None
    hits: tuple[SearchHit, ...] = ()
    resume: str | None = None
    waiting: bool = False
    place: int = 0

    @property
    def wanted(self) -> Wanted:
        """What is looked for."""
        return Wanted(self.words, self.everywhere, self.written, self.author)


class Look(Action, frozen=True):
    """Look for the words."""


class SwitchScope(Action, frozen=True):
    """Look in all conversations, or only in the one that is shown."""


class SwitchWritten(Action, frozen=True):
    """Look in what was written at any time, or in the last week, month, or year; `today` is when today began."""

    today: int


class SwitchAuthor(Action, frozen=True):
    """Look in what the next one of these has written; None is for anybody."""

    people: tuple[str | None, ...]


class Found(Action, frozen=True):
    """A page of what was looked for, and whether it follows on another one."""

    wanted: Wanted
    more: bool
    page: SearchPage


class LookFailed(Action, frozen=True):
    """The words could not be looked for."""

    wanted: Wanted
    error: BalchatError


def update(  # noqa: C901, PLR0912  # a line or two for each action
    state: SearchState, action: Action
) -> tuple[SearchState, Effects]:
    """Return the state after an action, and what is to be done."""
    match action:
        case Words(words=words) if words != state.words:
            return replace(state, words=words), (After(_WAIT, Look(), "look"),)
        case Look():
            return _look(state)
        case SwitchScope() if state.conversation is not None:
            return _look(replace(state, everywhere=not state.everywhere, author=None, found_for=None))
        case SwitchWritten(today=today):
            written = _after(tuple(Written), state.written)
            return _look(replace(state, written=written, today=today, found_for=None))
        case SwitchAuthor(people=people):
            return _look(replace(state, author=_after(people, state.author), found_for=None))
        case Found(wanted=wanted) if wanted == state.wanted:
            return _found(state, action), ()
        case LookFailed(wanted=wanted, error=error) if wanted == state.wanted:
            # Words that cannot be looked for yet, such as half a quotation, find nothing.
            failed = replace(state, waiting=False, hits=(), found_for=wanted, resume=None)
            return failed, () if isinstance(error, BadInput) else (ShowError(error),)
        case Heard(event=event) if (gone := gone_message(event)) is not None:
            return _without(state, gone), ()
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
    asked = {"words": words, "conversation": where, "limit": PAGE, "before": before}
    if state.author is not None:
        asked["author"] = state.author
    if days := _DAYS[state.written]:
        asked["since"] = state.today - days * _DAY
    done = partial(Found, state.wanted, before is not None)
    return Call("messages.search", asked, done=done, failed=partial(LookFailed, state.wanted))


def _after(choices: tuple[T, ...], now: T) -> T:
    """Return the choice after one, and the first after the last."""
    return choices[(choices.index(now) + 1) % len(choices)] if now in choices else choices[0]


def _found(state: SearchState, found: Found) -> SearchState:
    hits = (*state.hits, *found.page.hits) if found.more else tuple(found.page.hits)
    return replace(
        state,
        hits=hits,
        found_for=found.wanted,
        resume=found.page.resume_before,
        waiting=False,
        place=state.place if found.more else 0,
    )


def _without(state: SearchState, gone: str) -> SearchState:
    left = tuple(each for each in state.hits if each.message.id != gone)
    before = sum(each.message.id == gone for each in state.hits[: state.place])
    return replace(state, hits=left, place=max(0, min(state.place - before, len(left) - 1)))


def _step(state: SearchState, by: int) -> tuple[SearchState, Effects]:
    place = min(max(0, state.place + by), max(0, len(state.hits) - 1))
    moved = replace(state, place=place)
    if place == len(state.hits) - 1 and state.resume is not None and not state.waiting:
        return replace(moved, waiting=True), (_call(state, state.words.strip(), state.resume),)
    return moved, ()


def _take(state: SearchState, place: int) -> tuple[SearchState, Effects]:
    if state.found_for != state.wanted:
        return _look(state)
    if place >= len(state.hits):
        return state, ()
    message = state.hits[place].message
    return state, (CloseScreen(Show(message.conversation, message.id)),)
