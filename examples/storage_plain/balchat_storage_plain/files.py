"""Where a vault lies: `vault.sqlite` in its directory, and `vault.lock`, which whoever has it open holds."""

from __future__ import annotations

import fcntl
import os
import shutil
import sqlite3
from contextlib import closing
from typing import TYPE_CHECKING, Final

from balchat_host.api.errors import BadInput, VaultInUse

from balchat_storage_plain.database import open_database, run_unit

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from balchat_host.api.storage import Transaction

_DATABASE: Final = "vault.sqlite"
_NEW: Final = "vault.new"
_LOCK: Final = "vault.lock"


def database_of(directory: Path) -> Path:
    """Return the file that is a vault once it is there."""
    return directory / _DATABASE


def new_database_of(directory: Path) -> Path:
    """Return the file that is not a vault yet."""
    return directory / _NEW


def put_in_place(directory: Path) -> None:
    """Make the new database the vault, whole and at once."""
    new_database_of(directory).rename(database_of(directory))
    folder = os.open(directory, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)


def take_lock(directory: Path) -> int:
    """Return an open file that holds the lock until it is closed. Raise VaultInUse."""
    lock = os.open(directory / _LOCK, os.O_RDWR | os.O_CREAT, 0o600)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        os.close(lock)
        raise VaultInUse from None
    return lock


def copy_vault(database: sqlite3.Connection, target: Path, amend: Callable[[Transaction], object]) -> None:
    """Make the folder `target` with a copy of a database in it, amended. Raise what `amend` does, BadInput."""
    if target.exists():
        raise BadInput(what=str(target), problem="it is there already; choose another path for the copy")
    part = target.with_name(f"{target.name}.part")
    try:
        shutil.rmtree(part, ignore_errors=True)
        part.mkdir(mode=0o700)
    except OSError as error:
        raise BadInput(what=str(target), problem=f"it cannot be made ({error.strerror})") from error
    try:
        copy_database(database, new_database_of(part), amend)
        put_in_place(part)
        part.rename(target)
    finally:
        shutil.rmtree(part, ignore_errors=True)


def copy_database(database: sqlite3.Connection, target: Path, amend: Callable[[Transaction], object]) -> None:
    """Copy a database, and run `amend` as one unit on the copy."""
    target.unlink(missing_ok=True)
    with closing(open_database(target)) as copy:
        database.backup(copy)
        run_unit(copy, amend)
