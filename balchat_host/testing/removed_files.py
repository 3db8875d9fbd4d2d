"""What was in files that are there for a moment only: whoever gets the disk may read them still."""

import os
import sys
from collections.abc import Generator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, Final

_LAST: Final = {"os.remove": 0, "os.rename": 1}
"""Which argument of an event names the file that is gone after it."""
_MOST_READ: Final = 2**20
_watching: Final[list[list[bytes]]] = []


@contextmanager
def removed_files() -> Generator[list[bytes]]:
    """Give what is in each file that is removed or replaced in the block."""
    contents: list[bytes] = []
    _watching.append(contents)
    try:
        yield contents
    finally:
        _watching[:] = [each for each in _watching if each is not contents]


def _hook(event: str, given: tuple[Any, ...]) -> None:
    if _watching and event in _LAST:
        with suppress(OSError), Path(os.fsdecode(given[_LAST[event]])).open("rb") as file:
            octets = file.read(_MOST_READ)
            for contents in _watching:
                contents.append(octets)


# An audit hook cannot be removed, so there is one for the whole process, and it does nothing while nobody watches.
sys.addaudithook(_hook)
