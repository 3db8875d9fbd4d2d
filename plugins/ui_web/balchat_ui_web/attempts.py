"""How often a passphrase may be tried: a few times at once, then with pauses that double."""

from collections.abc import Callable
from math import ceil
from typing import Final

from balchat_ui_web.errors import Wait

FREE: Final = 3
"""Wrong tries without a pause."""
FIRST: Final = 2.0
LONGEST: Final = 300.0


class Attempts:
    """Counts wrong tries. `clock` gives seconds that also pass while the machine sleeps."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._wrong = 0
        self._until = 0.0

    def require(self) -> None:
        """Raise Wait where the next try cannot be made yet."""
        rest = self._until - self._clock()
        if rest > 0:
            raise Wait(seconds=ceil(rest))

    def wrong(self) -> None:
        """Count a wrong try."""
        self._wrong += 1
        if self._wrong >= FREE:
            self._until = self._clock() + min(FIRST * 2 ** min(self._wrong - FREE, 20), LONGEST)

    def right(self) -> None:
        """Forget the wrong ones."""
        self._wrong, self._until = 0, 0.0
