"""What every vault on an SQLite driver needs: transactions around one statement's run, areas as rows.

A driver has a view that subclasses `SqlView` and says in `_run` how one statement is run, and a unit of change that
subclasses this view and `SqlUnit`. Units that share a commit share its `AreaRows`, which the driver writes before it.
"""

import re
from abc import abstractmethod
from collections.abc import Callable, Generator, Iterator, Sequence
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


@lru_cache(maxsize=512)  # each statement runs again and again; one that is refused is looked at each time
def refuse_vault_only(sql: str) -> None:
    """Raise SqlError for a statement that is the vault's own to run: transaction control, and other databases."""
    if _VAULT_ONLY.match(sql):
        raise SqlError("transactions and databases are managed by the vault, not by statements")


def statements(script: str) -> Iterator[str]:
    """Take a script apart into its statements, each with its semicolon.

    Raise SqlError where the last one has none.
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


Ran = tuple[list[SqlRow], int, int | None]
"""What came of a statement: its rows; how many it changed, -1 where it can change none; the last INSERT's row id."""


class SqlView(ReadTransaction):
    """A view on a driver, until it is ended."""

    _ended = False

    def end(self) -> None:
        """Refuse every further statement."""
        self._ended = True

    def refuse_ended(self) -> None:
        """Raise RuntimeError outside of the function that the transaction was handed to."""
        if self._ended:
            raise RuntimeError("a transaction was used outside of the function that it was handed to")

    @abstractmethod
    def _run(self, sql: str, parameters: Sequence[SqlValue] = ()) -> Ran:
        """Run one statement, whatever it is. Raise SqlError, and what `refuse_ended` does."""

    def query(self, sql: str, parameters: Sequence[SqlValue] = ()) -> list[SqlRow]:
        refuse_vault_only(sql)
        return self._run(sql, parameters)[0]

    def area(self, name: str) -> KeyValueArea:
        return ViewArea(self, name)


AreaKey = tuple[str, bytes]
"""The name of an area, and a key in it."""
AreaState = tuple[dict[AreaKey, bytes | None], set[AreaKey]]
"""The values that are known, and the keys of those that are not written yet."""


class AreaRows:
    """The rows of areas in one transaction: each is read at most once, and written when somebody calls `write`.

    That is before the commit, and before a scan. A group's ratchet steps with every message, and many messages share a
    commit.
    """

    def __init__(self) -> None:
        self.known: dict[AreaKey, bytes | None] = {}
        """The values as they are now, as far as anybody has asked; None for what is absent."""
        self._unwritten: set[AreaKey] = set()

    def put(self, key: AreaKey, value: bytes | None) -> None:
        """Set a value, or remove it."""
        self.known[key] = value
        self._unwritten.add(key)

    def write(self, run: Callable[[str, Sequence[SqlValue]], object]) -> None:
        """Bring the table up to date. Raise what `run`, which runs one statement, does."""
        for key in sorted(self._unwritten):
            value = self.known[key]
            if value is None:
                run("DELETE FROM vault_area WHERE area = ? AND key = ?", key)
            else:
                run("REPLACE INTO vault_area VALUES (?, ?, ?)", (*key, value))
        self._unwritten.clear()

    def copy(self) -> AreaState:
        """Remember how the rows are now, for `restore`."""
        return dict(self.known), set(self._unwritten)

    def restore(self, state: AreaState) -> None:
        """Have the rows as they were; what was written of them since, the caller has undone."""
        self.known, self._unwritten = state


class SqlUnit(SqlView, Transaction):
    """A unit of change on a driver, which sets `_area_rows`."""

    _area_rows: AreaRows

    @property
    def area_rows(self) -> AreaRows:
        """The rows of areas in the transaction. Raise what `refuse_ended` does."""
        self.refuse_ended()
        return self._area_rows

    def area(self, name: str) -> KeyValueArea:
        return UnitArea(self, name)

    def execute(self, sql: str, parameters: Sequence[SqlValue] = ()) -> int:
        refuse_vault_only(sql)
        return max(0, self._run(sql, parameters)[1])

    def insert(self, sql: str, parameters: Sequence[SqlValue] = ()) -> int | None:
        refuse_vault_only(sql)
        _, inserted, row_id = self._run(sql, parameters)
        return row_id if inserted > 0 else None

    def script(self, sql: str) -> None:
        for statement in statements(sql):
            self.execute(statement)

    @contextmanager
    def savepoint(self) -> Generator[None]:
        self._run("SAVEPOINT inner")
        before = self.area_rows.copy()
        try:
            yield
        except BaseException:
            self._run("ROLLBACK TO inner")
            self._run("RELEASE inner")
            self.area_rows.restore(before)
            raise
        self._run("RELEASE inner")


class ViewArea(KeyValueArea):
    """A key-value area as rows of `vault_area`, to be read only."""

    def __init__(self, tx: SqlView, name: str) -> None:
        self._tx = tx
        self._name = name

    def get(self, key: bytes) -> bytes | None:
        rows = self._tx.query("SELECT value FROM vault_area WHERE area = ? AND key = ?", (self._name, key))
        return _octets(rows[0][0]) if rows else None

    def put(self, key: bytes, value: bytes) -> None:
        del key, value
        raise SqlError("a view changes nothing")

    def delete(self, key: bytes) -> None:
        del key
        raise SqlError("a view changes nothing")

    def scan(self, prefix: bytes = b"", *, before: bytes | None = None) -> Iterator[tuple[bytes, bytes]]:
        sql = "SELECT key, value FROM vault_area WHERE area = ? AND key >= ?"
        ends = [end for end in (_after(prefix), before) if end is not None]
        if not ends:
            rows = self._tx.query(f"{sql} ORDER BY key", (self._name, prefix))
        else:
            rows = self._tx.query(f"{sql} AND key < ? ORDER BY key", (self._name, prefix, min(ends)))
        return ((_octets(key), _octets(value)) for key, value in rows)


class UnitArea(ViewArea):
    """The same, and changes."""

    def __init__(self, tx: SqlUnit, name: str) -> None:
        super().__init__(tx, name)
        self._unit = tx

    def get(self, key: bytes) -> bytes | None:
        known, place = self._unit.area_rows.known, (self._name, key)
        if place not in known:
            known[place] = super().get(key)
        return known[place]

    def put(self, key: bytes, value: bytes) -> None:
        self._unit.area_rows.put((self._name, _given(key)), _given(value))

    def delete(self, key: bytes) -> None:
        self._unit.area_rows.put((self._name, _given(key)), None)

    def scan(self, prefix: bytes = b"", *, before: bytes | None = None) -> Iterator[tuple[bytes, bytes]]:
        self._unit.area_rows.write(self._unit.query)
        return super().scan(prefix, before=before)


def _after(prefix: bytes) -> bytes | None:
    """Return the first key after all that begin with `prefix`; None where there is none."""
    stem = prefix.rstrip(b"\xff")
    return stem[:-1] + bytes([stem[-1] + 1]) if stem else None


def _given(value: object) -> bytes:
    """Refuse here what the table would refuse at the commit, where other units would suffer for it."""
    if not isinstance(value, bytes):
        raise TypeError(f"keys and values of an area are bytes, not {type(value).__name__}")
    return value


def _octets(value: object) -> bytes:
    assert isinstance(value, bytes)  # the table is STRICT
    return value
