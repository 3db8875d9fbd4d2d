"""The transaction as the host sees it, on a cursor of the driver."""

from collections.abc import Callable, Sequence

from balchat_host.api.errors import BalchatError
from balchat_host.api.sql import AreaRows, Ran, SqlUnit, SqlView
from balchat_host.api.storage import SqlValue, Transaction
from balchat_storage_sqlcipher.driver import Connection, Cursor, Driver
from balchat_storage_sqlcipher.faults import fault


def run_alone(
    driver: Driver, connection: Connection, fn: Callable[[Transaction], object], *, first: Sequence[str] = ()
) -> None:
    """Run one unit, after some statements, on a database that nobody else has.

    What it raises undoes it once the connection is closed.
    """
    cursor, rows = connection.cursor(), AreaRows()
    with driver.faults():
        for statement in ("BEGIN IMMEDIATE", *first):
            cursor.execute(statement)
        unit = Unit(driver, cursor, rows)
        try:
            fn(unit)
        finally:
            unit.end()
        if unit.fault is not None:
            raise unit.fault  # even where the unit swallowed it
        rows.write(cursor.execute)
        cursor.execute("COMMIT")


class View(SqlView):
    """A consistent view.

    After the first fault of the disk it raises that again for every statement: SQLite may have undone the whole
    transaction by then, and a statement after it would stand alone.
    """

    changes = False

    def __init__(self, driver: Driver, cursor: Cursor) -> None:
        self._driver = driver
        self._cursor = cursor
        self.fault: BalchatError | None = None

    def _run(self, sql: str, parameters: Sequence[SqlValue] = ()) -> Ran:
        self.refuse_ended()
        if self.fault is not None:
            raise self.fault
        try:
            rows = self._cursor.execute(sql, parameters).fetchall()
            return rows, self._cursor.rowcount, self._cursor.lastrowid
        except self._driver.errors as error:
            translated = fault(error, view=not self.changes)
            if isinstance(translated, BalchatError):
                self.fault = translated
            raise translated from error


class Unit(View, SqlUnit):
    """A unit of change, one of those that share a transaction of the database and its rows of areas."""

    changes = True

    def __init__(self, driver: Driver, cursor: Cursor, area_rows: AreaRows) -> None:
        super().__init__(driver, cursor)
        self._area_rows = area_rows
