"""A wire between two folders of sockets: who lives in one reaches who lives in the other, and the octets are counted.

An account may be killed and started again: its end of the wire stays.
"""

from __future__ import annotations

import socket
from contextlib import suppress
from typing import TYPE_CHECKING

import anyio
from anyio import BrokenResourceError, ClosedResourceError, EndOfStream
from balchat_common.unix_sockets import UnixStream, accept, connect

if TYPE_CHECKING:
    from pathlib import Path

    from anyio.abc import TaskGroup

_GONE = (BrokenResourceError, ClosedResourceError, EndOfStream, OSError)
_PIECE = 65_536


class Wire:
    """Counts what passes in either direction. `tasks` carry it until they are cancelled."""

    def __init__(self, tasks: TaskGroup) -> None:
        self._tasks = tasks
        self._known: set[Path] = set()
        self.octets = 0

    def lead(self, there: Path, here: Path) -> None:
        """Have everybody who answers in the folder `there` now be reached in the folder `here`, too."""
        for name in [each.name for each in there.iterdir() if each not in self._known]:
            listening = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM | socket.SOCK_NONBLOCK)
            listening.bind(str(here / name))
            listening.listen()
            self._known.add(here / name)
            self._tasks.start_soon(self._carry_all, listening, there / name)

    async def _carry_all(self, listening: socket.socket, to: Path) -> None:
        with listening:
            while True:
                self._tasks.start_soon(self._carry, UnixStream(await accept(listening)), to)

    async def _carry(self, near: UnixStream, to: Path) -> None:
        async with near:
            with suppress(*_GONE):
                async with await connect(to) as far, anyio.create_task_group() as both:
                    both.start_soon(self._pump, near, far, both)
                    both.start_soon(self._pump, far, near, both)

    async def _pump(self, source: UnixStream, sink: UnixStream, both: TaskGroup) -> None:
        with suppress(*_GONE):
            while True:
                octets = await source.receive(_PIECE)
                await sink.send(octets)
                self.octets += len(octets)
        both.cancel_scope.cancel()
