"""Transactions on a plain SQLite connection: of the vaults in memory, and with no vault for tests of the core alone."""

import sqlite3
from collections.abc import Callable, Sequence
from typing import TypeVar

from balchat_host.api.sql import AREA_SCHEMA, AreaRows, Ran, SqlUnit, SqlView
from balchat_host.api.storage import SqlError, SqlValue, Transaction

T = TypeVar("T")


class MemoryConnection(sqlite3.Connection):
    """A connection to a database in memory, which may be used in the event loop: it never waits for a disk."""


def memory_database() -> sqlite3.Connection:
    """Make a database in memory, with the table of the areas, in autocommit mode."""
    # Whichever thread collects the garbage closes it.
    database = sqlite3.connect(":memory:", isolation_level=None, check_same_thread=False, factory=MemoryConnection)
    database.execute("PRAGMA foreign_keys = ON")
    database.execute(AREA_SCHEMA)
    return database


class SqliteView(SqlView):
    """Runs statements on a connection until it is ended."""

    def __init__(self, database: sqlite3.Connection) -> None:
        self._database = database

    def _run(self, sql: str, parameters: Sequence[SqlValue] = ()) -> Ran:
        self.refuse_ended()
        try:
            cursor = self._database.execute(sql, parameters)
            return cursor.fetchall(), cursor.rowcount, cursor.lastrowid
        except (sqlite3.Error, sqlite3.Warning) as error:
            raise SqlError(getattr(error, "sqlite_errorname", type(error).__name__)) from error


class SqliteTransaction(SqliteView, SqlUnit):
    """One unit of change on a connection, inside a BEGIN."""

    def __init__(self, database: sqlite3.Connection) -> None:
        super().__init__(database)
        self._area_rows = AreaRows()


def run_unit(database: sqlite3.Connection, fn: Callable[[Transaction], T], *, commit: Callable[[], None]) -> T:
    """Run `fn` as one unit that `commit` ends, and return its result. What is not committed then is undone."""
    unit = SqliteTransaction(database)
    database.execute("BEGIN")
    try:
        result = fn(unit)
        unit.area_rows.write(unit.query)
        commit()
        return result
    finally:
        unit.end()
        if database.in_transaction:
            database.execute("ROLLBACK")


class SqliteUnits:
    """A database in memory that runs units one after the other."""

    def __init__(self) -> None:
        self._database = memory_database()

    def copy(self) -> "SqliteUnits":
        """Return another database with the same in it."""
        copy = SqliteUnits()
        self._database.backup(copy._database)
        return copy

    def run(self, fn: Callable[[Transaction], T], *, then_crash: bool = False) -> T:
        """Run `fn` as one unit and return its result. With `then_crash`, everything is as if it had never begun."""
        return run_unit(self._database, fn, commit=_die if then_crash else self._database.commit)

    def close(self) -> None:
        """Forget everything."""
        self._database.close()


def _die() -> None:
    """Commit nothing."""
