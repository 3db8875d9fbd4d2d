"""Folders for what must not stay: made private, and gone with their block, also where a signal ends the process.

A process that is killed leaves its folder. So each is locked for as long as its process lives, and whoever makes the
next one removes those of the same name that nobody holds.
"""

import fcntl
import os
import shutil
import signal
import tempfile
import threading
from collections.abc import Generator
from contextlib import contextmanager, suppress
from pathlib import Path
from types import FrameType
from typing import Any, Final, Self

_ENDING: Final = (signal.SIGHUP, signal.SIGTERM)
"""What comes when a terminal is closed, or the machine shuts down."""
_TRIES: Final = 3
"""How often a folder is removed into which a thread may still write."""


class PrivateFolder:
    """A folder of this user's alone, below `parent`, for as long as the block. Blocks. Raise OSError."""

    def __init__(self, parent: Path, prefix: str) -> None:
        remove_left_over(parent, prefix)
        while True:
            self.path = Path(tempfile.mkdtemp(prefix=prefix, dir=parent))
            self._held = os.open(self.path, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC)
            fcntl.flock(self._held, fcntl.LOCK_EX)
            if os.fstat(self._held).st_nlink:
                break
            os.close(self._held)  # it was taken for one that somebody had left

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.remove()

    def remove(self) -> None:
        """Remove it, with all that is in it."""
        for _ in range(_TRIES):
            shutil.rmtree(self.path, ignore_errors=True)
            if not self.path.exists():
                break
        if self._held >= 0:
            os.close(self._held)
            self._held = -1


def remove_left_over(parent: Path, prefix: str) -> None:
    """Remove the folders of processes that were killed. Blocks."""
    for path in parent.glob(f"{prefix}*"):
        with suppress(OSError):
            found = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC)
            try:
                if os.fstat(found).st_uid == os.geteuid():
                    fcntl.flock(found, fcntl.LOCK_EX | fcntl.LOCK_NB)
                    shutil.rmtree(path, ignore_errors=True)
            finally:
                os.close(found)


@contextmanager
def removed_on_signals(folder: PrivateFolder) -> Generator[None]:
    """Have SIGHUP and SIGTERM remove a folder before they do what they do. Other threads than the main one cannot."""
    before: dict[int, Any] = {}

    def end(number: int, frame: FrameType | None) -> None:
        del frame
        folder.remove()
        signal.signal(number, before[number])
        signal.raise_signal(number)

    for number in _ENDING if threading.current_thread() is threading.main_thread() else ():
        handler = signal.getsignal(number)
        # Under nohup it is ignored, and handlers that are not Python's cannot be put back.
        if handler not in (signal.SIG_IGN, None):
            before[number] = handler
            signal.signal(number, end)
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
