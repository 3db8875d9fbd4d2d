"""A part store in memory, for tests of what brings parts over: what is offered and wanted is said by hand."""

from __future__ import annotations

import hashlib
from collections import Counter
from typing import TYPE_CHECKING

import anyio.lowlevel

from balchat_host.api.bell import Bell
from balchat_host.api.errors import PartRefused
from balchat_host.core.files.shape import ManifestWriter, Shape
from balchat_host.core.files.sources import Source  # noqa: TC001  # as the others
from balchat_host.runtime.files.part_store import PartStore, WantedFile

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Callable, Sequence

    from balchat_host.api.types import DeviceIdentity, PeerId


class MemoryFile:
    """A sealed file of `size` octets, which repeats a few octets that the name gives."""

    def __init__(self, name: str, size: int) -> None:
        self.size = size
        self.shape = Shape(size)
        seed = hashlib.sha256(name.encode()).digest()
        self.sealed = (seed * (self.shape.sealed_size // len(seed) + 1))[: self.shape.sealed_size]
        writer = ManifestWriter(self.shape)
        writer.write(self.sealed)
        self.manifest = writer.finish()
        self.root = self.shape.root(self.manifest)

    def part(self, index: int) -> bytes:
        start = index * self.shape.part_size
        return self.sealed[start : start + self.shape.length(index)]


class Wish:
    """A file that is wanted, and what of it is here."""

    def __init__(self, number: int, peer: PeerId, root: bytes, size: int) -> None:
        self.number = number
        self.peer = peer
        self.root = root
        self.shape = Shape(size)
        self.size = size
        self.manifest: bytes | None = None
        self.parts: dict[int, bytes] = {}
        self.paused = False
        self.refused = False
        self.hindered: list[str | None] = []
        self.fetched: Counter[int] = Counter()
        """How often each part has come."""

    @property
    def whole(self) -> bool:
        return len(self.parts) == self.shape.parts

    @property
    def sealed(self) -> bytes:
        return b"".join(self.parts[index] for index in range(self.shape.parts))


class MemoryParts(PartStore):
    """`offers` are the files that a peer may fetch. `before_store` and `before_read` may raise."""

    def __init__(self) -> None:
        self.changed = Bell()
        self.offers: dict[bytes, tuple[MemoryFile, set[PeerId]]] = {}
        self.wishes: dict[int, Wish] = {}
        self.confirmed: list[tuple[bytes, DeviceIdentity, int]] = []
        self.before_store: Callable[[Wish, int], None] = lambda _wish, _index: None
        self.before_read: Callable[[bytes, int], None] = lambda _root, _index: None
        self.looks = 0
        self.ways: dict[str, int] = {}
        """How many parts came by which way."""
        self.lying: dict[int, list[Source]] = {}
        self.told: list[tuple[int, Sequence[int]]] = []
        self.asked: list[int] = []

    def offer(self, file: MemoryFile, *peers: PeerId) -> None:
        self.offers[file.root] = (file, set(peers))

    def want(self, file: MemoryFile, peer: PeerId) -> Wish:
        wish = self.wishes[len(self.wishes)] = Wish(len(self.wishes), peer, file.root, file.size)
        self.changed.ring()
        return wish

    async def until(self, condition: Callable[[], bool], *, patience: float = 10_000) -> None:
        with anyio.fail_after(patience):
            while not condition():
                await self.changed.wait()

    # -- serving

    async def offered(self, root: bytes, device: DeviceIdentity) -> int | None:
        await anyio.lowlevel.checkpoint()
        file, peers = self.offers.get(root, (None, set[object]()))
        return file.size if file is not None and device.peer in peers else None

    async def manifest(self, root: bytes, device: DeviceIdentity) -> bytes | None:
        self.before_read(root, -1)
        return None if await self.offered(root, device) is None else self.offers[root][0].manifest

    async def read(
        self, root: bytes, device: DeviceIdentity, first: int, count: int
    ) -> AsyncGenerator[tuple[int, bytes]]:
        for index in range(first, first + count):
            self.before_read(root, index)
            size = await self.offered(root, device)
            if size is None or index >= Shape(size).parts:
                return
            yield index, self.offers[root][0].part(index)

    async def confirm(self, root: bytes, device: DeviceIdentity, parts: int) -> None:
        await anyio.lowlevel.checkpoint()
        self.confirmed.append((root, device, parts))
        self.changed.ring()

    # -- fetching

    def _wanted(self) -> list[Wish]:
        return [wish for wish in self.wishes.values() if not (wish.paused or wish.refused or wish.whole)]

    async def wanted_from(self) -> Sequence[PeerId]:
        await anyio.lowlevel.checkpoint()
        return list(dict.fromkeys(wish.peer for wish in self._wanted()))

    async def wanted(self, peer: PeerId, limit: int) -> Sequence[WantedFile]:
        self.looks += 1
        await anyio.lowlevel.checkpoint()
        return [
            WantedFile(
                number=wish.number,
                peer=wish.peer,
                root=wish.root,
                size=wish.size,
                has_manifest=wish.manifest is not None,
            )
            for wish in self._wanted()
            if wish.peer == peer
        ][:limit]

    async def missing(self, number: int) -> Sequence[range]:
        await anyio.lowlevel.checkpoint()
        wish = self.wishes[number]
        return [range(index, index + 1) for index in range(wish.shape.parts) if index not in wish.parts]

    async def sources(self, number: int) -> Sequence[Source]:
        await anyio.lowlevel.checkpoint()
        return self.lying.get(number, [])

    async def tell_progress(self, number: int, absent: Sequence[int]) -> None:
        await anyio.lowlevel.checkpoint()
        self.told.append((number, absent))

    async def ask_for_relays(self, number: int) -> None:
        await anyio.lowlevel.checkpoint()
        self.asked.append(number)

    async def store_manifest(self, number: int, manifest: bytes) -> None:
        wish = self.wishes[number]
        wish.shape.check_manifest(wish.root, manifest)
        await anyio.lowlevel.checkpoint()
        wish.manifest = manifest
        self.changed.ring()

    async def store(self, number: int, index: int, octets: bytes, *, way: str = "direct") -> bool:
        self.ways[way] = self.ways.get(way, 0) + 1
        wish = self.wishes[number]
        self.before_store(wish, index)
        if wish.paused or wish.refused or wish.whole:
            return False
        if wish.manifest is None:
            raise PartRefused(problem="the manifest is not here")
        digest = wish.manifest[32 * index : 32 * index + 32]
        if len(octets) != wish.shape.length(index) or hashlib.sha256(octets).digest() != digest:
            raise PartRefused(problem="a part has the wrong hash")
        await anyio.lowlevel.checkpoint()
        wish.parts[index] = octets
        wish.fetched[index] += 1
        wish.hindered.append(None)
        self.changed.ring()
        return not wish.whole

    def hindered(self, number: int, reason: str | None) -> None:
        self.wishes[number].hindered.append(reason)
        self.changed.ring()

    async def not_offered(self, number: int) -> None:
        await anyio.lowlevel.checkpoint()
        self.wishes[number].refused = True
        self.changed.ring()
