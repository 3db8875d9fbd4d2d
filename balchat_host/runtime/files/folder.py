"""Where sealed files lie: a folder beside the vault, with a random name for each.

Nothing in it can be read without the vault, which has the keys. Every call blocks, for a thread to make it. A file is
made private to its owner (0600), as the folder is. What `write` has returned from is durable.
"""

import errno
import os
import shutil
from abc import ABC, abstractmethod
from collections.abc import Generator, Iterable, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Final

from balchat_host.api.errors import StorageFailed, StorageFull

_FULL: Final = (errno.ENOSPC, errno.EDQUOT)


class FileFolder(ABC):
    """A folder of files by name. All raise StorageFull and StorageFailed."""

    @abstractmethod
    def names(self) -> Mapping[str, int]:
        """Return which files lie here, and how many octets each has. Folders in it are not ours."""

    @abstractmethod
    def write(self, name: str, offset: int, octets: bytes) -> None:
        """Write octets into a file, which is made where it is not there. They are durable when this returns."""

    @abstractmethod
    def append(self, name: str, octets: bytes) -> None:
        """Write octets at the end of a file, which is made where it is not there; `sync` makes them durable."""

    @abstractmethod
    def sync(self, name: str) -> None:
        """Make all of a file durable."""

    @abstractmethod
    def read(self, name: str, offset: int, size: int) -> bytes:
        """Return `size` octets of a file, or fewer where it ends before; none where it is not there."""

    @abstractmethod
    def delete(self, names: Iterable[str]) -> None:
        """Delete files; what is not there is deleted already."""

    @abstractmethod
    def room(self) -> int:
        """Return how many octets the disk still takes."""


class DiskFolder(FileFolder):
    """A folder on the disk, made when something is first written."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory

    def names(self) -> Mapping[str, int]:
        with _telling():
            try:
                entries = os.scandir(self._directory)
            except FileNotFoundError:
                return {}
            with entries:
                return dict(_sizes(entries))

    def write(self, name: str, offset: int, octets: bytes) -> None:
        with _telling():
            descriptor = self._open(name)
            try:
                _write_all(descriptor, offset, octets)
                os.fsync(descriptor)
            finally:
                os.close(descriptor)

    def append(self, name: str, octets: bytes) -> None:
        with _telling():
            descriptor = self._open(name)
            try:
                _write_all(descriptor, os.fstat(descriptor).st_size, octets)
            finally:
                os.close(descriptor)

    def sync(self, name: str) -> None:
        with _telling():
            descriptor = self._open(name)
            try:
                os.fsync(descriptor)
            finally:
                os.close(descriptor)

    def read(self, name: str, offset: int, size: int) -> bytes:
        with _telling():
            try:
                descriptor = os.open(self._directory / name, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC)
            except FileNotFoundError:
                return b""
            try:
                return _read_all(descriptor, offset, size)
            finally:
                os.close(descriptor)

    def delete(self, names: Iterable[str]) -> None:
        with _telling():
            for name in names:
                with suppress(FileNotFoundError):
                    (self._directory / name).unlink()
            self._sync_folder()

    def room(self) -> int:
        directory = self._directory
        while not directory.exists() and directory != directory.parent:
            directory = directory.parent
        with _telling():
            return shutil.disk_usage(directory).free

    def _open(self, name: str) -> int:
        flags = os.O_RDWR | os.O_NOFOLLOW | os.O_CLOEXEC
        path = self._directory / name
        try:
            return os.open(path, flags)
        except FileNotFoundError:
            self._directory.mkdir(mode=0o700, exist_ok=True)
            descriptor = os.open(path, flags | os.O_CREAT, 0o600)
        self._sync_folder()
        return descriptor

    def _sync_folder(self) -> None:
        with suppress(FileNotFoundError):
            descriptor = os.open(self._directory, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
            try:
                os.fsync(descriptor)
            finally:
                os.close(descriptor)


def _sizes(entries: Iterable[os.DirEntry[str]]) -> Generator[tuple[str, int]]:
    for entry in entries:
        with suppress(FileNotFoundError):  # one that goes meanwhile says nothing of the others
            if not entry.is_dir(follow_symlinks=False):
                yield entry.name, entry.stat(follow_symlinks=False).st_size


def _write_all(descriptor: int, offset: int, octets: bytes) -> None:
    view = memoryview(octets)
    while view:
        written = os.pwrite(descriptor, view, offset)
        view, offset = view[written:], offset + written


def _read_all(descriptor: int, offset: int, size: int) -> bytes:
    pieces: list[bytes] = []
    while size and (piece := os.pread(descriptor, size, offset)):
        pieces.append(piece)
        offset, size = offset + len(piece), size - len(piece)
    return b"".join(pieces)


@contextmanager
def _telling() -> Generator[None]:
    try:
        yield
    except OSError as error:
        if error.errno in _FULL:
            raise StorageFull from error
        raise StorageFailed(problem=error.strerror or type(error).__name__) from error
