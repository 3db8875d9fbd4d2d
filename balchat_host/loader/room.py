"""Whether a directory can be written and has room, for `balchat doctor`. Blocks: call it from a worker thread."""

import os
from errno import EDQUOT, ENOSPC, EROFS
from pathlib import Path
from tempfile import TemporaryFile
from typing import Final

from balchat_host.api.types import Check, Problem

_TRIED: Final = 64 * 1024
"""Octets that are written to see whether something can be: a file system may promise room that a quota takes away."""
_MIB: Final = 1024 * 1024


def check_room(name: str, directory: Path, *, least: int) -> Check:
    """Write to a directory, and see that `least` octets are left there. Leaves nothing behind.

    One that is not there yet stands for the nearest above it that is.
    """
    directory = next(each for each in (directory, *directory.parents) if each.is_dir())
    try:
        with TemporaryFile(dir=directory) as file:
            file.write(bytes(_TRIED))
            file.flush()
            os.fsync(file.fileno())
        disk = os.statvfs(directory)
    except OSError as error:
        what, remedy = _explained(error, directory)
        return Check(name=name, finding="cannot be written", problem=Problem(what=what, remedy=remedy))
    free = disk.f_bavail * disk.f_frsize
    # Of some file systems nobody knows the room; they say that they have none at all.
    if disk.f_blocks and free < least:
        what = f"{_size(free)} are left on the disk of {directory}, and {_size(least)} may be needed"
        return Check(name=name, finding=f"{_size(free)} left", problem=Problem(what=what, remedy="free some room"))
    return Check(name=name, finding=f"can be written, {_size(free)} left" if disk.f_blocks else "can be written")


def _explained(error: OSError, directory: Path) -> tuple[str, str]:
    if error.errno in {ENOSPC, EDQUOT}:
        return f"the disk of {directory} is full, or your quota there is used up", "free some room"
    if error.errno == EROFS:
        return f"the disk of {directory} is read-only", "have it mounted so that it can be written; check it for errors"
    return f"{directory} cannot be written ({error.strerror})", "make it your own, with the mode 0700"


def _size(octets: int) -> str:
    return f"{octets // _MIB} MiB" if octets >= _MIB else f"{octets // 1024} KiB"
