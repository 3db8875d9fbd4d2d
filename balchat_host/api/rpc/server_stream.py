"""One open stream on the server's side: it takes the next value from its source when the client has room for it."""

from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

from anyio import CancelScope

from balchat_host.api.bell import Bell
from balchat_host.api.rpc.description import MAX_CREDIT


class ServerStream(AsyncIterator[Any]):
    """Gives the values of `source` until `close`. With `credit`, only so many until `grant` allows more."""

    def __init__(self, source: AsyncIterator[Any], credit: int | None) -> None:
        self._source = source
        self._credit = credit
        self._granted = Bell()
        self._waiting = CancelScope()
        self._closed = False

    def grant(self, values: int) -> None:
        """Allow so many values more."""
        if self._credit is not None:
            self._credit = min(self._credit + values, MAX_CREDIT)
            self._granted.ring()

    def close(self) -> None:
        """Give no more values. A value that is being sent is sent whole."""
        self._closed = True
        self._waiting.cancel()

    async def __anext__(self) -> Any:
        if not self._closed:
            with CancelScope() as self._waiting:
                while self._credit == 0:
                    await self._granted.wait()
                value = await anext(self._source)
                if self._credit is not None:
                    self._credit -= 1
                return value
        raise StopAsyncIteration

    async def aclose(self) -> None:
        """Let go of the source."""
        close: Callable[[], Awaitable[None]] | None = getattr(self._source, "aclose", None)
        if close is not None:
            await close()
