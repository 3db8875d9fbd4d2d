"""Rates and budgets: what one connection, and everybody together, may use."""

from collections.abc import Callable, Generator
from contextlib import contextmanager
from math import ceil
from typing import Final

from balchat_relay_proto.errors import Code, Refused

_MEMORY_RETRY: Final = 5


class Bucket:
    """A token bucket: `rate` a second, at most `burst` at once. `clock` is monotonic, in seconds."""

    __slots__ = ("_burst", "_clock", "_rate", "_tokens", "_when")

    def __init__(self, rate: float, burst: float, clock: Callable[[], float]) -> None:
        self._rate = rate
        self._burst = burst
        self._tokens = burst
        self._clock = clock
        self._when = clock()

    def wait(self) -> float:
        """Take a token and return 0, or return for how many seconds there is none."""
        now = self._clock()
        self._tokens = min(self._burst, self._tokens + (now - self._when) * self._rate)
        self._when = now
        if self._tokens < 1:
            return (1 - self._tokens) / self._rate
        self._tokens -= 1
        return 0

    def take(self, what: str) -> None:
        """Take a token. Raise Refused (TOO_MANY_REQUESTS)."""
        if wait := self.wait():
            raise Refused(Code.TOO_MANY_REQUESTS, f"Too many {what}.", retry_after=ceil(wait))


class Memory:
    """Octets of large bodies that may be in memory at once. Small ones are bounded by the number of connections."""

    def __init__(self, octets: int) -> None:
        self._free = octets
        self._scarce_below = octets // 2

    @property
    def scarce(self) -> bool:
        """Whether more than half of it is in use."""
        return self._free < self._scarce_below

    @contextmanager
    def account(self) -> Generator["Account"]:
        """Yield an account that takes from it. At the end everything that it took is given back."""
        account = Account(self)
        try:
            yield account
        finally:
            self._free += account.taken

    def take(self, octets: int) -> None:
        """Take octets that an account gives back. Raise Refused (TOO_MANY_REQUESTS) where they are not there."""
        if octets > self._free:
            raise Refused(Code.TOO_MANY_REQUESTS, "The relay has too much in hand.", retry_after=_MEMORY_RETRY)
        self._free -= octets


class Account:
    """What one request takes of the memory."""

    __slots__ = ("_memory", "taken")

    def __init__(self, memory: Memory) -> None:
        self._memory = memory
        self.taken = 0

    def take(self, octets: int) -> None:
        """Take more. Raise Refused (TOO_MANY_REQUESTS)."""
        self._memory.take(octets)
        self.taken += octets
