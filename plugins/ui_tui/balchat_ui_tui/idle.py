"""Knows when somebody touched keyboard or mouse last, and locks the screen after minutes in which nobody did."""

from time import monotonic
from typing import TYPE_CHECKING, Final

from balchat_ui_tui.later import call_later

if TYPE_CHECKING:
    from asyncio import TimerHandle

    from balchat_ui_tui.app import BalchatTui

_MINUTE: Final = 60.0
_TYPES: Final = 1.0
"""Seconds after a key in which another one is likely."""


class IdleLock:
    """Waits for somebody not to be there. One timer waits for the earliest moment at which that can be so."""

    def __init__(self, tui: "BalchatTui", minutes: int) -> None:
        self._tui = tui
        self._minutes = minutes
        self._touched = monotonic()
        self._timer: TimerHandle | None = None

    def touch(self) -> None:
        """Somebody is there."""
        self._touched = monotonic()

    @property
    def is_touched(self) -> bool:
        """Whether somebody is typing: nothing should come between their hands and what they write."""
        return monotonic() - self._touched < _TYPES

    def set_minutes(self, minutes: int) -> None:
        """Lock after so many minutes from now on, never for 0."""
        self._minutes = minutes
        self.start()

    def start(self) -> None:
        """Begin to wait."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        if self._minutes:
            left = self._touched + self._minutes * _MINUTE - monotonic()
            self._timer = call_later(self._tui, max(left, 0.1), self._look)

    def _look(self) -> None:
        self._timer = None
        if monotonic() - self._touched >= self._minutes * _MINUTE:
            self._tui.action_lock()
            self.touch()
        self.start()
