"""How long to wait before the next try."""

from collections.abc import Callable
from dataclasses import dataclass

_MOST_STEPS = 64
"""So often does a wait grow at most: by then it is at its limit, and a float does not hold every power."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Backoff:
    """Waits that grow: `first` seconds, then `factor` times as long after each failure, up to `longest`.

    `jitter` returns a number from 0 to 1. Where it is given, a wait is between half and all of that time, so that those
    who failed together do not all come back together.
    """

    first: float
    longest: float
    factor: float = 2.0
    jitter: Callable[[], float] | None = None

    def delay(self, failures: int) -> float:
        """Return the seconds to wait after that many failures in a row; 0 where there was none."""
        if failures < 1:
            return 0.0
        delay = min(self.longest, self.first * self.factor ** min(failures - 1, _MOST_STEPS))
        return delay if self.jitter is None else delay * (0.5 + 0.5 * self.jitter())
