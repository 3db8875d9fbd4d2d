"""Files of this machine, for front ends: handed to the account, and taken out of it.

A file is written out under a name that nothing had before, whole or not at all.
"""

import errno
import os
import stat
from collections.abc import AsyncGenerator, Callable, Generator, Iterator
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager, suppress
from itertools import count
from pathlib import Path
from typing import BinaryIO, Final

from anyio import CancelScope, to_thread

from balchat_host.api.errors import BadInput, BalchatError, StorageFull
from balchat_host.api.following import following
from balchat_host.api.frontend import MAX_OCTETS, App
from balchat_host.api.views import FileView

Show = Callable[[FileView, int], None]
"""Is told of which file how many octets are done."""
_MAX_NAME: Final = 255
_FULL: Final = (errno.ENOSPC, errno.EDQUOT)


def check_source(path: Path) -> None:
    """See that a path is a file that can be read. Raise BadInput."""
    with open_source(path):
        pass


async def attach(app: App, path: Path, show: Show, *, as_is: bool = False) -> FileView:
    """Hand a file to the account, to be sent; of a picture with its metadata where it is to go `as_is`.

    Raise BadInput where it changes meanwhile, and what the App raises.
    """
    with await to_thread.run_sync(open_source, path) as source:
        before = os.fstat(source.fileno())
        file = await app.files.attach(path.name, before.st_size, as_is=as_is)
        try:
            offset = 0
            while octets := await to_thread.run_sync(source.read, MAX_OCTETS):
                _check_size(path, before, offset + len(octets))
                offset = await app.files.write(file.id, offset, octets)
                show(file, offset)
            _check_same(path, before, os.fstat(source.fileno()), offset)
        except OSError as error:
            await _forget(app, file)
            raise BadInput(what=str(path), problem=f"it cannot be read ({error.strerror})") from error
        except BaseException:
            await _forget(app, file)
            raise
    return await app.files.get(file.id)


def _check_size(path: Path, before: os.stat_result, read: int) -> None:
    """Raise BadInput where there is more: it grows, or it is one of the kernel's, which have a size of 0."""
    if read > before.st_size:
        raise BadInput(what=str(path), problem="it has more than its size says; copy it, and send the copy")


def _check_same(path: Path, before: os.stat_result, after: os.stat_result, read: int) -> None:
    if (read, after.st_size, after.st_mtime_ns) != (before.st_size, before.st_size, before.st_mtime_ns):
        raise BadInput(what=str(path), problem="it changed while it was read; nothing was sent")


async def _forget(app: App, file: FileView) -> None:
    # What failed before is the news; where this fails too, the account forgets the file in time.
    with CancelScope(shield=True), suppress(BalchatError):
        await app.files.remove(file.id)


def open_source(path: Path) -> BinaryIO:
    """Open a file to be read, without waiting for it. Raise BadInput where it is none, or cannot be read."""
    try:
        # Without O_NONBLOCK, a pipe without a writer would be waited for.
        descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK)
    except OSError as error:
        raise BadInput(what=str(path), problem=f"it cannot be read ({error.strerror})") from error
    mode = os.fstat(descriptor).st_mode
    if not stat.S_ISREG(mode):
        os.close(descriptor)
        problem = "it is a folder; pack it into one file first" if stat.S_ISDIR(mode) else "it is not a file"
        raise BadInput(what=str(path), problem=problem)
    return os.fdopen(descriptor, "rb")


async def export(app: App, file: FileView, folder: Path, show: Show) -> Path:
    """Write a file into a folder, under its own name or one like it; return where it is.

    It is there whole or not at all. Raise BadInput, StorageFull, and what the App raises.
    """
    if not await to_thread.run_sync(folder.is_dir):
        raise BadInput(what=str(folder), problem="it is not a folder")
    async with AsyncExitStack() as stack:
        written = await stack.enter_async_context(_unfinished(folder, file.name))
        pieces = await stack.enter_async_context(following(app.files.read(file.id)))
        done = 0
        async for piece in pieces:
            await to_thread.run_sync(written.write, piece)
            done += len(piece)
            show(file, done)
        return await to_thread.run_sync(written.finish)


class _Unfinished:
    """A file that is not whole: `name.part`, until `finish` gives it its name."""

    def __init__(self, folder: Path, name: str) -> None:
        self._folder = folder
        self._name = name
        self._path, descriptor = _create(folder, name)
        self._stream = os.fdopen(descriptor, "wb")

    def write(self, octets: bytes) -> None:
        with _telling(self._path):
            self._stream.write(octets)

    def finish(self) -> Path:
        """Make it durable, and give it a name that nothing has."""
        with _telling(self._path):
            self._stream.flush()
            os.fsync(self._stream.fileno())
            for path in _names(self._folder, self._name):
                if self._name_it(path):
                    return path
        raise AssertionError("there is always another name")

    def _name_it(self, path: Path) -> bool:
        """Give it a name; return False where something has it already."""
        try:
            # A link never takes the place of something, as renaming does.
            os.link(self._path, path)
        except FileExistsError:
            return False
        except OSError:  # a file system without links
            if path.exists():
                return False
            self._path.rename(path)
        return True

    def close(self) -> None:
        """Remove what is not whole."""
        self._stream.close()
        self._path.unlink(missing_ok=True)


@asynccontextmanager
async def _unfinished(folder: Path, name: str) -> AsyncGenerator[_Unfinished]:
    unfinished = await to_thread.run_sync(_Unfinished, folder, name)
    try:
        yield unfinished
    finally:
        with CancelScope(shield=True):
            await to_thread.run_sync(unfinished.close)


def _create(folder: Path, name: str) -> tuple[Path, int]:
    for path in _names(folder, f"{_cut(name, _MAX_NAME - len('.part'))}.part"):
        with _telling(path):
            try:
                return path, os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
            except FileExistsError:
                continue
    raise AssertionError("there is always another name")


def _names(folder: Path, name: str) -> Iterator[Path]:
    """Return the names that a file may have: its own, and then with a number before its ending."""
    yield folder / name
    stem, dot, ending = name.rpartition(".")
    if not stem:
        stem, dot, ending = name, "", ""
    for number in count(1):
        tail = f" ({number}){dot}{ending}"
        yield folder / f"{_cut(stem, _MAX_NAME - len(tail.encode()))}{tail}"


def _cut(name: str, octets: int) -> str:
    return name.encode()[:octets].decode(errors="ignore")


@contextmanager
def _telling(path: Path) -> Generator[None]:
    try:
        yield
    except OSError as error:
        if error.errno in _FULL:
            raise StorageFull from error
        raise BadInput(what=str(path), problem=f"it cannot be written ({error.strerror})") from error
