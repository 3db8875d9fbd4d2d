"""The parts in the folder, as `PartStore` has it: what is here and who may have it, the vault says."""

from collections.abc import AsyncGenerator, Sequence
from functools import partial
from typing import Final

import anyio

from balchat_host.api.ephemeral import FileProgress
from balchat_host.api.errors import StorageFull
from balchat_host.api.storage import ReadTransaction
from balchat_host.api.types import DeviceIdentity, PeerId
from balchat_host.api.views import FileState
from balchat_host.core.files import receiving, sending
from balchat_host.core.files.rows import FileRow
from balchat_host.core.unit_of_work import UnitOfWork
from balchat_host.runtime.files.folder import FileFolder
from balchat_host.runtime.files.offload import Offload
from balchat_host.runtime.files.part_store import PartStore, WantedFile
from balchat_host.runtime.presence import Presence
from balchat_host.runtime.unit_of_work_runner import UnitOfWorkRunner

_LOOKED_AT: Final = 256


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

    async def store(self, number: int, index: int, octets: bytes) -> bool:
        def expected(tx: ReadTransaction) -> tuple[FileRow | None, bytes | None]:
            found = receiving.expected(tx, number, index)
            return found or (receiving.is_wanted(tx, number), None)

        row, digest = await self._runner.read(expected)
        if row is None or row.stored_as is None:
            return False
        if digest is None:
            return True
        # Once it is written it is noted, or deleted where the file was removed, whatever becomes of the stream.
        after: FileRow | None = None
        with anyio.CancelScope(shield=True):
            await self._offload.run(self._keep, row, index, octets, digest)
            after = await self._runner.change(partial(_stored, number=number, index=index, stored_as=row.stored_as))
            if after is None:
                await self._offload.run(self._folder.delete, [row.stored_as])
        if after is None:
            return False
        self._note(after, None)
        return after.state is FileState.FETCHING

    def hindered(self, number: int, reason: str | None) -> None:
        if (row := self._looked_at.get(number)) is not None:
            self._note(row, reason)

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

    def _note(self, row: FileRow, hindered: str | None) -> None:
        self._remember(row)
        file = row.file_id.hex()
        self._presence.set_file(FileProgress(file=file, here=row.here, there=row.size, hindered=hindered))

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


def _stored(unit: UnitOfWork, number: int, index: int, stored_as: str) -> FileRow | None:
    return receiving.stored(unit, number, index, stored_as)


def _give_up(unit: UnitOfWork, row: FileRow) -> None:
    receiving.give_up(unit, row, FileState.GONE, receiving.LOST)
