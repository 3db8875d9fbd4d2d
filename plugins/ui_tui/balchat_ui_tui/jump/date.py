"""Ctrl+G: another day of the conversation."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta

from balchat_ui_tui.account import AccountState
from balchat_ui_tui.actions import Action
from balchat_ui_tui.asking.picker import Picker
from balchat_ui_tui.asking.picking import PickState, pick
from balchat_ui_tui.chat.actions import GoToDate
from balchat_ui_tui.clock import milliseconds_now
from balchat_ui_tui.drawing.pieces import Piece, Row
from balchat_ui_tui.effects import Effects

_DAYS = (0, 1, 7, 30, 365)
"""How many days before today the days are that are offered before something is typed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DateState(PickState):
    """What was typed, and which of the days that are offered is selected."""

    today: date


def days(state: DateState) -> Sequence[date]:
    """Return the days that are offered: the one that was typed, as far as it is one, or some before today."""
    if not state.words.strip():
        return [state.today - timedelta(days=each) for each in _DAYS]
    typed = typed_day(state.words, state.today)
    return [] if typed is None else [typed]


def typed_day(words: str, today: date) -> date | None:
    """Return the day that was typed: 2026-01-31, 31.1.2026, 31/1, or a day of a month: the last that it can be."""
    parts = [part for part in words.replace("/", "-").replace(".", "-").replace(" ", "-").split("-") if part]
    if not parts or not all(part.isdecimal() and len(part) <= len("2026") for part in parts):
        return None
    numbers = [int(part) for part in parts]
    match numbers:
        case [year, month, day] if year > 31:  # noqa: PLR2004  # the days of the longest month
            pass
        case [day, month, year]:
            year += 2000 if year < 100 else 0  # noqa: PLR2004  # a year of two digits
        case [day, month]:
            year = today.year - ((month, day) > (today.month, today.day))
        case [day]:
            before = today if day <= today.day else today.replace(day=1) - timedelta(days=1)
            year, month = before.year, before.month
        case _:
            return None
    try:
        return date(year, month, day)
    except ValueError:
        return None


def update(state: DateState, action: Action) -> tuple[DateState, Effects]:
    """Return the state after an action, and what is to be done."""
    return pick(state, action, lambda now: [GoToDate(_milliseconds(day)) for day in days(now)])


def _milliseconds(day: date) -> int:
    """Return when a day begins here."""
    return int(datetime(day.year, day.month, day.day).astimezone().timestamp() * 1000)  # made local


class JumpToDate(Picker[DateState]):
    """Choose a day."""

    def __init__(self) -> None:
        today = datetime.fromtimestamp(milliseconds_now() / 1000, UTC).astimezone().date()
        super().__init__(DateState(today=today))

    def update_state(self, state: DateState, action: Action, account: AccountState) -> tuple[DateState, Effects]:
        del account
        return update(state, action)

    @property
    def heading(self) -> str:
        return self.tui.t("chat.jump-to-date")

    @property
    def placeholder(self) -> str:
        return f"{self.state.today.year}-01-31"

    @property
    def place(self) -> int:
        return self.state.place

    def choices(self, cells: int) -> Sequence[Sequence[Row]]:
        del cells
        now = milliseconds_now()
        return [[[Piece(self.tui.t.day(_milliseconds(day), now))]] for day in days(self.state)]
