"""What bounds a peer that means harm: how fast it may send, how many may knock, how much all may make us hold."""

from collections.abc import Generator
from contextlib import contextmanager
from typing import Generic, Protocol, TypeVar

import anyio


class Allowance:
    """So much a second, and so much at once: what was not used is saved up to there. Beyond, one pays by waiting."""

    def __init__(self, rate: float, now: float, *, at_once: float) -> None:
        self._rate = rate
        self._at_once = at_once
        self._left = at_once
        self._at = now

    def spend(self, amount: float, now: float) -> float:
        """Use up `amount`; give the seconds to pause before the next."""
        self._left = min(self._at_once, self._left + (now - self._at) * self._rate) - amount
        self._at = now
        return max(0.0, -self._left / self._rate)


class HandshakeLimiter:
    """Streams in a handshake: so many, each so long. One more pushes the oldest out, so nobody can hold the door."""

    def __init__(self, *, most: int, seconds: float) -> None:
        self._most = most
        self._seconds = seconds
        self._scopes: dict[int, anyio.CancelScope] = {}
        self._count = 0

    @contextmanager
    def slot(self) -> Generator[None]:
        """Stand in a slot for the block, which is cancelled when its time is over or it is pushed out."""
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
    """Somebody for whom octets are held."""

    @property
    def trusted(self) -> bool:
        """Whether the host took something from it as a contact's, or sent something to it."""
        ...


HolderT = TypeVar("HolderT", bound=Holder)


class MemoryBudget(Generic[HolderT]):
    """The octets held for all together."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._held: dict[HolderT, int] = {}
        self._total = 0

    def note(self, holder: HolderT, octets: int) -> HolderT | None:
        """Take note of what is held for one; give whom to let go of when it is too much for all."""
        self._total += octets - self._held.get(holder, 0)
        if octets:
            self._held[holder] = octets
        else:
            self._held.pop(holder, None)
        if self._total <= self._most:
            return None
        return max(self._held, key=lambda each: (not each.trusted, self._held[each]))
