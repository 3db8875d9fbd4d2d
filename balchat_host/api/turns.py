"""Turns at something of which few can be done at once; whoever waits for many keeps nobody else waiting.

Whose turn is next goes round among those who wait; of one of them, the first comes first. Nobody has all turns.
"""

from collections import Counter, deque
from collections.abc import AsyncGenerator, Hashable
from contextlib import asynccontextmanager

import anyio

from balchat_host.api.errors import TooMany


class FairTurns:
    """At most `at_once` have their turn; at most `most_of_one` wait for one, and `most` for all. `what`: for errors.

    Of one of them, all but one have theirs at a time: one turn is left to others, however long these take.
    """

    def __init__(self, *, at_once: int, most_of_one: int, most: int, what: str) -> None:
        self._free = at_once
        self._most_taken = max(1, at_once - 1)
        self._most_of_one = most_of_one
        self._most = most
        self._what = what
        self._taken: Counter[Hashable] = Counter()
        self._waiting: dict[Hashable, deque[anyio.Event]] = {}
        """By whom they are for; the one whose turn is next stands first."""

    @asynccontextmanager
    async def turn(self, of: Hashable) -> AsyncGenerator[None]:
        """Have the block run when its turn has come. Raise TooMany where too many wait."""
        if self._may(of):
            self._take(of)
        else:
            await self._wait(of)
        try:
            yield
        finally:
            self._pass_on(of)

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
                self._pass_on(of)
            else:
                self._waiting[of].remove(turn)
                if not self._waiting[of]:
                    del self._waiting[of]
            raise

    def _may(self, of: Hashable) -> bool:
        return self._free > 0 and self._taken[of] < self._most_taken

    def _take(self, of: Hashable) -> None:
        self._free -= 1
        self._taken[of] += 1

    def _pass_on(self, of: Hashable) -> None:
        self._free += 1
        self._taken[of] -= 1
        if not self._taken[of]:
            del self._taken[of]
        following = next((each for each in self._waiting if self._may(each)), None)
        if following is None:
            return
        self._take(following)
        waiting = self._waiting.pop(following)
        waiting.popleft().set()
        if waiting:
            self._waiting[following] = waiting  # behind the others
