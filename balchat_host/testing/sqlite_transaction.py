"""Transactions on a plain SQLite connection, with no vault around them: for tests of the core, which needs no more."""

import sqlite3
from collections.abc import Callable, Generator, Sequence
from contextlib import contextmanager
from typing import TypeVar, cast

from balchat_host.api.sql import AREA_SCHEMA, RowArea, refuse_vault_only, statements
from balchat_host.api.storage import KeyValueArea, SqlRow, SqlValue, Transaction

T = TypeVar("T")


class SqliteTransaction(Transaction):
    """One unit on a connection in autocommit mode, inside a BEGIN."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection
        self._depth = 0

    def query(self, sql: str, parameters: Sequence[SqlValue] = ()) -> list[SqlRow]:
        refuse_vault_only(sql)
        return cast("list[SqlRow]", self._connection.execute(sql, parameters).fetchall())

    def execute(self, sql: str, parameters: Sequence[SqlValue] = ()) -> int:
        refuse_vault_only(sql)
        return self._connection.execute(sql, parameters).rowcount

    def script(self, sql: str) -> None:
        for statement in statements(sql):
            self.execute(statement)

    def area(self, name: str) -> KeyValueArea:
        return RowArea(self, name)

    @contextmanager
    def savepoint(self) -> Generator[None]:
        self._depth += 1
        name = f"savepoint_{self._depth}"
        self._connection.execute(f"SAVEPOINT {name}")
        try:
            yield
        except BaseException:
            self._connection.execute(f"ROLLBACK TO {name}")
            raise
        finally:
            self._connection.execute(f"RELEASE {name}")
            self._depth -= 1


class SqliteUnits:
    """A database in memory that runs units one after the other."""

    def __init__(self) -> None:
        self._connection = sqlite3.connect(":memory:", isolation_level=None)
        self._connection.execute("PRAGMA foreign_keys=ON")
        self._connection.execute(AREA_SCHEMA)

    def run(self, fn: Callable[[Transaction], T], *, then_crash: bool = False) -> T:
        """Run `fn` as one unit and give its result. With `then_crash`, everything is as if it had never begun."""
        self._connection.execute("BEGIN")
        try:
            result = fn(SqliteTransaction(self._connection))
        except BaseException:
            self._connection.execute("ROLLBACK")
            raise
        self._connection.execute("ROLLBACK" if then_crash else "COMMIT")
        return result

    def close(self) -> None:
        """Forget everything."""
        self._connection.close()
