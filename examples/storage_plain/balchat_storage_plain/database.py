"""The file: one SQLite database with the host's tables, the areas, and what is kept of the secrets."""

import sqlite3
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Final, TypeVar

from balchat_host.api.errors import StorageFailed, StorageFull, WrongSecret
from balchat_host.api.sql import AREA_SCHEMA, AreaRows, Ran, SqlUnit, SqlView
from balchat_host.api.storage import SlotKind, SqlError, SqlValue, Transaction
from balchat_host.api.types import Secret

from balchat_storage_plain.secrets import fits

T = TypeVar("T")

_SLOT_SCHEMA: Final = "CREATE TABLE vault_slot (kind TEXT PRIMARY KEY, verifier BLOB NOT NULL) STRICT"


def make_database(path: Path, verifiers: Mapping[SlotKind, bytes], fill: Callable[[Transaction], object]) -> None:
    """Make a database with a first unit in it. Raise what that does, StorageFull, StorageFailed."""
    path.unlink(missing_ok=True)  # what an attempt that was cut short has left
    database = open_database(path)
    try:
        database.execute(AREA_SCHEMA)
        database.execute(_SLOT_SCHEMA)
        for kind, verifier in verifiers.items():
            keep_verifier(database, kind, verifier)
        run_unit(database, fill)
    finally:
        database.close()


def open_database(path: Path) -> sqlite3.Connection:
    """Open a database, or make an empty one."""
    path.touch(mode=0o600)
    # A unit runs in whichever worker thread is free, one at a time.
    database = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
    database.execute("PRAGMA foreign_keys = ON")
    database.execute("PRAGMA synchronous = FULL")
    return database


def require_opens(database: sqlite3.Connection, kind: SlotKind, secret: Secret) -> None:
    """Raise WrongSecret unless a secret opens the vault; BadInput for a mistyped recovery code."""
    rows = database.execute("SELECT verifier FROM vault_slot WHERE kind = ?", (str(kind),)).fetchall()
    if not fits(kind, secret, rows[0][0] if rows else None):
        raise WrongSecret(slot=str(kind))


def keep_verifier(database: sqlite3.Connection, kind: SlotKind, verifier: bytes) -> None:
    """Keep what tells the right secret of a kind."""
    database.execute("REPLACE INTO vault_slot VALUES (?, ?)", (str(kind), verifier))


class View(SqlView):
    """Runs statements until it is ended."""

    def __init__(self, database: sqlite3.Connection) -> None:
        self._database = database

    def _run(self, sql: str, parameters: Sequence[SqlValue] = ()) -> Ran:
        self.refuse_ended()
        try:
            cursor = self._database.execute(sql, parameters)
            return cursor.fetchall(), cursor.rowcount, cursor.lastrowid
        except (sqlite3.Error, sqlite3.Warning) as error:
            raise SqlError(getattr(error, "sqlite_errorname", type(error).__name__)) from error


class Unit(View, SqlUnit):
    """One unit of change."""

    def __init__(self, database: sqlite3.Connection) -> None:
        super().__init__(database)
        self._area_rows = AreaRows()


def run_view(database: sqlite3.Connection, fn: Callable[[View], T]) -> T:
    """Run `fn` on a view that changes nothing."""
    view = View(database)
    database.execute("PRAGMA query_only = ON")
    try:
        return fn(view)
    finally:
        view.end()
        database.execute("PRAGMA query_only = OFF")


def run_unit(database: sqlite3.Connection, fn: Callable[[Transaction], T]) -> T:
    """Run `fn` as one unit, which is on the disk when this returns.

    Raise what `fn` does, and then it is undone; StorageFull, StorageFailed.
    """
    unit = Unit(database)
    database.execute("BEGIN IMMEDIATE")
    try:
        result = fn(unit)
        unit.area_rows.write(unit.query)
        _commit(database)
    finally:
        unit.end()
        if database.in_transaction:
            database.execute("ROLLBACK")
    return result


def _commit(database: sqlite3.Connection) -> None:
    try:
        database.execute("COMMIT")
    except sqlite3.Error as error:
        if error.sqlite_errorcode == sqlite3.SQLITE_FULL:
            raise StorageFull from error
        raise StorageFailed(problem=error.sqlite_errorname) from error
