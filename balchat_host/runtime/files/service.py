"""The files of an account: written and read by front ends, sealed in the folder, and deleted there when they go."""

from collections.abc import AsyncIterator
from contextlib import aclosing, suppress
from functools import partial
from mimetypes import MimeTypes
from typing import Final

import anyio

from balchat_host.api.bell import Bell
from balchat_host.api.decoder import decode, require_voice
from balchat_host.api.errors import BadInput, NoRoom, StorageFailed, StorageFull, TooMany
from balchat_host.api.failures import contain
from balchat_host.api.views import FileState, FileView
from balchat_host.core.files import keeping, receiving, rows, sending
from balchat_host.core.files.names import harmless
from balchat_host.core.files.rows import FileRow
from balchat_host.core.files.shape import MAX_SIZE, Shape
from balchat_host.decoding.limits import MAX_VOICE_SECONDS, VOICE_RATES
from balchat_host.runtime.files.folder import FileFolder
from balchat_host.runtime.files.local_part_store import LocalPartStore
from balchat_host.runtime.files.making import BEGINNING, VOICE_NAME, VOICE_TYPE, Decode, Maker
from balchat_host.runtime.files.offload import Ended, Feed, Offload
from balchat_host.runtime.files.reader import FileReader, SealedFile, sealed_file
from balchat_host.runtime.files.sealing import Read, Sealed, seal
from balchat_host.runtime.files.showing import FilesShown
from balchat_host.runtime.presence import Presence
from balchat_host.runtime.unit_of_work_runner import UnitOfWorkRunner

RESERVE: Final = 64 * 2**20
"""Octets of the disk that files leave free, for the vault and all else."""
_TYPES: Final = MimeTypes()
"""What endings mean; the system's list is read now, since that blocks."""
_UNKNOWN_TYPE: Final = "application/octet-stream"
_MAX_WRITING: Final = 8
_IDLE: Final = 60.0
"""Seconds after which what a front end began to write may make way for others."""
_PAUSE: Final = 60.0
"""Seconds until what could not be deleted is tried again."""


class _Writing:
    """A file that a front end writes. `position`: octets that it has written; `beginning`: the first of them.

    `as_is`: nothing is taken out of it; `rate`: it is sound, with so many samples in a second.
    """

    def __init__(self, row: FileRow, feed: Feed[Sealed], *, as_is: bool, rate: int | None) -> None:
        self.row = row
        self.feed = feed
        self.as_is = as_is
        self.rate = rate
        self.position = 0
        self.beginning = b""
        self.lock = anyio.Lock()
        self.touched = anyio.current_time()


class FileService:
    """The files of an account. `changed` rings with each change of it; `parts` is for those who bring parts over.

    `shown` has pictures and voice messages for front ends; `decode` is what reads them.
    """

    def __init__(
        self,
        runner: UnitOfWorkRunner,
        folder: FileFolder,
        offload: Offload,
        presence: Presence,
        changed: Bell,
        *,
        decode: Decode = decode,
    ) -> None:
        self.changed = changed
        self.parts = LocalPartStore(runner, folder, offload, presence, reserve=RESERVE)
        self._runner = runner
        self._folder = folder
        self._offload = offload
        self._reader = FileReader(folder, offload)
        self._maker = Maker(decode)
        self.shown = FilesShown(runner, self._reader, decode)
        self._writing: dict[int, _Writing] = {}

    # -- what lies in the folder

    async def open(self) -> None:
        """Bring vault and folder together. Call it once, before all else."""
        lying = await self._offload.run(self._folder.names)
        needless = await self._runner.change(lambda unit: keeping.compare(unit, lying))
        if needless:
            await self._offload.run(self._folder.delete, needless)

    async def collect(self) -> None:
        """Delete in the folder what is not here any more."""
        while names := await self._runner.read(keeping.discarded):
            await self._offload.run(self._folder.delete, names)
            await self._runner.change(partial(keeping.deleted, names=names))

    async def run(self) -> None:
        """Collect whenever something has changed, until cancelled."""
        while True:
            changed = self.changed.next_ring()
            try:
                await self.collect()
            except (StorageFull, StorageFailed):
                await anyio.sleep(_PAUSE)
            except BaseException as error:  # noqa: BLE001  # tried again with the next change
                contain("deleting files", error)
            await changed.wait()

    async def close(self) -> None:
        """Have what is being written end."""
        with anyio.CancelScope(shield=True):
            for number in list(self._writing):
                await self.forget(number)

    # -- writing

    async def attach(self, name: str, size: int, content_type: str | None, *, as_is: bool = False) -> FileView:
        """Begin a file of `size` octets. Raise BadInput, NoRoom, TooMany."""
        kind = content_type or _TYPES.guess_type(name)[0] or _UNKNOWN_TYPE
        return await self._begin(name, size, kind, as_is=as_is)

    async def attach_voice(self, size: int, rate: int) -> FileView:
        """Begin a voice message of `size` octets of PCM. Raise BadInput, NoRoom, TooMany, VoiceMissing."""
        if rate not in VOICE_RATES:
            raise BadInput(what="The rate", problem=f"it must be one of {', '.join(map(str, VOICE_RATES))}")
        if not 0 < size <= 2 * rate * MAX_VOICE_SECONDS or size % 2:
            limit = f"at most {MAX_VOICE_SECONDS // 60} minutes"
            raise BadInput(what="The sound", problem=f"it must have two octets for each sample, and be of {limit}")
        await self._offload.run(require_voice)
        return await self._begin(VOICE_NAME, size, VOICE_TYPE, rate=rate)

    async def _begin(
        self, name: str, size: int, kind: str, *, as_is: bool = False, rate: int | None = None
    ) -> FileView:
        if not 0 <= size <= MAX_SIZE:
            raise BadInput(what=harmless(name), problem=f"a file has 0 octets to {MAX_SIZE // 2**30} GiB")
        shape = Shape(size)
        free = await self._offload.run(self._folder.room) - RESERVE
        if shape.sealed_size > free:
            raise NoRoom(name=harmless(name), needed=shape.sealed_size, free=max(0, free))
        await self._make_way()
        row = await self._runner.change(lambda unit: sending.begin(unit, name=name, size=size, content_type=kind))
        assert row.stored_as is not None, "it is written there"
        feed = self._offload.feed(partial(self._seal, row.shape, row.stored_as))
        writing = self._writing[row.number] = _Writing(row, feed, as_is=as_is, rate=rate)
        if size == 0:
            await self._finish(writing)
        return await self._runner.read(lambda tx: rows.view(tx, rows.find(tx, row.file_id.hex())))

    async def write(self, file: str, offset: int, octets: bytes) -> int:
        """Write octets at an offset; return how many the file has now. Raise NoSuchFile, BadInput, StorageFull."""
        row = await self._runner.read(lambda tx: rows.find(tx, file))
        writing = self._writing.get(row.number)
        if writing is None:
            if row.ours and row.state is FileState.COMPLETE and offset + len(octets) <= row.size:
                return row.size  # it is repeated after a lost connection
            raise BadInput(what=row.name, problem="it is not being written")
        async with writing.lock:
            return await self._write(writing, offset, octets)

    async def _write(self, writing: _Writing, offset: int, octets: bytes) -> int:
        row = writing.row
        if not 0 <= offset <= writing.position:
            raise BadInput(what=row.name, problem=f"octet {writing.position} is the next one, not {offset}")
        fresh = octets[writing.position - offset :]
        if writing.position + len(fresh) > row.size:
            await self._drop(writing)
            raise BadInput(what=row.name, problem=f"it has more than the {row.size} octets that were said")
        writing.touched = anyio.current_time()
        if not fresh:
            return writing.position
        try:
            await self._offload.run(writing.feed.put, fresh)
            writing.beginning += fresh[: BEGINNING - len(writing.beginning)]
            writing.position += len(fresh)
            if writing.position == row.size:
                await self._finish(writing)
        except Ended:
            raise BadInput(what=row.name, problem="it is not being written any more") from None
        except Exception:
            await self._drop(writing)
            raise
        return writing.position

    async def _finish(self, writing: _Writing) -> None:
        sealed = await self._offload.run(writing.feed.finish)
        row = writing.row
        assert row.stored_as is not None, "it is written there"
        written = SealedFile(stored_as=row.stored_as, shape=row.shape, key=sealed.key, header=sealed.header)
        async with aclosing(self._reader.contents(written)) as contents:
            if writing.rate is not None:
                made = await self._maker.of_sound(row.name, writing.rate, contents)
            else:
                made = await self._maker.of_file(
                    row.name, row.content_type, writing.beginning, contents, as_is=writing.as_is
                )
        stored_as, size = row.stored_as, row.size
        if made.octets is not None:
            stored_as, size = await self._runner.change(sending.name_in_folder), len(made.octets)
        noted = False
        try:
            if made.octets is not None:
                sealed = await self._seal_octets(stored_as, made.octets)
            to_send = sending.Written(
                size=size,
                stored_as=stored_as,
                content_type=made.content_type,
                key=sealed.key,
                header=sealed.header,
                manifest=sealed.manifest,
                preview=made.preview,
                metadata_removed=made.metadata_removed,
                may_hold_metadata=made.may_hold_metadata,
            )
            noted = await self._runner.change(lambda unit: sending.sealed(unit, row.number, to_send)) is not None
            self._writing.pop(row.number, None)
        finally:
            if not noted and made.octets is not None:
                with anyio.CancelScope(shield=True):
                    await self._offload.run(self._folder.delete, [stored_as])

    async def _seal_octets(self, stored_as: str, octets: bytes) -> Sealed:
        feed = self._offload.feed(partial(self._seal, Shape(len(octets)), stored_as))
        try:
            await self._offload.run(feed.put, octets)
            return await self._offload.run(feed.finish)
        except BaseException:
            with anyio.CancelScope(shield=True):
                await self._offload.run(feed.abort)
            raise

    def _seal(self, shape: Shape, stored_as: str, read: Read) -> Sealed:
        made = seal(shape, read, partial(self._folder.append, stored_as))
        self._folder.sync(stored_as)
        return made

    async def forget(self, number: int) -> None:
        """Stop writing a file that is gone."""
        writing = self._writing.pop(number, None)
        if writing is not None:
            # What it still wrote later would stay in the folder.
            await self._offload.run(writing.feed.abort)

    async def remove(self, file: str) -> FileView | None:
        """Delete what is here of a file, in the folder, too. Raise NoSuchFile."""
        row = await self._runner.read(lambda tx: rows.find(tx, file))
        # Before it is to be deleted in the folder: what is written later would stay there.
        await self.forget(row.number)
        view = await self._runner.change(lambda unit: receiving.remove(unit, file))
        await self.collect()
        return view

    async def _drop(self, writing: _Writing) -> None:
        await self.forget(writing.row.number)
        with suppress(StorageFull):
            await self._runner.change(lambda unit: sending.drop(unit, writing.row.number))

    async def _make_way(self) -> None:
        """See that another file may be written. Raise TooMany."""
        if len(self._writing) < _MAX_WRITING:
            return
        longest = min(self._writing.values(), key=lambda writing: writing.touched)
        if anyio.current_time() - longest.touched < _IDLE:
            raise TooMany(what="files being written", limit=_MAX_WRITING)
        await self._drop(longest)

    # -- reading

    async def read(self, file: str, offset: int, size: int | None) -> AsyncIterator[bytes]:
        """Yield the octets of a file from an offset on. Raise NoSuchFile, BadInput, FileUnreadable, StorageFailed."""
        row = await self._runner.read(lambda tx: rows.find(tx, file))
        if row.state is not FileState.COMPLETE:
            raise BadInput(what=row.name, problem=f"not all of it is here; it is {row.state}")
        if not 0 <= offset <= row.size or not (size is None or size >= 0):
            raise BadInput(what="The range", problem=f"the file has {row.size} octets")
        async with aclosing(self._reader.contents(sealed_file(row), offset, size)) as pieces:
            async for piece in pieces:
                yield piece
