"""Turns at something of which few can be done at once; whoever waits for many keeps nobody else waiting.

Whose turn is next goes round among those who wait; of one of them, the first comes first.
"""

from collections import deque
from collections.abc import AsyncGenerator, Hashable
from contextlib import asynccontextmanager

import anyio

from balchat_host.api.errors import TooMany


class FairTurns:
    """At most `at_once` have their turn; at most `most_of_one` wait for one, and `most` for all. `what`: for errors."""

    def __init__(self, *, at_once: int, most_of_one: int, most: int, what: str) -> None:
        self._free = at_once
        self._most_of_one = most_of_one
        self._most = most
        self._what = what
        self._waiting: dict[Hashable, deque[anyio.Event]] = {}
        """By whom they are for; the one whose turn is next stands first."""

    @asynccontextmanager
    async def turn(self, of: Hashable) -> AsyncGenerator[None]:
        """Have the block run when its turn has come. Raise TooMany where too many wait."""
        if self._free:
            self._free -= 1
        else:
            await self._wait(of)
        try:
            yield
        finally:
            self._pass_on()

    async def _wait(self, of: Hashable) -> None:
        mine = self._waiting.get(of, ())
        if len(mine) >= self._most_of_one:
            raise TooMany(what=self._what, limit=self._most_of_one)
        if sum(map(len, self._waiting.values())) >= self._most:
            raise TooMany(what=self._what, limit=self._most)
        turn = anyio.Event()
        self._waiting.setdefault(of, deque()).append(turn)
        try:
            await turn.wait()
        except BaseException:
            if turn.is_set():
                self._pass_on()
            else:
                self._waiting[of].remove(turn)
                if not self._waiting[of]:
                    del self._waiting[of]
            raise

    def _pass_on(self) -> None:
        if not self._waiting:
            self._free += 1
            return
        of = next(iter(self._waiting))
        waiting = self._waiting.pop(of)
        waiting.popleft().set()
        if waiting:
            self._waiting[of] = waiting  # behind the others
