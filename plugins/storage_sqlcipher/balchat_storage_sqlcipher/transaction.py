"""The transaction as the host sees it, on a cursor of the driver."""

from collections.abc import Sequence

from balchat_host.api.errors import BalchatError
from balchat_host.api.sql import SqlUnit, SqlView
from balchat_host.api.storage import SqlRow, SqlValue
from balchat_storage_sqlcipher.driver import Cursor, Driver
from balchat_storage_sqlcipher.faults import fault


class View(SqlView):
    """A consistent view, until it is ended.

    After the first fault of the disk it raises that again for every statement: SQLite may have undone the whole
    transaction by then, and a statement after it would stand alone.
    """

    changes = False

    def __init__(self, driver: Driver, cursor: Cursor) -> None:
        self._driver = driver
        self._cursor: Cursor | None = cursor
        self.fault: BalchatError | None = None

    def end(self) -> None:
        """Refuse every further statement."""
        self._cursor = None

    def _run(self, sql: str, parameters: Sequence[SqlValue] = ()) -> tuple[list[SqlRow], int]:
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


class Unit(View, SqlUnit):
    """A unit of change."""

    changes = True
