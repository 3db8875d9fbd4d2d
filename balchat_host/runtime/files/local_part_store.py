"""The parts in the folder, as `PartStore` has it: what is here and who may have it, the vault says."""

from collections.abc import AsyncGenerator, Sequence
from functools import partial
from typing import Final

import anyio

from balchat_host.api.ephemeral import FileProgress
from balchat_host.api.errors import PartRefused, StorageFull
from balchat_host.api.storage import ReadTransaction
from balchat_host.api.types import DeviceIdentity, PeerId
from balchat_host.api.views import FileState
from balchat_host.core.files import receiving, rows, sending, sources
from balchat_host.core.files.relaying import Put
from balchat_host.core.files.rows import FileRow
from balchat_host.core.files.shape import HASH_SIZE
from balchat_host.core.files.sources import Source
from balchat_host.core.unit_of_work import UnitOfWork
from balchat_host.runtime.files.folder import FileFolder
from balchat_host.runtime.files.offload import Offload
from balchat_host.runtime.files.part_store import PartStore, WantedFile
from balchat_host.runtime.presence import Presence
from balchat_host.runtime.unit_of_work_runner import UnitOfWorkRunner

_LOOKED_AT: Final = 256
_NEAR_THE_END: Final = 8
"""So many parts before the last one, those from before the start are looked at."""
_LATELY: Final = 30.0
"""Seconds for which a way counts by which a part came."""


class LocalPartStore(PartStore):
    """The parts of an account's files. `reserve`: octets of the disk that what comes from others leaves free."""

    def __init__(
        self, runner: UnitOfWorkRunner, folder: FileFolder, offload: Offload, presence: Presence, *, reserve: int
    ) -> None:
        self._runner = runner
        self._folder = folder
        self._offload = offload
        self._presence = presence
        self._reserve = reserve
        self._looked_at: dict[int, FileRow] = {}
        """Wanted files as they were last seen, for what is said of them without waiting."""
        self._seen: dict[int, set[int]] = {}
        """The parts of wanted files that were stored since the start."""
        self._looked_through: set[int] = set()
        """Wanted files of which the parts from before the start were looked at."""
        self._ways: dict[int, dict[str, float]] = {}
        """By which ways parts of them came, and when; the loop's times."""

    # -- for those to whom a file was offered

    async def offered(self, root: bytes, device: DeviceIdentity) -> int | None:
        row = await self._offered(root, device)
        return None if row is None else row.size

    async def manifest(self, root: bytes, device: DeviceIdentity) -> bytes | None:
        return await self._runner.read(lambda tx: sending.manifest(tx, root, device.peer))

    async def read(
        self, root: bytes, device: DeviceIdentity, first: int, count: int
    ) -> AsyncGenerator[tuple[int, bytes]]:
        index = first
        while index < first + count:
            row = await self._offered(root, device)
            if row is None or not 0 <= index < row.shape.parts or row.stored_as is None:
                return
            length = row.shape.length(index)
            octets = await self._offload.run(self._folder.read, row.stored_as, index * row.shape.part_size, length)
            if len(octets) < length:
                await self._lost(row)
                return
            yield index, octets
            index += 1

    async def confirm(self, root: bytes, device: DeviceIdentity, parts: int) -> None:
        row = await self._offered(root, device)
        if row is not None and 0 <= parts <= row.shape.parts:
            there = min(row.size, parts * row.shape.part_size)
            self._presence.set_file(FileProgress(file=row.file_id.hex(), here=row.size, there=there))

    # -- for us

    async def room_for(self, row: FileRow) -> int | None:
        """Return None where the disk has room for what is missing of a file, else how many octets of it are free."""
        needed = row.shape.sealed_size - row.bitmap.count * row.shape.part_size
        free = await self._offload.run(self._folder.room) - self._reserve
        return None if row.state is FileState.COMPLETE or needed <= free else max(0, free)

    async def wanted_from(self) -> Sequence[PeerId]:
        return await self._runner.read(receiving.wanted_from)

    async def wanted(self, peer: PeerId, limit: int) -> Sequence[WantedFile]:
        found = await self._runner.read(lambda tx: receiving.wanted(tx, peer, limit))
        for row, _ in found:
            self._remember(row)
        return [
            WantedFile(number=row.number, peer=peer, root=row.root, size=row.size, has_manifest=has_manifest)
            for row, has_manifest in found
            if row.root is not None
        ]

    async def missing(self, number: int) -> Sequence[range]:
        return await self._runner.read(lambda tx: receiving.missing(tx, number))

    async def store_manifest(self, number: int, manifest: bytes) -> None:
        row = await self._runner.read(lambda tx: receiving.is_wanted(tx, number))
        if row is None or not await self._has_room(row):
            return
        await self._runner.change(lambda unit: receiving.store_manifest(unit, number, manifest))

    async def store(self, number: int, index: int, octets: bytes, *, way: str = "direct") -> bool:
        def expected(tx: ReadTransaction) -> tuple[FileRow | None, bytes | None]:
            found = receiving.expected(tx, number, index)
            return found or (receiving.is_wanted(tx, number), None)

        row, digest = await self._runner.read(expected)
        if row is None or row.stored_as is None:
            return False
        if digest is None:
            return True
        # Once it is written it is noted, or deleted where the file was removed, whatever becomes of the stream.
        after, lost = None, False
        with anyio.CancelScope(shield=True):
            await self._offload.run(self._keep, row, index, octets, digest)
            self._seen.setdefault(number, set()).add(index)
            if row.bitmap.count + _NEAR_THE_END >= row.shape.parts and number not in self._looked_through:
                self._looked_through.add(number)
                lost = not await self._others_lie(row)
            after = await self._runner.change(
                partial(receiving.stored, number=number, index=index, stored_as=row.stored_as)
            )
            if after is None:
                await self._offload.run(self._folder.delete, [row.stored_as])
        if after is None:
            return False
        self._note(after, None, way)
        if after.state is FileState.COMPLETE:
            self._seen.pop(number, None)
            self._looked_through.discard(number)
        # Where some are missing again, whoever fetches begins with a fresh look.
        return after.state is FileState.FETCHING and not lost

    async def _others_lie(self, row: FileRow) -> bool:
        """Return whether the parts lie in the folder that were noted before this start: it may be an older one.

        What is not there, or is something else, is missing again.
        """
        seen = self._seen[row.number]
        manifest = await self._runner.read(lambda tx: sending.manifest_of(tx, row.number))
        if manifest is None:
            return True  # it was removed meanwhile
        wrong = [
            index
            for index in range(row.shape.parts)
            if index in row.bitmap
            and index not in seen
            and not await self._offload.run(self._lies, row, index, manifest)
        ]
        if wrong:
            await self._runner.change(lambda unit: receiving.lost_parts(unit, row.number, wrong))
        return not wrong

    def _lies(self, row: FileRow, index: int, manifest: bytes) -> bool:
        assert row.stored_as is not None, "it is wanted"
        octets = self._folder.read(row.stored_as, index * row.shape.part_size, row.shape.length(index))
        try:
            row.shape.check_part(index, octets, manifest[HASH_SIZE * index : HASH_SIZE * (index + 1)])
        except PartRefused:
            return False
        return True

    def hindered(self, number: int, reason: str | None) -> None:
        if (row := self._looked_at.get(number)) is not None:
            self._note(row, reason)

    async def sources(self, number: int) -> Sequence[Source]:
        now = self._runner.clock()
        return await self._runner.read(lambda tx: sources.sources(tx, number, now=now))

    async def tell_progress(self, number: int, absent: Sequence[int]) -> None:
        await self._runner.change(lambda unit: sources.tell_progress(unit, number, absent=absent))

    async def ask_for_relays(self, number: int) -> None:
        await self._runner.change(lambda unit: sources.ask(unit, number))

    async def to_put(self, part: Put) -> bytes | None:
        """Return a part of a file of ours, or its manifest, to be left at a relay; None where it is gone."""
        if part.index == part.shape.parts:
            return await self._runner.read(lambda tx: sending.manifest_of(tx, part.file))
        length = part.shape.length(part.index)
        octets = await self._offload.run(self._folder.read, part.stored_as, part.index * part.shape.part_size, length)
        if len(octets) == length:
            return octets
        row = await self._runner.read(lambda tx: rows.by_number(tx, part.file))
        if row is not None and row.stored_as == part.stored_as:
            await self._lost(row)
        return None

    async def not_offered(self, number: int) -> None:
        def give_up(unit: UnitOfWork) -> None:
            row = receiving.is_wanted(unit.tx, number)
            if row is not None:
                receiving.give_up(unit, row, FileState.GONE, receiving.NOT_OFFERED)

        await self._runner.change(give_up)

    def _remember(self, row: FileRow) -> None:
        self._looked_at.pop(row.number, None)
        self._looked_at[row.number] = row
        if len(self._looked_at) > _LOOKED_AT:
            del self._looked_at[next(iter(self._looked_at))]

    def _note(self, row: FileRow, hindered: str | None, way: str | None = None) -> None:
        self._remember(row)
        file = row.file_id.hex()
        ways = self._ways_of(row.number, way)
        self._presence.set_file(FileProgress(file=file, here=row.here, there=row.size, hindered=hindered, ways=ways))

    def _ways_of(self, number: int, way: str | None) -> tuple[str, ...]:
        """Return the ways by which parts of a file have come lately, this one too."""
        now = anyio.current_time()
        known = {each: at for each, at in self._ways.pop(number, {}).items() if now - at < _LATELY}
        if way is not None:
            known[way] = now
        if known:
            self._ways[number] = known
            if len(self._ways) > _LOOKED_AT:
                del self._ways[next(iter(self._ways))]
        return tuple(sorted(known))

    def _keep(self, row: FileRow, index: int, octets: bytes, digest: bytes) -> None:
        row.shape.check_part(index, octets, digest)
        assert row.stored_as is not None, "it is wanted"
        # There was room for each file when it began, but not always for all of them.
        if self._folder.room() - self._reserve < len(octets):
            raise StorageFull
        self._folder.write(row.stored_as, index * row.shape.part_size, octets)

    async def _offered(self, root: bytes, device: DeviceIdentity) -> FileRow | None:
        return await self._runner.read(lambda tx: sending.offered(tx, root, device.peer))

    async def _lost(self, row: FileRow) -> None:
        await self._runner.change(partial(_give_up, row=row))

    async def _has_room(self, row: FileRow) -> bool:
        """Return whether the disk has room for a file; where it has not, the file is not wanted any more."""
        if await self.room_for(row) is None:
            return True

        def refuse(unit: UnitOfWork) -> None:
            now = receiving.is_wanted(unit.tx, row.number)
            if now is not None:
                receiving.give_up(unit, now, FileState.OFFERED, receiving.NO_ROOM)

        await self._runner.change(refuse)
        return False


def _give_up(unit: UnitOfWork, row: FileRow) -> None:
    receiving.give_up(unit, row, FileState.GONE, receiving.LOST)
