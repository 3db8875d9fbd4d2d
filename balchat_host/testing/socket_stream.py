"""A byte stream over a connected socket.

anyio's own for unix-domain sockets fails the event loop on asyncio when its reader is cancelled in the moment in which
octets arrive, which tests that cancel much do meet. This one waits by `wait_readable`, which has no such moment.
"""

import socket
from collections.abc import Callable
from typing import TypeVar

import anyio
from anyio import BrokenResourceError, ClosedResourceError, EndOfStream, ResourceGuard
from anyio.abc import ByteStream
from anyio.lowlevel import checkpoint

ResultT = TypeVar("ResultT")


async def connect(path: str) -> "UnixStream":
    """Connect to the socket at `path`. Raises OSError."""
    connecting = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM | socket.SOCK_NONBLOCK)
    try:
        await checkpoint()
        # A unix-domain socket is connected at once or not at all.
        connecting.connect(path)
    except BaseException:
        connecting.close()
        raise
    return UnixStream(connecting)


async def accept(listening: socket.socket) -> "UnixStream":
    """Wait for the next connection to a socket that does not block."""
    while True:
        await anyio.wait_readable(listening)
        try:
            accepted, _ = listening.accept()
        except BlockingIOError:
            continue
        accepted.settimeout(0)
        return UnixStream(accepted)


class UnixStream(ByteStream):
    """One end of a connection."""

    def __init__(self, connected: socket.socket) -> None:
        self._socket = connected
        self._closed = False
        self._reading = ResourceGuard("reading from")
        self._writing = ResourceGuard("writing to")

    async def receive(self, max_bytes: int = 65536) -> bytes:
        with self._reading:
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
        """Call into the socket; give None where it would block."""
        if self._closed:
            raise ClosedResourceError
        try:
            return call()
        except BlockingIOError:
            return None
        except OSError as error:
            raise BrokenResourceError from error
