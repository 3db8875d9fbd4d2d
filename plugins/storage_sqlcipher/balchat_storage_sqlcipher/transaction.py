"""The transaction as the host sees it, on a cursor of the driver."""

from collections.abc import Generator, Sequence
from contextlib import contextmanager

from balchat_host.api.errors import BalchatError
from balchat_host.api.sql import RowArea, refuse_vault_only, statements
from balchat_host.api.storage import KeyValueArea, ReadTransaction, SqlRow, SqlValue, Transaction
from balchat_storage_sqlcipher.driver import Cursor, Driver
from balchat_storage_sqlcipher.faults import fault


class _Statements:
    """Runs statements until it is ended, and remembers the first fault of the disk.

    After such a fault it raises that again for every statement: SQLite may have undone the whole transaction by then,
    and a statement after it would stand alone.
    """

    def __init__(self, driver: Driver, cursor: Cursor, *, view: bool) -> None:
        self._driver = driver
        self._cursor: Cursor | None = cursor
        self._view = view
        self.fault: BalchatError | None = None

    def run(self, sql: str, parameters: Sequence[SqlValue]) -> tuple[list[SqlRow], int]:
        """Give the rows of a statement, and how many it changed."""
        refuse_vault_only(sql)
        return self.run_own(sql, parameters)

    def run_own(self, sql: str, parameters: Sequence[SqlValue] = ()) -> tuple[list[SqlRow], int]:
        """As `run`, for the vault's own statements."""
        cursor = self._cursor
        if cursor is None:
            raise RuntimeError("a transaction was used outside of the function that it was handed to")
        if self.fault is not None:
            raise self.fault
        try:
            rows = cursor.execute(sql, parameters).fetchall()
            return rows, cursor.rowcount
        except self._driver.errors as error:
            translated = fault(error, view=self._view)
            if isinstance(translated, BalchatError):
                self.fault = translated
            raise translated from error

    def end(self) -> None:
        """Refuse every further statement."""
        self._cursor = None


class View(ReadTransaction):
    """A consistent view."""

    def __init__(self, driver: Driver, cursor: Cursor) -> None:
        self.statements = _Statements(driver, cursor, view=True)

    def query(self, sql: str, parameters: Sequence[SqlValue] = ()) -> list[SqlRow]:
        return self.statements.run(sql, parameters)[0]

    def area(self, name: str) -> KeyValueArea:
        return RowArea(self, name)


class Unit(Transaction):
    """A unit of change."""

    def __init__(self, driver: Driver, cursor: Cursor) -> None:
        self.statements = _Statements(driver, cursor, view=False)

    def query(self, sql: str, parameters: Sequence[SqlValue] = ()) -> list[SqlRow]:
        return self.statements.run(sql, parameters)[0]

    def area(self, name: str) -> KeyValueArea:
        return RowArea(self, name)

    def execute(self, sql: str, parameters: Sequence[SqlValue] = ()) -> int:
        # The driver counts -1 for a statement that changes no rows by its nature.
        return max(0, self.statements.run(sql, parameters)[1])

    def script(self, sql: str) -> None:
        for statement in statements(sql):
            self.statements.run(statement, ())

    @contextmanager
    def savepoint(self) -> Generator[None]:
        self.statements.run_own("SAVEPOINT inner")
        try:
            yield
        except BaseException:
            self.statements.run_own("ROLLBACK TO inner")
            self.statements.run_own("RELEASE inner")
            raise
        self.statements.run_own("RELEASE inner")
