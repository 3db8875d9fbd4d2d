"""Where our own tor keeps what must last (`data`), and where the sockets to it are (`run`). Both are ours alone."""

import os
import shutil
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Self

from balchat_host.api.errors import NetworkUnavailable

_SOCKET_PATH_LIMIT: Final = 100
"""Octets. A unix socket's path has at most 104 on some systems, its closing zero included."""

_LONGEST_NAME: Final = "onion-0000"
_PREFIX: Final = "balchat-"
_SHARED: Final = Path("/tmp")  # noqa: S108  # what is made in it is ours alone


@dataclass(frozen=True, slots=True, kw_only=True)
class Folders:
    """tor's two folders. `data` outlives us: it has tor's guards, which must not change with every start."""

    data: Path
    run: Path

    @classmethod
    def make(cls, directory: Path) -> Self:
        """Make both within `directory`, or `run` elsewhere where that is too deep for a socket. Blocks.

        Raise NetworkUnavailable where it is too deep everywhere.
        """
        data, run = directory / "data", directory / "run"
        for folder in (directory, data):
            folder.mkdir(mode=0o700, exist_ok=True)
        shutil.rmtree(run, ignore_errors=True)  # left by one that was killed
        if _fits(run):
            run.mkdir(mode=0o700)
        else:
            run = _make_temporary()
        return cls(data=data, run=run)

    def remove_run(self) -> None:
        """Remove the sockets' folder. Blocks."""
        shutil.rmtree(self.run, ignore_errors=True)

    @property
    def control(self) -> Path:
        """The control socket of our tor."""
        return self.run / "control"

    @property
    def cookie(self) -> Path:
        """The file whose octets open the control socket; tor makes a new one at every start."""
        return self.run / "cookie"


def _make_temporary() -> Path:
    for parent in (Path(tempfile.gettempdir()), _SHARED):
        if _fits(parent / f"{_PREFIX}12345678"):  # so many characters are added to the prefix
            return Path(tempfile.mkdtemp(prefix=_PREFIX, dir=parent))
    raise NetworkUnavailable(
        problem=f"the names of this profile's folder and of {tempfile.gettempdir()} are too long for tor's sockets",
        remedy="Set TMPDIR to a folder with a short name and no blanks.",
    )


def _fits(run: Path) -> bool:
    longest = str(run / _LONGEST_NAME)
    # ADD_ONION has no way to quote a blank.
    return len(os.fsencode(longest)) <= _SOCKET_PATH_LIMIT and not any(map(str.isspace, longest))
