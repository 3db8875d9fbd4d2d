"""The disk of whoever stores, as a test sees it: its power fails, it comes back, it is full.

`LossyDisk` does so to plain files: after a power failure only what was given to `os.fsync` is there. A file has the
octets that it had when it was synced, and a folder the names; what was never synced is gone, or empty. Files that
something else than Python syncs need a `Power` of their own; `sqlite_disk` has that of SQLite's.
"""

import errno
import os
import shutil
from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path
from stat import S_ISDIR
from types import TracebackType
from typing import Final, Self, TypeAlias

from anyio import to_thread

Image: TypeAlias = "dict[str, bytes | Image]"
"""What is in a folder, by name."""

_DIRECTORY: Final = os.O_RDONLY | os.O_DIRECTORY


class Power(ABC):
    """What a test does to whoever stores.

    It is a context manager that is entered before there are accounts. When it ends, all is well again.
    """

    @abstractmethod
    def off(self) -> None:
        """Have the power fail now: what is not yet on the disk is lost, and nothing more gets there. Never waits."""

    @abstractmethod
    async def on(self) -> None:
        """Come back with what was on the disk when the power failed."""

    def fill(self, *, full: bool) -> None:
        """Have the disk be full, or not any more. Needs the capability `fills_up`."""
        raise NotImplementedError

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        return None


class LossyDisk(Power):
    """The files in some folders. What is there when it begins is on the disk."""

    def __init__(self, folders: Sequence[Path]) -> None:
        self._folders = folders
        self._held: dict[int, int] = {}
        """By inode, a descriptor of ours: the number of a file that was deleted is given to no other one."""
        self._octets: dict[int, bytes] = {}
        self._names: dict[int, dict[str, tuple[int, bool]]] = {}
        """By inode of a folder, the inode of each name in it, and whether that is a folder."""
        self._durable: list[Image] | None = None
        self._roots: list[int] = []
        self._full = False
        self._fsync: Callable[[int], None] = os.fsync
        self._fdatasync: Callable[[int], None] = os.fdatasync

    async def __aenter__(self) -> Self:
        await to_thread.run_sync(self._note_all)
        self._fsync, self._fdatasync = os.fsync, os.fdatasync
        os.fsync, os.fdatasync = self._synced(self._fsync), self._synced(self._fdatasync)
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        os.fsync, os.fdatasync = self._fsync, self._fdatasync
        self._forget_all()

    @property
    def is_off(self) -> bool:
        """Whether its power has failed and is not yet back."""
        return self._durable is not None

    def off(self) -> None:
        if not self.is_off:
            self._durable = [self._image(number) for number in self._roots]

    async def on(self) -> None:
        assert self._durable is not None, "its power is on"
        durable, self._durable = self._durable, None
        await to_thread.run_sync(self._lay_all, durable)

    def fill(self, *, full: bool) -> None:
        self._full = full

    def _lay_all(self, durable: Sequence[Image]) -> None:
        for folder, image in zip(self._folders, durable, strict=True):
            for each in folder.iterdir():
                if each.is_dir():
                    shutil.rmtree(each)
                else:
                    each.unlink()
            _lay(folder, image)
        self._forget_all()
        self._note_all()

    def _synced(self, sync: Callable[[int], None]) -> Callable[[int], None]:
        def synced(file: int) -> None:
            if self._full:
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
            sync(file)
            self._note(file)

        return synced

    def _note(self, descriptor: int) -> None:
        """Note what a file or a folder holds: that is on the disk from now on."""
        status = os.fstat(descriptor)
        number = status.st_ino
        if number not in self._held:
            self._held[number] = os.dup(descriptor)
        if S_ISDIR(status.st_mode):
            with os.scandir(descriptor) as entries:
                self._names[number] = {
                    entry.name: (entry.inode(), entry.is_dir(follow_symlinks=False)) for entry in entries
                }
        else:
            self._octets[number] = Path(f"/proc/self/fd/{descriptor}").read_bytes()

    def _note_all(self) -> None:
        self._roots = [folder.stat().st_ino for folder in self._folders]
        for folder in self._folders:
            for path in (folder, *folder.rglob("*")):
                with suppress(OSError):
                    descriptor = os.open(path, _DIRECTORY if path.is_dir() else os.O_RDONLY)
                    self._note(descriptor)
                    os.close(descriptor)

    def _forget_all(self) -> None:
        for descriptor in self._held.values():
            os.close(descriptor)
        for known in (self._held, self._octets, self._names):
            known.clear()

    def _image(self, folder: int) -> Image:
        return {
            name: self._image(number) if is_folder else self._octets.get(number, b"")
            for name, (number, is_folder) in self._names.get(folder, {}).items()
        }


def _lay(folder: Path, image: Image) -> None:
    for name, held in image.items():
        if isinstance(held, bytes):
            (folder / name).write_bytes(held)
        else:
            (folder / name).mkdir()
            _lay(folder / name, held)
