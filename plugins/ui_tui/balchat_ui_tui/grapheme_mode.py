"""Has the terminal draw what belongs together as one, an emoji of several parts first of all, as Textual measures it.

Some terminals do so only where they are asked to (mode 2027); others always do, or never do. They are asked how they
are, and what was changed is put back at the end, since the shell may count on it.
"""

from collections.abc import Callable
from typing import Final

_ASK: Final = "\x1b[?2027$p"
_IS_OFF: Final = "\x1b[?2027;2$y"
"""The answer of a terminal that can, and does not."""
_SET: Final = "\x1b[?2027h"
_RESET: Final = "\x1b[?2027l"


class GraphemeMode:
    """The mode of one terminal. `write` writes to it."""

    def __init__(self, write: Callable[[str], object]) -> None:
        self._write = write
        self._on = False
        """Whether the program has the terminal."""
        self._is_ours = False
        """Whether it was off before."""

    def begin(self) -> None:
        """Ask; after a stop, set it at once where that was needed before."""
        self._on = True
        self._write(_SET if self._is_ours else _ASK)

    def answered(self, sequence: str) -> None:
        """Take what the terminal sent, and set the mode where it says that it is off."""
        if self._on and sequence == _IS_OFF:
            self._is_ours = True
            self._write(_SET)

    def end(self) -> None:
        """Put it back."""
        self._on = False
        if self._is_ours:
            self._write(_RESET)
