"""Ways in which a process of a test kills itself (SIGKILL), so that nothing of it is tidied up."""

import os
import signal
import sys
from itertools import count
from pathlib import Path


def die() -> None:
    """Die here."""
    os.kill(os.getpid(), signal.SIGKILL)


def die_touching(directory: Path, at: int) -> None:
    """Die when Python is about to open, make, rename or remove something below `directory` for the `at`-th time from 1.

    A test that counts up `at` until the process survives has stopped it between all that it does to these files. It
    holds until the process ends: an audit hook cannot be taken back.
    """
    touches, text = count(1), os.fspath(directory)

    def hook(_: str, arguments: tuple[object, ...]) -> None:
        first = str(arguments[0]) if arguments and isinstance(arguments[0], str | Path) else ""
        if first.startswith(text) and next(touches) == at:
            die()

    sys.addaudithook(hook)
