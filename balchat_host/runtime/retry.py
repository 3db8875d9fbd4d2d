"""When to try again: exponential backoff with jitter over the upper half, so that no wait is ever nothing."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

_IDLE_FACTOR: Final = 3
"""How much longer the longest wait is for a contact for whom nothing waits."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Backoff:
    """`first` and `most` in seconds; `chance()` gives 0 to 1."""

    first: float
    most: float
    chance: Callable[[], float]

    def delay(self, failures: int, *, waiting: bool) -> float:
        """Give the seconds to wait after that many failures in a row; longer when nothing waits to be sent."""
        if failures == 0:
            return 0.0
        most = self.most if waiting else self.most * _IDLE_FACTOR
        full = min(most, self.first * 2.0 ** min(failures - 1, 32))
        return full * (0.5 + 0.5 * self.chance())
