"""Files in the vault and in their folder."""

from collections.abc import AsyncIterator, Sequence
from contextlib import suppress

from balchat_host.api.errors import BadInput, NoRoom, StorageFailed, StorageFull
from balchat_host.api.frontend import MAX_OCTETS, Files
from balchat_host.api.views import ConversationView, FileView
from balchat_host.core.files import listing, receiving, rows
from balchat_host.runtime.files.service import FileService
from balchat_host.runtime.local_app.area import LocalArea
from balchat_host.runtime.presence import Presence
from balchat_host.runtime.unit_of_work_runner import UnitOfWorkRunner


class LocalFiles(LocalArea, Files):
    """The files that messages have."""

    def __init__(self, runner: UnitOfWorkRunner, service: FileService, presence: Presence) -> None:
        self._runner = runner
        self._service = service
        self._presence = presence

    async def attach(self, name: str, size: int, content_type: str | None = None, *, as_is: bool = False) -> FileView:
        return await self._service.attach(name, size, content_type, as_is=as_is)

    async def attach_voice(self, size: int, rate: int = 48_000) -> FileView:
        return await self._service.attach_voice(size, rate)

    async def write(self, file: str, offset: int, octets: bytes) -> int:
        if len(octets) > MAX_OCTETS:
            raise BadInput(what="The octets", problem=f"at most {MAX_OCTETS} are written at once")
        return await self._service.write(file, offset, octets)

    def read(self, file: str, offset: int = 0, size: int | None = None) -> AsyncIterator[bytes]:
        return self._service.read(file, offset, size)

    def preview(self, file: str) -> AsyncIterator[bytes]:
        return self._service.shown.preview(file)

    def picture(self, file: str, longest_side: int = 2048) -> AsyncIterator[bytes]:
        return self._service.shown.picture(file, longest_side)

    def play(self, file: str) -> AsyncIterator[bytes]:
        return self._service.shown.play(file)

    async def get(self, file: str) -> FileView:
        view = await self._runner.read(lambda tx: rows.view(tx, rows.find(tx, file)))
        return self._presence.complete_file(view)

    async def list(self, conversation: str | None = None, limit: int = 50) -> Sequence[FileView]:
        found = await self._runner.read(lambda tx: listing.newest(tx, conversation, limit=limit))
        return [self._presence.complete_file(view) for view in found]

    async def fetch(self, file: str) -> FileView:
        row = await self._runner.read(lambda tx: rows.find(tx, file))
        free = await self._service.parts.room_for(row)
        if free is not None:
            raise NoRoom(name=row.name, needed=row.shape.sealed_size, free=free)
        return await self._runner.change(lambda unit: receiving.fetch(unit, file))

    async def pause(self, file: str) -> FileView:
        return await self._runner.change(lambda unit: receiving.pause(unit, file))

    async def remove(self, file: str) -> FileView | None:
        return await self._service.remove(file)

    async def set_automatic(self, conversation: str, up_to: int | None) -> ConversationView:
        return await self._runner.change(lambda unit: receiving.set_automatic(unit, conversation, up_to))

    async def close(self) -> None:
        """Have what is being written end, and what was removed be deleted."""
        await self._service.close()
        with suppress(StorageFull, StorageFailed):
            await self._service.collect()
