"""The transaction as the host sees it, on a cursor of the driver."""

from collections.abc import Generator, Sequence
from contextlib import contextmanager

from balchat_host.api.errors import BalchatError
from balchat_host.api.sql import RowArea, refuse_vault_only, statements
from balchat_host.api.storage import KeyValueArea, ReadTransaction, SqlRow, SqlValue, Transaction
from balchat_storage_sqlcipher.driver import Cursor, Driver
from balchat_storage_sqlcipher.faults import fault


class View(ReadTransaction):
    """A consistent view, until it is ended.

    After the first fault of the disk it raises that again for every statement: SQLite may have undone the whole
    transaction by then, and a statement after it would stand alone.
    """

    changes = False

    def __init__(self, driver: Driver, cursor: Cursor) -> None:
        self._driver = driver
        self._cursor: Cursor | None = cursor
        self.fault: BalchatError | None = None

    def query(self, sql: str, parameters: Sequence[SqlValue] = ()) -> list[SqlRow]:
        refuse_vault_only(sql)
        return self._run(sql, parameters)[0]

    def area(self, name: str) -> KeyValueArea:
        return RowArea(self, name)

    def end(self) -> None:
        """Refuse every further statement."""
        self._cursor = None

    def _run(self, sql: str, parameters: Sequence[SqlValue] = ()) -> tuple[list[SqlRow], int]:
        """Give the rows of a statement, and how many it changed; -1 for one that by its nature changes none."""
        cursor = self._cursor
        if cursor is None:
            raise RuntimeError("a transaction was used outside of the function that it was handed to")
        if self.fault is not None:
            raise self.fault
        try:
            rows = cursor.execute(sql, parameters).fetchall()
            return rows, cursor.rowcount
        except self._driver.errors as error:
            translated = fault(error, view=not self.changes)
            if isinstance(translated, BalchatError):
                self.fault = translated
            raise translated from error


class Unit(View, Transaction):
    """A unit of change."""

    changes = True

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
