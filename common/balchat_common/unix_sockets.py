"""Unix-domain sockets as anyio byte streams.

anyio has its own, but on asyncio it reports an error to the log when a read is cancelled in the moment in which
something arrives (`Future.set_result` on a cancelled future): whenever a server ends while its clients hang up. These
wait with `wait_readable`, which has no moment like that.
"""

import errno
import os
import socket
from collections.abc import Callable
from typing import Final, TypeVar

import anyio
from anyio import BrokenResourceError, ClosedResourceError, EndOfStream, ResourceGuard
from anyio.abc import ByteStream
from anyio.lowlevel import checkpoint

MAX_PATH: Final = 103
"""Octets of the longest socket path that every system takes (104 with its end on macOS, 108 on Linux)."""

_PASSING: Final = frozenset({errno.ECONNABORTED, errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM})
"""What accept(2) fails with although it will work again."""

_PAUSE: Final = 0.1
"""Seconds to wait then."""

ResultT = TypeVar("ResultT")


async def connect(path: str | os.PathLike[str]) -> "UnixStream":
    """Connect to the socket at `path`. Raise OSError."""
    connecting = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        connecting.settimeout(0)
        await checkpoint()
        # A unix-domain socket is connected at once or not at all.
        connecting.connect(os.fspath(path))
    except BaseException:
        connecting.close()
        raise
    return UnixStream(connecting)


async def accept(listening: socket.socket) -> socket.socket:
    """Return the next connection to a socket that does not block, waiting for what passes. Raise OSError."""
    while True:
        try:
            connected, _ = listening.accept()
        except BlockingIOError:
            await anyio.wait_readable(listening)
        except OSError as error:
            if error.errno not in _PASSING:
                raise
            await anyio.sleep(_PAUSE)
        else:
            return connected


class UnixStream(ByteStream):
    """One end of a connection. It owns the socket, and makes it one that does not block."""

    def __init__(self, connected: socket.socket) -> None:
        connected.settimeout(0)
        self._socket = connected
        self._closed = False
        self._reading = ResourceGuard("reading from")
        self._writing = ResourceGuard("writing to")

    async def receive(self, max_bytes: int = 65536) -> bytes:
        with self._reading:
            # A peer that always has something to say leaves the others a turn, too.
            await checkpoint()
            while True:
                octets = self._attempt(lambda: self._socket.recv(max_bytes))
                if octets == b"":
                    raise EndOfStream
                if octets is not None:
                    return octets
                await anyio.wait_readable(self._socket)

    async def send(self, item: bytes) -> None:
        with self._writing:
            await checkpoint()
            rest = memoryview(item)
            while rest:
                # pyright cannot see that the lambda is called at once, with this `rest`.
                sent = self._attempt(lambda rest=rest: self._socket.send(rest))
                if sent is None:
                    await anyio.wait_writable(self._socket)
                else:
                    rest = rest[sent:]

    async def send_eof(self) -> None:
        await checkpoint()
        self._attempt(lambda: self._socket.shutdown(socket.SHUT_WR))

    async def aclose(self) -> None:
        if not self._closed:
            self._closed = True
            anyio.notify_closing(self._socket)
            self._socket.close()
        await checkpoint()

    def _attempt(self, call: Callable[[], ResultT]) -> ResultT | None:
        """Call into the socket; return None where it would block."""
        if self._closed:
            raise ClosedResourceError
        try:
            return call()
        except BlockingIOError:
            return None
        except OSError as error:
            raise BrokenResourceError from error
