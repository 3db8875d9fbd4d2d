"""The queue between whoever dials us and `accept`: at most so many wait, the newest are turned away."""

from collections import deque
from typing import Final, Generic, TypeVar

import anyio
from anyio import ClosedResourceError
from anyio.abc import ByteStream
from anyio.lowlevel import checkpoint

DEFAULT_BACKLOG: Final = 16

StreamT = TypeVar("StreamT", bound=ByteStream)


class Incoming(Generic[StreamT]):
    """Streams that wait to be accepted."""

    def __init__(self, backlog: int = DEFAULT_BACKLOG) -> None:
        self._backlog = backlog
        self._waiting: deque[StreamT] = deque()
        self._changed = anyio.Event()
        self._closed = False

    @property
    def full(self) -> bool:
        """Whether the next one is turned away."""
        return self._closed or len(self._waiting) >= self._backlog

    def put(self, stream: StreamT) -> None:
        """Let `stream` wait. The caller has looked at `full`."""
        self._waiting.append(stream)
        self._notify()

    async def get(self) -> StreamT:
        """Return the one that waits longest. Raise ClosedResourceError."""
        await checkpoint()
        while True:
            if self._closed:
                raise ClosedResourceError
            if self._waiting:
                return self._waiting.popleft()
            await self._changed.wait()

    def close(self) -> list[StreamT]:
        """Accept nothing any more; return what waited, for the caller to end."""
        self._closed = True
        left = list(self._waiting)
        self._waiting.clear()
        self._notify()
        return left

    def _notify(self) -> None:
        self._changed.set()
        self._changed = anyio.Event()
