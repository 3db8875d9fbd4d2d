"""What went wrong below, in the contract's words: SQLite's result codes and the operating system's errors."""

import os
from collections.abc import Generator
from contextlib import contextmanager
from errno import EDQUOT, ENOSPC
from pathlib import Path
from typing import Final

from balchat_host.api.errors import BalchatError, StorageFailed, StorageFull, VaultDamaged
from balchat_host.api.storage import SqlError

FULL: Final = "the disk is full"
_LEAST_ROOM: Final = 256 * 1024
"""Octets below which a disk counts as full: a commit or two may still fit."""

# https://www.sqlite.org/rescode.html; extended codes keep the primary one in their low octet.
_BUSY: Final = 5
_READONLY: Final = 8
_IOERR: Final = 10
_CORRUPT: Final = 11
_FULL: Final = 13
_CANTOPEN: Final = 14
_PROTOCOL: Final = 15
_NOTADB: Final = 26

_BY_MESSAGE: Final = {
    "attempt to write a readonly database": _READONLY,
    "database disk image is malformed": _CORRUPT,
    "database is locked": _BUSY,
    "database or disk is full": _FULL,
    "disk I/O error": _IOERR,
    "file is not a database": _NOTADB,
    "locking protocol": _PROTOCOL,
    "unable to open database file": _CANTOPEN,
}
"""For a driver whose errors carry no code: SQLite's own texts (sqlite3_errstr)."""


def fault(error: Exception, *, view: bool = False) -> BalchatError | SqlError:
    """Translate a driver's error. In a `view`, a read-only database is what was asked for, not a fault of the disk."""
    code = getattr(error, "sqlite_errorcode", None)
    if not isinstance(code, int):
        code = _BY_MESSAGE.get(str(error), 0)
    code &= 0xFF
    if code == _FULL:
        return StorageFull()
    if code in {_CORRUPT, _NOTADB}:
        return VaultDamaged(problem="a page of its database is not as it was written")
    if code == _READONLY and view:
        return SqlError("a view changes nothing")
    if code in {_BUSY, _READONLY, _IOERR, _CANTOPEN, _PROTOCOL}:
        return StorageFailed(problem=str(error))
    return SqlError(getattr(error, "sqlite_errorname", type(error).__name__))


def disk_condition(folder: Path) -> str | None:
    """Say what keeps the disk of a folder from taking anything; None where nothing is known to."""
    try:
        disk = os.statvfs(folder)
    except OSError as error:
        return f"the disk cannot be used: {os.strerror(error.errno or 0)}"
    if disk.f_flag & os.ST_RDONLY:
        return "the disk is read-only"
    # Of some file systems nobody knows the room; they say that they have none at all.
    if disk.f_blocks and disk.f_bavail * disk.f_frsize < _LEAST_ROOM:
        return FULL
    return None


@contextmanager
def opening_faults(folder: Path) -> Generator[None]:
    """Raise what is wrong with the disk, where that is known, for a failure to open a database in `folder`.

    SQLite makes an index of its log, and says of a full disk only that it has failed. Nothing was written before that.
    """
    try:
        yield
    except StorageFailed as error:
        condition = disk_condition(folder)
        if condition is None:
            raise
        raise (StorageFull() if condition == FULL else StorageFailed(problem=condition)) from error


@contextmanager
def disk_faults() -> Generator[None]:
    """Raise StorageFull or StorageFailed for an OSError inside the block."""
    try:
        yield
    except OSError as error:
        if error.errno in {ENOSPC, EDQUOT}:
            raise StorageFull from error
        raise StorageFailed(problem=os.strerror(error.errno or 0)) from error
