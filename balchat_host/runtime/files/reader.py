"""Opens sealed files for whoever reads them: from the beginning on, since pyrage cannot seek (decision 0039)."""

from collections.abc import AsyncGenerator
from dataclasses import dataclass
from functools import partial

import anyio

from balchat_host.api.errors import StorageFailed
from balchat_host.core.files.rows import FileRow
from balchat_host.core.files.shape import Shape
from balchat_host.runtime.files.folder import FileFolder
from balchat_host.runtime.files.offload import Offload
from balchat_host.runtime.files.sealing import Write, open_sealed


@dataclass(frozen=True, slots=True, kw_only=True)
class SealedFile:
    """What is needed to open a file that lies in the folder."""

    stored_as: str
    shape: Shape
    key: bytes
    header: bytes

    def __repr__(self) -> str:
        return "SealedFile(…)"


def sealed_file(row: FileRow) -> SealedFile:
    """Return what is needed to open a file that is complete."""
    assert row.key is not None, "it is complete"
    assert row.header is not None, "it is complete"
    assert row.stored_as is not None, "it is complete"
    return SealedFile(stored_as=row.stored_as, shape=row.shape, key=row.key, header=row.header)


class FileReader:
    """Opens the files of a folder."""

    def __init__(self, folder: FileFolder, offload: Offload) -> None:
        self._folder = folder
        self._offload = offload

    async def contents(self, file: SealedFile, offset: int = 0, size: int | None = None) -> AsyncGenerator[bytes]:
        """Yield octets of a file from an offset on, which is in it, in pieces. Raise FileUnreadable, StorageFailed."""
        whole = file.shape.size
        left = whole - offset if size is None else min(size, whole - offset)
        # To the end where that is read: only then is it known that nothing is cut off.
        skip, to_the_end = offset, offset + left == whole
        drain = self._offload.drain(partial(self._open, file))
        try:
            while left or to_the_end:
                piece = await self._offload.run(drain.get)
                if piece is None:
                    return
                wanted = piece[skip : skip + left]
                skip, left = max(0, skip - len(piece)), left - len(wanted)
                if wanted:
                    yield wanted
        finally:
            with anyio.CancelScope(shield=True):
                await self._offload.run(drain.close)

    def _open(self, file: SealedFile, write: Write) -> None:
        position, end = 0, file.shape.sealed_size

        def read(size: int) -> bytes:
            nonlocal position
            octets = self._folder.read(file.stored_as, position, min(size, end - position))
            if not octets and position < end:
                raise StorageFailed(problem="a part of the file is not there any more")
            position += len(octets)
            return octets

        open_sealed(file.key, file.header, read, write)
