"""Files in which blobs lie: a folder beside the database, with a random name for each.

A file is durable before the database knows it, and deleted after the database has forgotten it. So what lies here and
is not in the database was being written or deleted when the relay died, and goes when the store is opened next.
"""

import errno
import os
import secrets
from collections.abc import AsyncIterable, Generator, Iterable
from contextlib import contextmanager, suppress
from pathlib import Path
from threading import Lock
from typing import Final

from anyio import CancelScope, to_thread

from balchat_relay.storage import rules
from balchat_relay.storage.contract import PIECE, OpenBlob

_GATHERED: Final = 4 * PIECE
"""Octets that are written at once."""
_FULL: Final = frozenset((errno.ENOSPC, errno.EDQUOT, errno.EROFS, errno.EACCES, errno.EIO))


class BlobFiles:
    """The folder. Where less than `min_free` octets of the disk are free, it takes nothing."""

    def __init__(self, folder: Path, *, min_free: int) -> None:
        self._folder = folder
        self._min_free = min_free
        self._making = Lock()
        self._named = False  # whether the disk is known to have the folder's own name

    def compare(self, known: set[str]) -> list[str]:
        """Delete what the database does not know; return what it knows and is not here. Blocks."""
        try:
            here = {entry.name for entry in os.scandir(self._folder)}
        except FileNotFoundError:
            here = set[str]()
        self.delete(here - known)
        return sorted(known - here)

    def delete(self, files: Iterable[str]) -> None:
        """Delete files. What cannot be deleted now is when the store is opened next. Blocks."""
        for file in files:
            with suppress(OSError):
                (self._folder / file).unlink()

    async def write(self, size: int, octets: AsyncIterable[bytes]) -> str:
        """Write a file of `size` octets; return what it is called once it is durable.

        Raise Refused (RELAY_FULL, MALFORMED) and what `octets` raise; then nothing is left of it.
        """
        file = secrets.token_hex(16)
        descriptor = await to_thread.run_sync(self._create, file, size)
        try:
            try:
                await _fill(descriptor, size, octets)
            finally:
                with CancelScope(shield=True):
                    await to_thread.run_sync(os.close, descriptor)
            await to_thread.run_sync(_sync, self._folder)
        except BaseException:
            with CancelScope(shield=True):
                await to_thread.run_sync(self.delete, [file])
            raise
        return file

    async def open(self, file: str, size: int) -> OpenBlob:
        """Open a file to read it. Raise Refused (NO_BLOB) where it is gone."""
        try:
            descriptor = await to_thread.run_sync(os.open, self._folder / file, os.O_RDONLY | os.O_CLOEXEC)
        except OSError:
            raise rules.no_blob() from None
        return _OpenFile(descriptor, size)

    def _create(self, file: str, size: int) -> int:
        with _full_disk_refuses():
            with self._making:  # nobody writes into a folder before the disk has its name
                if not (self._named and self._folder.exists()):
                    self._named = False
                    self._folder.mkdir(mode=0o700, exist_ok=True)
                    _sync(self._folder.parent)
                    self._named = True
            disk = os.statvfs(self._folder)
            if disk.f_bavail * disk.f_frsize - size < self._min_free:
                raise rules.relay_full()
            return os.open(self._folder / file, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)


def _sync(folder: Path) -> None:
    """Have the disk keep the names in a folder."""
    with _full_disk_refuses():
        descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)


async def _fill(descriptor: int, size: int, octets: AsyncIterable[bytes]) -> None:
    pieces = bytearray()
    async for piece in octets:
        pieces += piece
        size -= len(piece)
        if size < 0:
            raise rules.wrong_size()
        if len(pieces) >= _GATHERED:
            await to_thread.run_sync(_write, descriptor, bytes(pieces))
            pieces.clear()
    if size:
        raise rules.wrong_size()
    await to_thread.run_sync(_finish, descriptor, bytes(pieces))


def _write(descriptor: int, octets: bytes) -> None:
    view = memoryview(octets)
    with _full_disk_refuses():
        while view:
            view = view[os.write(descriptor, view) :]


def _finish(descriptor: int, octets: bytes) -> None:
    _write(descriptor, octets)
    with _full_disk_refuses():
        os.fsync(descriptor)


@contextmanager
def _full_disk_refuses() -> Generator[None]:
    try:
        yield
    except OSError as error:
        if error.errno in _FULL:
            raise rules.relay_full() from error
        raise


class _OpenFile(OpenBlob):
    def __init__(self, descriptor: int, size: int) -> None:
        self.size = size
        self._descriptor = descriptor

    async def read(self) -> bytes:
        return await to_thread.run_sync(os.read, self._descriptor, PIECE)

    async def aclose(self) -> None:
        with CancelScope(shield=True):
            await to_thread.run_sync(os.close, self._descriptor)
