"""What limits a hostile peer: how fast it may send, how many may be in a handshake, how much memory all may use."""

from collections.abc import Generator
from contextlib import contextmanager
from typing import Generic, Protocol, TypeVar

import anyio


class Allowance:
    """A rate per second, with a burst of `at_once`. Whoever exceeds it has to wait."""

    def __init__(self, rate: float, now: float, *, at_once: float) -> None:
        self._rate = rate
        self._at_once = at_once
        self._left = at_once
        self._at = now

    def spend(self, amount: float, now: float) -> float:
        """Use up `amount`; return the seconds to pause before the next."""
        self._left = min(self._at_once, self._left + (now - self._at) * self._rate) - amount
        self._at = now
        return max(0.0, -self._left / self._rate)


class HandshakeLimiter:
    """Limits how many streams are in a handshake, and for how long. One more pushes out the oldest."""

    def __init__(self, *, most: int, seconds: float) -> None:
        self._most = most
        self._seconds = seconds
        self._scopes: dict[int, anyio.CancelScope] = {}
        self._count = 0

    @contextmanager
    def slot(self) -> Generator[None]:
        """Hold a slot for the block, which is cancelled when its time is over or it is pushed out."""
        if len(self._scopes) >= self._most:
            self._scopes.pop(next(iter(self._scopes))).cancel()
        self._count += 1
        number = self._count
        with anyio.move_on_after(self._seconds) as scope:
            self._scopes[number] = scope
            try:
                yield
            finally:
                self._scopes.pop(number, None)


class Holder(Protocol):
    """A connection for which octets are held in memory."""

    @property
    def trusted(self) -> bool:
        """Whether the host accepted something from it as a contact's, or sent something to it."""
        ...


HolderT = TypeVar("HolderT", bound=Holder)


class MemoryBudget(Generic[HolderT]):
    """Limits the octets that are held for all connections together."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._held: dict[HolderT, int] = {}
        self._total = 0

    def note(self, holder: HolderT, octets: int) -> HolderT | None:
        """Note how much is held for one connection; return the one to close when it is too much for all."""
        self._total += octets - self._held.get(holder, 0)
        if octets:
            self._held[holder] = octets
        else:
            self._held.pop(holder, None)
        if self._total <= self._most:
            return None
        return max(self._held, key=lambda each: (not each.trusted, self._held[each]))
