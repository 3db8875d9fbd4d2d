"""Serves the parts of files to contacts, who pull them over bulk streams (docs/spec/file-pull.md).

A stream is served by one task: it reads a request, answers it, and reads the next one. So whoever asks faster than they
take the answers waits for themselves alone. What is not offered to them, and what is not there, look the same.
"""

from collections.abc import AsyncGenerator
from contextlib import aclosing, asynccontextmanager, suppress
from typing import Final

import anyio
from anyio import BrokenResourceError, ClosedResourceError, EndOfStream
from anyio.abc import ByteStream

from balchat_host.api.errors import ProtocolViolation, StorageFailed, StorageFull
from balchat_host.api.types import DeviceIdentity, PeerId
from balchat_host.core.files.shape import Shape
from balchat_host.runtime.files import pull_protocol
from balchat_host.runtime.files.octet_budget import OctetBudget
from balchat_host.runtime.files.part_store import PartStore
from balchat_host.runtime.files.pull_protocol import Confirm, GetManifest, GetParts, Request, RequestReader

IDLE_TIMEOUT: Final = 60.0
"""Seconds without a whole request after which a stream is closed, however its octets trickle."""
STALL_TIMEOUT: Final = 60.0
"""Seconds in which nothing of an answer is taken, after which a stream is closed."""
PART_TIMEOUT: Final = 600.0
"""Seconds that a part may take."""
ROOM_TIMEOUT: Final = 20.0
"""Seconds to wait for room in memory before BUSY."""
MAX_HELD: Final = 32 * 1024 * 1024
"""Octets of parts that are held for all."""
MAX_HELD_FOR_ONE: Final = 8 * 1024 * 1024
"""Octets of parts that are held for one contact."""
FRAMES_PER_SECOND: Final = 200
FRAMES_AT_ONCE: Final = 1000
_BUSY_FOR: Final = 10.0
_STORAGE_BUSY_FOR: Final = 60.0
_PIECE: Final = 65_536
_STREAM_ERRORS: Final = (BrokenResourceError, ClosedResourceError, EndOfStream)


class PartServer:
    """Serves bulk streams. `serve` is for `TransportContext.accept_bulk`."""

    def __init__(self, parts: PartStore) -> None:
        self._parts = parts
        self._memory = OctetBudget(MAX_HELD)
        self._memory_of: dict[PeerId, OctetBudget] = {}
        self._streams_of: dict[PeerId, int] = {}

    @property
    def held(self) -> int:
        """Octets of parts that are held now."""
        return self._memory.in_use

    async def serve(self, device: DeviceIdentity, stream: ByteStream) -> None:
        """Serve a stream that a contact's device has opened, until it ends, is idle, stalls or breaks the protocol."""
        async with self._counted(device.peer) as memory:
            with suppress(ProtocolViolation, TimeoutError, *_STREAM_ERRORS):
                await self._converse(device, stream, memory)

    @asynccontextmanager
    async def _counted(self, peer: PeerId) -> AsyncGenerator[OctetBudget]:
        """Share the memory of one contact among their streams."""
        self._streams_of[peer] = self._streams_of.get(peer, 0) + 1
        try:
            yield self._memory_of.setdefault(peer, OctetBudget(MAX_HELD_FOR_ONE))
        finally:
            self._streams_of[peer] -= 1
            if not self._streams_of[peer]:
                del self._streams_of[peer], self._memory_of[peer]

    async def _converse(self, device: DeviceIdentity, stream: ByteStream, memory: OctetBudget) -> None:
        reader, pace = RequestReader(), _Pace(anyio.current_time())
        while True:
            with anyio.fail_after(IDLE_TIMEOUT):
                while (request := reader.next()) is None:
                    reader.feed(await stream.receive(_PIECE))
            if pause := pace.next(anyio.current_time()):
                await anyio.sleep(pause)
            await self._answer(device, stream, request, memory)

    async def _answer(self, device: DeviceIdentity, stream: ByteStream, request: Request, memory: OctetBudget) -> None:
        try:
            match request:
                case Confirm(root, parts):
                    await self._parts.confirm(root, device, parts)
                case GetManifest(root):
                    await self._send_manifest(device, stream, root)
                case GetParts():
                    await self._send_parts(device, stream, request, memory)
        except (StorageFull, StorageFailed):
            # Our disk's trouble, which may pass. A part that has begun was read before.
            await _send(stream, pull_protocol.busy(_STORAGE_BUSY_FOR))

    async def _send_manifest(self, device: DeviceIdentity, stream: ByteStream, root: bytes) -> None:
        manifest = await self._parts.manifest(root, device)
        if manifest is None:
            await _send(stream, pull_protocol.NONE)
        else:
            await _send(stream, pull_protocol.manifest_header(len(manifest)) + manifest)

    async def _send_parts(
        self, device: DeviceIdentity, stream: ByteStream, asked: GetParts, memory: OctetBudget
    ) -> None:
        size = await self._parts.offered(asked.root, device)
        if size is None:
            await _send(stream, pull_protocol.NONE)
            return
        held = Shape(size).part_size
        with anyio.move_on_after(ROOM_TIMEOUT) as waiting:
            await memory.take(held)
            try:
                await self._memory.take(held)
            except BaseException:
                memory.give_back(held)
                raise
        if waiting.cancelled_caught:
            await _send(stream, pull_protocol.busy(_BUSY_FOR))
            return
        try:
            await self._send_each(device, stream, asked)
        finally:
            memory.give_back(held)
            self._memory.give_back(held)

    async def _send_each(self, device: DeviceIdentity, stream: ByteStream, asked: GetParts) -> None:
        sent = 0
        async with aclosing(self._parts.read(asked.root, device, asked.first, asked.count)) as parts:
            async for index, octets in parts:
                await _send(stream, pull_protocol.part_header(index, len(octets)), octets)
                sent += 1
        if sent < asked.count:
            await _send(stream, pull_protocol.NONE)


async def _send(stream: ByteStream, header: bytes, octets: bytes = b"") -> None:
    """Send a frame. Raise TimeoutError where the other side does not take it."""
    with anyio.fail_after(PART_TIMEOUT):
        begun = octets[: _PIECE - len(header)]
        await _send_piece(stream, header + begun)
        for start in range(len(begun), len(octets), _PIECE):
            await _send_piece(stream, octets[start : start + _PIECE])


async def _send_piece(stream: ByteStream, piece: bytes) -> None:
    with anyio.fail_after(STALL_TIMEOUT):
        await stream.send(piece)


class _Pace:
    """So many frames in a second, after a burst."""

    def __init__(self, now: float) -> None:
        self._left = float(FRAMES_AT_ONCE)
        self._at = now

    def next(self, now: float) -> float:
        """Count a frame; return the seconds to wait before it is answered."""
        self._left = min(FRAMES_AT_ONCE, self._left + (now - self._at) * FRAMES_PER_SECOND) - 1
        self._at = now
        return max(0.0, -self._left / FRAMES_PER_SECOND)
