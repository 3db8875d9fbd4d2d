"""One server of a profile at a time: a later `balchat web` finds it, and asks it for a link to another window.

A lock on a file says who serves, and ends with its process. Whoever serves answers on a socket beside that file. Both
lie in the profile's runtime directory, which is this user's alone: who can reach them can do all that this user can.

To each who connects, the server writes a line of JSON, `Found`, and another line once the link has opened a window.
"""

import fcntl
import os
import socket
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import anyio
import msgspec
from anyio import BrokenResourceError, to_thread
from anyio.abc import TaskGroup
from anyio.streams.buffered import BufferedByteReceiveStream
from balchat_common import unix_sockets
from balchat_common.unix_sockets import UnixStream

from balchat_host.api.errors import BadInput
from balchat_ui_web.serving import WebServer
from balchat_ui_web.sessions import LINK_SECONDS

_LOCK: Final = "web.lock"
_SOCKET: Final = "web.sock"
_BACKLOG: Final = 8
_PATIENCE: Final = 10.0
"""Seconds in which a server that runs gives a link: it may be only about to listen."""
_PAUSE: Final = 0.1
_MAX_LINE: Final = 4096


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """What a server says of itself: where it is, and a link to a window of it."""

    origin: str
    link: str


class Held:
    """The lock of the one that serves. It is kept for as long as the process lives."""

    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor

    @classmethod
    def take(cls, directory: Path) -> "Held | None":
        """Return the lock, None where another process serves. Blocks."""
        flags = os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC
        descriptor = os.open(directory / _LOCK, flags, mode=0o600)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(descriptor)
            return None
        return cls(descriptor)

    def release(self) -> None:
        """Let another process serve."""
        os.close(self._descriptor)


def listen(directory: Path) -> socket.socket:
    """Listen for those who come later, in place of a process that has died. Only who holds the lock may. Blocks."""
    path = directory / _SOCKET
    path.unlink(missing_ok=True)
    listening = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        listening.bind(os.fspath(path))
        path.chmod(0o600)
        listening.listen(_BACKLOG)
        listening.settimeout(0)
    except OSError:
        listening.close()
        raise
    return listening


async def answer_others(server: WebServer, listening: socket.socket) -> None:
    """Give a link to each who connects, for ever."""
    async with anyio.create_task_group() as tasks:
        while True:
            await _answer(server, UnixStream(await unix_sockets.accept(listening)), tasks)


async def _answer(server: WebServer, stream: UnixStream, tasks: TaskGroup) -> None:
    async def speak() -> None:
        with suppress(BrokenResourceError), anyio.move_on_after(LINK_SECONDS):
            async with stream:
                ring = server.sessions.signed_in.next_ring()
                found = Found(origin=server.origins.first, link=server.link())
                await stream.send(msgspec.json.encode(found) + b"\n")
                await ring.wait()
                await stream.send(b"opened\n")

    tasks.start_soon(speak)


class Asking:
    """A connection to the one that serves, which has given a link."""

    def __init__(self, stream: UnixStream, lines: BufferedByteReceiveStream, found: Found) -> None:
        self.found = found
        self._stream = stream
        self._lines = lines

    async def opened(self) -> None:
        """Return when the link has opened a window, or cannot any more."""
        with suppress(anyio.IncompleteRead, anyio.DelimiterNotFound, BrokenResourceError):
            await self._lines.receive_until(b"\n", _MAX_LINE)

    async def aclose(self) -> None:
        """Close the connection."""
        await self._stream.aclose()


async def ask(directory: Path) -> Asking:
    """Ask the one that serves for a link. Raise BadInput where it gives none."""
    with anyio.move_on_after(_PATIENCE):
        while True:
            with suppress(
                OSError, anyio.IncompleteRead, anyio.DelimiterNotFound, BrokenResourceError, msgspec.MsgspecError
            ):
                return await _asked(await unix_sockets.connect(directory / _SOCKET))
            await anyio.sleep(_PAUSE)
    raise BadInput(
        what="balchat web", problem="it runs already for this profile, and does not answer; end that one first"
    )


async def _asked(stream: UnixStream) -> Asking:
    lines = BufferedByteReceiveStream(stream)
    try:
        line = await lines.receive_until(b"\n", _MAX_LINE)
        return Asking(stream, lines, msgspec.json.decode(line, type=Found))
    except BaseException:
        await stream.aclose()
        raise


async def remove_socket(directory: Path) -> None:
    """Remove the socket's file. Only who holds the lock may."""
    await to_thread.run_sync(lambda: (directory / _SOCKET).unlink(missing_ok=True))
