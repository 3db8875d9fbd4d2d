"""What an error of SQLite's means: that the disk takes nothing now, or that the database itself fails.

The first passes: clients are told to come again, and everything goes on by itself once there is room.
"""

import sqlite3
from typing import Final

_PRIMARY: Final = 0xFF
_WORDS: Final = {
    sqlite3.SQLITE_FULL: "the disk is full, or limits.database_mib is used up",
    sqlite3.SQLITE_READONLY: "the disk cannot be written",
    sqlite3.SQLITE_CANTOPEN: "the disk cannot be written",
    sqlite3.SQLITE_PERM: "the disk cannot be written",
    sqlite3.SQLITE_IOERR: "the disk fails",
}
_READING: Final = (sqlite3.SQLITE_IOERR_READ, sqlite3.SQLITE_IOERR_SHORT_READ, sqlite3.SQLITE_IOERR_CORRUPTFS)
LOW: Final = "too little is free on the disk (limits.min_free_mib, and never less than 32 MiB)"
BROKEN: Final = "the database fails; `balchat-relay check` looks at it"


def disk_takes_nothing(error: BaseException) -> bool:
    """Return whether an error means that nothing can be written now."""
    if not isinstance(error, sqlite3.Error) or error.sqlite_errorcode in _READING:
        return False
    return error.sqlite_errorcode & _PRIMARY in _WORDS


def in_words(error: BaseException) -> str:
    """Return what keeps the store from taking anything, in words for the operator."""
    if isinstance(error, sqlite3.Error) and disk_takes_nothing(error):
        return _WORDS[error.sqlite_errorcode & _PRIMARY]
    return BROKEN
