"""What every vault on an SQLite driver needs: transactions around one statement's run, areas as rows.

A driver has a view that subclasses `SqlView` and says in `_run` how one statement is run, and a unit of change that
subclasses this view and `SqlUnit`.
"""

import re
from abc import abstractmethod
from collections.abc import Generator, Iterator, Sequence
from contextlib import contextmanager
from functools import lru_cache
from sqlite3 import complete_statement
from typing import Final

from balchat_host.api.storage import KeyValueArea, ReadTransaction, SqlError, SqlRow, SqlValue, Transaction

AREA_SCHEMA: Final = """
CREATE TABLE vault_area (
    area TEXT NOT NULL,
    key BLOB NOT NULL,
    value BLOB NOT NULL,
    PRIMARY KEY (area, key)
) STRICT, WITHOUT ROWID
"""
"""The one table of all key-value areas. It belongs to the vault; the host's tables never carry its name."""

_VAULT_ONLY: Final = re.compile(
    r"(?:\s|--[^\n]*\n|/\*.*?\*/)*(?:BEGIN|COMMIT|END|ROLLBACK|SAVEPOINT|RELEASE|ATTACH|DETACH|VACUUM)\b",
    re.IGNORECASE | re.DOTALL,
)


@lru_cache(maxsize=512)  # each statement runs again and again; one that is refused is looked at anew
def refuse_vault_only(sql: str) -> None:
    """Raise SqlError for a statement that is the vault's own to run: transaction control, and other databases."""
    if _VAULT_ONLY.match(sql):
        raise SqlError("transactions and databases are managed by the vault, not by statements")


def statements(script: str) -> Iterator[str]:
    """Take a script apart into its statements, each with its semicolon.

    Raises SqlError where the last one has none.
    """
    statement = ""
    for piece in re.findall(r"[^;]*;|[^;]+$", script):
        statement += piece
        if complete_statement(statement):
            yield statement
            statement = ""
    # Only comments and blanks may follow the last statement; with a semicolon they are complete.
    if statement and re.sub(r"--[^\n]*|/\*.*?\*/|\s", "", statement, flags=re.DOTALL):
        raise SqlError("a script ends in the middle of a statement")


class SqlView(ReadTransaction):
    """A view on a driver."""

    @abstractmethod
    def _run(self, sql: str, parameters: Sequence[SqlValue] = ()) -> tuple[list[SqlRow], int]:
        """Run one statement, whatever it is: give its rows and how many it changed, -1 where it can change none.

        Raises SqlError, and RuntimeError outside of the function that the transaction was handed to.
        """

    def query(self, sql: str, parameters: Sequence[SqlValue] = ()) -> list[SqlRow]:
        refuse_vault_only(sql)
        return self._run(sql, parameters)[0]

    def area(self, name: str) -> KeyValueArea:
        return RowArea(self, name)


class SqlUnit(SqlView, Transaction):
    """A unit of change on a driver."""

    def execute(self, sql: str, parameters: Sequence[SqlValue] = ()) -> int:
        refuse_vault_only(sql)
        return max(0, self._run(sql, parameters)[1])

    def script(self, sql: str) -> None:
        for statement in statements(sql):
            self.execute(statement)

    @contextmanager
    def savepoint(self) -> Generator[None]:
        self._run("SAVEPOINT inner")
        try:
            yield
        except BaseException:
            self._run("ROLLBACK TO inner")
            self._run("RELEASE inner")
            raise
        self._run("RELEASE inner")


class RowArea(KeyValueArea):
    """A key-value area as rows of `vault_area`. Changing it in a view that only reads raises SqlError."""

    def __init__(self, tx: ReadTransaction, name: str) -> None:
        self._tx = tx
        self._name = name

    def get(self, key: bytes) -> bytes | None:
        rows = self._tx.query("SELECT value FROM vault_area WHERE area = ? AND key = ?", (self._name, key))
        return _octets(rows[0][0]) if rows else None

    def put(self, key: bytes, value: bytes) -> None:
        self._tx.query("REPLACE INTO vault_area VALUES (?, ?, ?)", (self._name, key, value))

    def delete(self, key: bytes) -> None:
        self._tx.query("DELETE FROM vault_area WHERE area = ? AND key = ?", (self._name, key))

    def scan(self, prefix: bytes = b"") -> Iterator[tuple[bytes, bytes]]:
        sql, end = "SELECT key, value FROM vault_area WHERE area = ? AND key >= ?", _after(prefix)
        if end is None:
            rows = self._tx.query(f"{sql} ORDER BY key", (self._name, prefix))
        else:
            rows = self._tx.query(f"{sql} AND key < ? ORDER BY key", (self._name, prefix, end))
        return ((_octets(key), _octets(value)) for key, value in rows)


def _after(prefix: bytes) -> bytes | None:
    """Give the first key after all that begin with `prefix`; None where there is none."""
    stem = prefix.rstrip(b"\xff")
    return stem[:-1] + bytes([stem[-1] + 1]) if stem else None


def _octets(value: object) -> bytes:
    assert isinstance(value, bytes)  # the table is STRICT
    return value
