"""A stream in memory whose wire can be slow, silent, narrow or torn.

Theory: a stream is two `Pipe`s, one for each direction. A pipe holds pieces, each with the moment of its arrival, and
no more than `capacity` octets, so a writer waits for its reader as it does on a socket. No task runs for a pipe:
whoever reads waits for the next arrival, which works on a virtual clock as on the real one.
"""

from collections import deque
from collections.abc import Callable
from typing import Final, Self

import anyio
from anyio import BrokenResourceError, ClosedResourceError, EndOfStream, ResourceGuard
from anyio.abc import ByteStream
from anyio.lowlevel import checkpoint

DEFAULT_CAPACITY: Final = 65536
_END: Final = b""


class Pipe:
    """One direction of a stream."""

    def __init__(self, *, capacity: int, delay: Callable[[], float], largest_piece: int) -> None:
        self._capacity = capacity
        self._delay = delay
        self._largest_piece = largest_piece
        self._pieces: deque[tuple[float, bytes]] = deque()
        self._held = 0
        self._changed = anyio.Event()
        self._ended = False
        self._torn = False
        self._silent = False

    async def put(self, octets: bytes) -> None:
        """Write all of `octets`. Raise BrokenResourceError when nobody can read them any more."""
        rest = memoryview(octets)
        while rest:
            if self._torn or self._ended:
                raise BrokenResourceError
            room = self._capacity - self._held
            # Without this, pieces would be cut ever smaller (RFC 1122, section 4.2.3.4: silly window syndrome).
            if room >= min(len(rest), self._capacity // 4):
                self._append(bytes(rest[:room]))
                rest = rest[room:]
            else:
                await self._changed.wait()

    async def get(self, max_bytes: int) -> bytes:
        """Read what has arrived. Raise EndOfStream after the last octet, BrokenResourceError when torn."""
        while True:
            if self._torn:
                raise BrokenResourceError
            if self._pieces and not self._silent:
                arrival, piece = self._pieces[0]
                if arrival <= anyio.current_time():
                    return self._take(piece, min(max_bytes, self._largest_piece))
                with anyio.move_on_at(arrival):
                    await self._changed.wait()
            else:
                await self._changed.wait()

    def end(self) -> None:
        """No more octets follow."""
        if not self._ended:
            self._ended = True
            self._append(_END)

    def tear(self) -> None:
        """Break at once; what is on its way is gone."""
        self._torn = True
        self._pieces.clear()
        self._notify()

    def hush(self, *, silent: bool) -> None:
        """Let nothing arrive, without a sign; or let it arrive again."""
        self._silent = silent
        self._notify()

    def _append(self, piece: bytes) -> None:
        # A later octet never overtakes an earlier one, however the delays fall.
        earliest = self._pieces[-1][0] if self._pieces else 0.0
        self._pieces.append((max(earliest, anyio.current_time() + self._delay()), piece))
        self._held += len(piece)
        self._notify()

    def _take(self, piece: bytes, size: int) -> bytes:
        if piece == _END:
            raise EndOfStream
        arrival, _ = self._pieces.popleft()
        if len(piece) > size:
            self._pieces.appendleft((arrival, piece[size:]))
            piece = piece[:size]
        self._held -= len(piece)
        self._notify()
        return piece

    def _notify(self) -> None:
        self._changed.set()
        self._changed = anyio.Event()


class VirtualStream(ByteStream):
    """One end of a stream in memory. Made by `pair`."""

    def __init__(self, incoming: Pipe, outgoing: Pipe) -> None:
        self._incoming = incoming
        self._outgoing = outgoing
        self._reading = ResourceGuard("reading from")
        self._writing = ResourceGuard("writing to")
        self._closed = False

    @classmethod
    def pair(
        cls,
        *,
        capacity: int = DEFAULT_CAPACITY,
        delay: Callable[[], float] = lambda: 0.0,
        largest_piece: int = DEFAULT_CAPACITY,
    ) -> tuple[Self, Self]:
        """Make both ends.

        A direction holds `capacity` octets; each write takes `delay()` seconds; a read gives at most `largest_piece`
        octets, so that a test can cut messages anywhere.
        """
        one, other = (Pipe(capacity=capacity, delay=delay, largest_piece=largest_piece) for _ in range(2))
        return cls(one, other), cls(other, one)

    @property
    def closed(self) -> bool:
        """Whether this end was closed here."""
        return self._closed

    async def receive(self, max_bytes: int = DEFAULT_CAPACITY) -> bytes:
        with self._reading:
            await checkpoint()
            self._check_open()
            try:
                return await self._incoming.get(max_bytes)
            except BrokenResourceError:
                self._check_open()
                raise

    async def send(self, item: bytes) -> None:
        with self._writing:
            await checkpoint()
            self._check_open()
            try:
                await self._outgoing.put(item)
            except BrokenResourceError:
                self._check_open()
                raise

    async def send_eof(self) -> None:
        await checkpoint()
        self._check_open()
        self._outgoing.end()

    async def aclose(self) -> None:
        self.close()
        await checkpoint()

    def close(self) -> None:
        """Close this end without waiting."""
        if not self._closed:
            self._closed = True
            self._outgoing.end()
            # A reader of our own wakes and finds the stream closed; the other end finds that nobody reads.
            self._incoming.tear()

    def tear(self) -> None:
        """Break both directions at once."""
        self._incoming.tear()
        self._outgoing.tear()

    def hush(self, *, silent: bool) -> None:
        """Let nothing arrive on either side, without a sign; or let it arrive again."""
        self._incoming.hush(silent=silent)
        self._outgoing.hush(silent=silent)

    def _check_open(self) -> None:
        if self._closed:
            raise ClosedResourceError
