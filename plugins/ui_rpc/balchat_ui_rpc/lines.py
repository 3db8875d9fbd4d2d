"""Lines from a byte stream, and octets between them: bounded in size, and in the time from the first to the last."""

from typing import Final

import anyio
from anyio import BrokenResourceError, ClosedResourceError, EndOfStream
from anyio.abc import ByteReceiveStream

from balchat_host.api.errors import ProtocolViolation, TimedOut

_CHUNK: Final = 65536


class LineReader:
    """Reads lines of at most `limit` octets. Without `patience` (seconds) a line may take for ever."""

    def __init__(self, stream: ByteReceiveStream, limit: int, patience: float | None = None) -> None:
        self._stream = stream
        self._limit = limit
        self._patience = patience
        self._buffer = bytearray()
        self._searched = 0

    async def read(self) -> bytes | None:
        """Return the next line without its end, or None when there are no more; half a line is none.

        Raise ProtocolViolation for a line that is too long, TimedOut for one that takes too long.
        """
        deadline: float | None = None
        while True:
            end = self._buffer.find(b"\n", self._searched)
            if max(end, len(self._buffer) if end < 0 else 0) > self._limit:
                raise ProtocolViolation(problem=f"a line has more than {self._limit} octets")
            if end >= 0:
                line = bytes(self._buffer[:end])
                del self._buffer[: end + 1]
                self._searched = 0
                return line
            self._searched = len(self._buffer)
            if self._buffer and deadline is None and self._patience is not None:
                deadline = anyio.current_time() + self._patience
            if not await self._receive(deadline):
                return None

    async def read_octets(self, size: int) -> bytes | None:
        """Return the next octets, or None where fewer come. Raise TimedOut where they take too long."""
        deadline = None if self._patience is None else anyio.current_time() + self._patience
        while len(self._buffer) < size:
            if not await self._receive(deadline):
                return None
        octets = bytes(self._buffer[:size])
        del self._buffer[:size]
        return octets

    async def _receive(self, deadline: float | None) -> bool:
        with anyio.CancelScope(deadline=float("inf") if deadline is None else deadline) as scope:
            try:
                self._buffer += await self._stream.receive(_CHUNK)
            except (EndOfStream, BrokenResourceError, ClosedResourceError):
                return False
        if scope.cancelled_caught:
            raise TimedOut(seconds=f"{self._patience:g}", what="the rest of a line")
        return True
