"""Two who fetch files from each other over streams in memory, on a clock that jumps."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from typing import Any

import anyio
import pytest
from anyio import BrokenResourceError, EndOfStream
from anyio.abc import ByteStream, TaskGroup
from trio.testing import MockClock

from balchat_host.api.backoff import Backoff
from balchat_host.api.errors import PeerUnreachable
from balchat_host.api.types import DeviceIdentity, PeerId
from balchat_host.core.files.part_bitmaps import blob_of
from balchat_host.core.files.shape import Bitmap
from balchat_host.core.files.sources import Source
from balchat_host.runtime.files.part_server import PartServer
from balchat_host.runtime.files.puller import FilePuller
from balchat_host.testing.virtual_stream import VirtualStream
from tests.support.memory_parts import MemoryFile, MemoryParts, Wish

ALICE, BOB, CAROL = (PeerId(bytes([number]) * 32) for number in (1, 2, 3))
OURS = DeviceIdentity(peer=ALICE, device_id=bytes(16))
FIRST_RETRY, LAST_RETRY = 2.0, 300.0


@pytest.fixture
def anyio_backend() -> tuple[str, dict[str, Any]]:
    return "trio", {"clock": MockClock(autojump_threshold=0)}


Serve = Callable[[DeviceIdentity, ByteStream], Awaitable[None]]


class Between:
    """Alice, who fetches, and those who serve. `serve` says what each of them does with a stream of hers."""

    def __init__(self, tasks: TaskGroup) -> None:
        self.ours = MemoryParts()
        self.theirs = {BOB: MemoryParts(), CAROL: MemoryParts()}
        self.servers = {peer: PartServer(parts) for peer, parts in self.theirs.items()}
        self.serve: dict[PeerId, Serve] = {peer: server.serve for peer, server in self.servers.items()}
        self.away: set[PeerId] = set()
        self.opened: list[tuple[float, PeerId]] = []
        self.streams: list[tuple[VirtualStream, VirtualStream]] = []
        self.delay = 0.0
        self.octets_served = 0
        self.blobs: dict[tuple[bytes, int], bytes] = {}
        """What lies at relays, by offer and number."""
        self.blob_time: dict[PeerId, float] = {}
        """Seconds that a contact's relay takes for each."""
        self._tasks = tasks

    async def open_bulk(self, peer: PeerId) -> ByteStream:
        self.opened.append((anyio.current_time(), peer))
        await anyio.sleep(0.5)
        if peer in self.away:
            raise PeerUnreachable(problem="nobody answers")
        one, other = VirtualStream.pair(delay=lambda: self.delay)
        self.streams.append((one, other))
        self._tasks.start_soon(self._serve, peer, other)
        return one

    async def _serve(self, peer: PeerId, stream: VirtualStream) -> None:
        with suppress(BrokenResourceError, EndOfStream):
            await self.serve[peer](OURS, stream)
        await stream.aclose()

    def keeps_blobs(self, transport: str) -> bool:
        return bool(transport)

    async def get_blob(self, transport: str, peer: PeerId, offer: bytes, index: int, size: int) -> bytes | None:
        """Return what lies at a relay."""
        del transport, size
        await anyio.sleep(self.blob_time.get(peer, 1))
        return self.blobs.get((offer, index))

    def wish(self, file: MemoryFile, of: PeerId = BOB) -> Wish:
        """Have somebody offer a file, and want it."""
        self.theirs[of].offer(file, ALICE)
        return self.ours.want(file, of)

    def wish_by_relay(self, file: MemoryFile, of: PeerId) -> Wish:
        """Have somebody leave all of a file at a relay, and want it."""
        parts, put = file.shape.parts, Bitmap(file.shape.parts + 1)
        for index in range(parts + 1):
            put.add(index)
            self.blobs[of.octets, blob_of(parts, index)] = file.part(index) if index < parts else file.manifest
        wish = self.ours.want(file, of)
        self.ours.lying[wish.number] = [Source(number=1, transport="relay", offer=of.octets, until=2**40, put=put)]
        return wish

    @asynccontextmanager
    async def pulling(self, *, streams: int = 1) -> AsyncGenerator[FilePuller]:
        """Run Alice's puller for the block; leaving it is as a death."""
        puller = FilePuller(
            self,
            self,
            self.ours,
            self.ours.changed,
            backoff=Backoff(first=FIRST_RETRY, longest=LAST_RETRY),
            streams=streams,
        )
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(puller.run)
            yield puller
            tasks.cancel_scope.cancel()


@pytest.fixture
def between() -> Callable[[], Any]:
    @asynccontextmanager
    async def run() -> AsyncGenerator[Between]:
        async with anyio.create_task_group() as tasks:
            yield Between(tasks)
            tasks.cancel_scope.cancel()

    return run
