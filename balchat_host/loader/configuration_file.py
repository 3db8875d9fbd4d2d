"""Writes the profile's configuration file, so that no edit of anybody's is lost and no moment leaves half a file.

Rules
-----
- The file is read again before each change, and put in place only if it is still the one that was read.
- It is replaced as a whole: written beside it with the mode 0600, flushed to the disk, then renamed.
- Other programs of ours wait for the lock on its directory; an editor knows of none, so it is looked at last.
- What cannot be read, is not TOML, or belongs to somebody else is left as it is. A symbolic link stays one.
"""

import fcntl
import os
import time
from collections.abc import Callable, Generator
from contextlib import contextmanager, suppress
from errno import EDQUOT, ENOSPC
from pathlib import Path
from typing import Final

from balchat_common.toml_files import Unusable, trusted_text

from balchat_host.api.errors import ConfigurationError, StorageFailed, StorageFull, TimedOut
from balchat_host.loader.levels import WHOLE_FILE

_TRIES: Final = 10
_PATIENCE: Final = 5.0
"""Seconds to wait for another program that is changing the file."""
_LOOK: Final = 0.02


class ConfigurationFile:
    """One configuration file. Blocks: call it from a worker thread."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def change(self, edit: Callable[[str], str]) -> None:
        """Put in place what `edit` makes of the file's text, which is empty where there is none.

        `edit` may be called again where somebody else was faster. Raise what it raises, and then nothing is changed;
        ConfigurationError where the file cannot be used, StorageFull, StorageFailed, TimedOut.
        """
        path = self._path.resolve() if self._path.is_symlink() else self._path
        try:
            with _locked(path.parent):
                for _ in range(_TRIES):
                    seen = _identity(path)
                    text = self._text(path)
                    changed = edit(text)
                    if changed == text or _replace(path, changed, seen):
                        return
        except OSError as error:
            if error.errno in {ENOSPC, EDQUOT}:
                raise StorageFull from error
            raise StorageFailed(problem=f"{path} cannot be written ({error.strerror})") from error
        raise self._unusable("somebody else keeps changing it", "a file that is left alone for a moment")

    def _text(self, path: Path) -> str:
        try:
            text = trusted_text(path)
            owner = path.stat().st_uid
        except FileNotFoundError:
            return ""
        except Unusable as error:
            raise self._unusable(error.problem, error.allowed) from None
        if owner != os.geteuid():
            raise self._unusable("it belongs to root", "a change by root, or a file of your own")
        return text

    def _unusable(self, problem: str, allowed: str) -> ConfigurationError:
        return ConfigurationError(file=str(self._path), key=WHOLE_FILE, problem=problem, allowed=allowed)


def _identity(path: Path) -> object:
    """Return what differs once somebody has written a file, or put another one in its place."""
    try:
        status = path.stat()
    except FileNotFoundError:
        return None
    return status.st_dev, status.st_ino, status.st_size, status.st_mtime_ns, status.st_ctime_ns


def _replace(path: Path, text: str, seen: object) -> bool:
    """Put a text in the place of a file, unless it has changed since it was `seen`. Raise OSError."""
    new = path.with_name(f"{path.name}.new")
    new.unlink(missing_ok=True)
    descriptor = os.open(new, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC | os.O_NOFOLLOW, mode=0o600)
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(text.encode())
            file.flush()
            os.fsync(file.fileno())
        if _identity(path) != seen:
            new.unlink()
            return False
        new.replace(path)
    except BaseException:
        new.unlink(missing_ok=True)
        raise
    _flush_directory(path.parent)
    return True


def _flush_directory(directory: Path) -> None:
    descriptor = os.open(directory, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


@contextmanager
def _locked(directory: Path) -> Generator[None]:
    """Keep other programs of ours from changing files in a directory. Raise TimedOut, OSError."""
    descriptor = os.open(directory, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        with suppress(OSError):  # where a file system has no locks, the look at the file before it is replaced is left
            _lock(descriptor, directory)
        yield
    finally:
        os.close(descriptor)


def _lock(descriptor: int, directory: Path) -> None:
    deadline = time.monotonic() + _PATIENCE
    while True:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            if time.monotonic() > deadline:
                what = f"another program is changing the configuration in {directory}"
                raise TimedOut(seconds=f"{_PATIENCE:g}", what=what) from None
            time.sleep(_LOOK)
        else:
            return
