"""What may be held in memory at once, shared by whoever asks in turn."""

from collections import deque
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager

import anyio


class OctetBudget:
    """At most `most` octets are taken at a time, in the order in which they are asked for.

    One who wants more than `most` gets it when nobody else has any.
    """

    def __init__(self, most: int) -> None:
        self._most = most
        self.in_use = 0
        """Octets that are taken now."""
        self._waiting: deque[tuple[int, anyio.Event]] = deque()

    def try_take(self, octets: int) -> bool:
        """Take octets if they are there, and nobody waits for some; return whether they were."""
        if self._waiting or not self._fits(octets):
            return False
        self.in_use += octets
        return True

    async def take(self, octets: int) -> None:
        """Take octets, waiting until it is our turn and they are there."""
        if self.try_take(octets):
            return
        turn = (octets, anyio.Event())
        self._waiting.append(turn)
        try:
            await turn[1].wait()
        except BaseException:
            if turn[1].is_set():
                self.give_back(octets)
            else:
                self._waiting.remove(turn)
                self._next()
            raise

    def give_back(self, octets: int) -> None:
        """Give octets back."""
        self.in_use -= octets
        self._next()

    @asynccontextmanager
    async def taken(self, octets: int) -> AsyncGenerator[None]:
        """Hold octets for the block, waiting for them before."""
        await self.take(octets)
        try:
            yield
        finally:
            self.give_back(octets)

    def _fits(self, octets: int) -> bool:
        return self.in_use + octets <= self._most or not self.in_use

    def _next(self) -> None:
        while self._waiting and self._fits(self._waiting[0][0]):
            octets, turn = self._waiting.popleft()
            self.in_use += octets
            turn.set()
