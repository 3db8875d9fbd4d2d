"""Local sockets as anyio byte streams, and the accepting of them.

anyio has both, but on asyncio its UNIX streams report an error to the log when a read is cancelled in the moment in
which something arrives (`Future.set_result` on a cancelled future): whenever balchat ends while its clients hang up.
"""

import errno
import socket
from typing import Final

import anyio
from anyio import BrokenResourceError, ClosedResourceError, EndOfStream
from anyio.abc import ByteStream
from anyio.lowlevel import checkpoint

from balchat_host.api.errors import SocketUnusable

_PASSING: Final = frozenset({errno.ECONNABORTED, errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM})
"""What accept(2) fails with although it will work again."""

_BREATH: Final = 0.1
"""Seconds to wait then."""


class LocalStream(ByteStream):
    """A connected socket that does not block. It owns the socket."""

    def __init__(self, connected: socket.socket) -> None:
        connected.settimeout(0)
        self._socket = connected

    async def receive(self, max_bytes: int = 65536) -> bytes:
        # A peer that always has something to say leaves the others a turn, too.
        await checkpoint()
        while True:
            try:
                octets = self._socket.recv(max_bytes)
            except BlockingIOError:
                await anyio.wait_readable(self._socket)
            except OSError as error:
                raise self._failure() from error
            else:
                if not octets:
                    raise EndOfStream
                return octets

    async def send(self, item: bytes) -> None:
        await checkpoint()
        left = memoryview(item)
        while left:
            try:
                left = left[self._socket.send(left) :]
            except BlockingIOError:
                await anyio.wait_writable(self._socket)
            except OSError as error:
                raise self._failure() from error

    async def send_eof(self) -> None:
        self._socket.shutdown(socket.SHUT_WR)

    async def aclose(self) -> None:
        if self._socket.fileno() >= 0:
            anyio.notify_closing(self._socket)
            self._socket.close()
        await checkpoint()

    def _failure(self) -> Exception:
        return ClosedResourceError() if self._socket.fileno() < 0 else BrokenResourceError()


async def accept(listening: socket.socket) -> socket.socket:
    """Give the next socket that somebody connected. Raises SocketUnusable."""
    while True:
        try:
            connected, _ = listening.accept()
        except BlockingIOError:
            await anyio.wait_readable(listening)
        except OSError as error:
            if error.errno not in _PASSING:
                raise SocketUnusable(problem=f"it no longer takes clients: {error.strerror}") from error
            await anyio.sleep(_BREATH)
        else:
            return connected
