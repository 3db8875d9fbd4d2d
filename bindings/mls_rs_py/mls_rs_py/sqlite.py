"""Storages in a SQLite database. Its file is not encrypted: everything in it is as secret as the groups are.

All three may share one connection, so that an application can put them and its own rows into one transaction: a storage
that is told `commit=False` leaves the committing to the application.
"""

import sqlite3
from collections.abc import Generator, Sequence
from contextlib import contextmanager
from threading import RLock
from typing import Final

_SCHEMA: Final = """
CREATE TABLE IF NOT EXISTS mls_group (
    group_id BLOB PRIMARY KEY,
    state BLOB NOT NULL
) STRICT, WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS mls_tree (
    group_id BLOB PRIMARY KEY REFERENCES mls_group ON DELETE CASCADE,
    tree_id BLOB NOT NULL,
    tree BLOB NOT NULL
) STRICT, WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS mls_epoch (
    group_id BLOB NOT NULL REFERENCES mls_group ON DELETE CASCADE,
    epoch_id INTEGER NOT NULL,
    epoch BLOB NOT NULL,
    PRIMARY KEY (group_id, epoch_id)
) STRICT, WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS mls_key_package (
    reference BLOB PRIMARY KEY,
    key_package BLOB NOT NULL,
    not_after INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS mls_psk (
    psk_id BLOB PRIMARY KEY,
    psk BLOB NOT NULL
) STRICT, WITHOUT ROWID;
"""

_MAX_INTEGER: Final = 2**63 - 1


class SqliteDatabase:
    """A connection that the storages share. It must have been opened with `check_same_thread=False`.

    With `commit`, each change is a transaction of its own, and durable when the call returns.
    """

    def __init__(self, connection: sqlite3.Connection, *, commit: bool = True) -> None:
        self._connection = connection
        self._commit = commit
        self._lock = RLock()
        with self._lock:
            connection.execute("PRAGMA foreign_keys = ON")
            connection.execute("PRAGMA secure_delete = ON")
            for statement in _SCHEMA.split(";"):
                connection.execute(statement)
            if commit:
                connection.commit()

    @contextmanager
    def change(self) -> Generator[sqlite3.Connection]:
        """Do what happens inside as a whole or not at all."""
        with self._lock:
            self._connection.execute("SAVEPOINT mls")
            try:
                yield self._connection
            except BaseException:
                self._connection.execute("ROLLBACK TO mls")
                self._connection.execute("RELEASE mls")
                raise
            self._connection.execute("RELEASE mls")
            if self._commit:
                self._connection.commit()

    def row(self, sql: str, *parameters: bytes | int) -> tuple[bytes | int, ...] | None:
        """Return the first row, or None."""
        with self._lock:
            return self._connection.execute(sql, parameters).fetchone()

    def value(self, sql: str, *parameters: bytes | int) -> bytes | int | None:
        """Return the first column of the first row, or None."""
        row = self.row(sql, *parameters)
        return None if row is None else row[0]

    def octets(self, sql: str, *parameters: bytes | int) -> bytes | None:
        """Return a BLOB, or None."""
        value = self.value(sql, *parameters)
        return value if isinstance(value, bytes) else None


class SqliteGroupStateStorage:
    """A GroupStateStorage in SQLite. Keeps `max_past_epochs` of each group, at least 1."""

    def __init__(self, database: SqliteDatabase, *, max_past_epochs: int = 5) -> None:
        if max_past_epochs < 1:
            raise ValueError("max_past_epochs is at least 1")
        self._database = database
        self._max_past_epochs = max_past_epochs

    def state(self, group_id: bytes) -> tuple[bytes, bytes] | None:
        """See GroupStateStorage."""
        sql = "SELECT state, tree FROM mls_group JOIN mls_tree USING (group_id) WHERE group_id = ?"
        match self._database.row(sql, group_id):
            case (bytes(state), bytes(tree)):
                return state, tree
            case _:
                return None

    def epoch(self, group_id: bytes, epoch_id: int) -> bytes | None:
        """See GroupStateStorage."""
        if epoch_id > _MAX_INTEGER:
            return None
        sql = "SELECT epoch FROM mls_epoch WHERE group_id = ? AND epoch_id = ?"
        return self._database.octets(sql, group_id, epoch_id)

    def write(
        self,
        group_id: bytes,
        state: bytes,
        tree: tuple[bytes, bytes],
        epoch_inserts: Sequence[tuple[int, bytes]],
        epoch_updates: Sequence[tuple[int, bytes]],
    ) -> None:
        """See GroupStateStorage."""
        with self._database.change() as connection:
            connection.execute(
                "INSERT INTO mls_group VALUES (?, ?) ON CONFLICT DO UPDATE SET state = excluded.state",
                (group_id, state),
            )
            stored = connection.execute("SELECT tree_id FROM mls_tree WHERE group_id = ?", (group_id,)).fetchone()
            if stored != (tree[0],):
                connection.execute("INSERT OR REPLACE INTO mls_tree VALUES (?, ?, ?)", (group_id, *tree))
            connection.executemany(
                "INSERT OR REPLACE INTO mls_epoch VALUES (?, ?, ?)",
                [(group_id, epoch_id, epoch) for epoch_id, epoch in epoch_inserts],
            )
            connection.executemany(
                "UPDATE mls_epoch SET epoch = ? WHERE group_id = ? AND epoch_id = ?",
                [(epoch, group_id, epoch_id) for epoch_id, epoch in epoch_updates],
            )
            connection.execute(
                "DELETE FROM mls_epoch WHERE group_id = ? AND epoch_id <="
                " (SELECT max(epoch_id) FROM mls_epoch WHERE group_id = ?) - ?",
                (group_id, group_id, self._max_past_epochs),
            )

    def max_epoch_id(self, group_id: bytes) -> int | None:
        """See GroupStateStorage."""
        newest = self._database.value("SELECT max(epoch_id) FROM mls_epoch WHERE group_id = ?", group_id)
        return newest if isinstance(newest, int) else None

    def delete_group(self, group_id: bytes) -> None:
        """Forget everything of a group; one that is absent is no error."""
        with self._database.change() as connection:
            connection.execute("DELETE FROM mls_group WHERE group_id = ?", (group_id,))


class SqliteKeyPackageStorage:
    """A KeyPackageStorage in SQLite."""

    def __init__(self, database: SqliteDatabase) -> None:
        self._database = database

    def insert(self, reference: bytes, key_package: bytes, not_after: int) -> None:
        """See KeyPackageStorage."""
        with self._database.change() as connection:
            connection.execute(
                "INSERT OR REPLACE INTO mls_key_package VALUES (?, ?, ?)",
                (reference, key_package, min(not_after, _MAX_INTEGER)),
            )

    def get(self, reference: bytes) -> bytes | None:
        """See KeyPackageStorage."""
        return self._database.octets("SELECT key_package FROM mls_key_package WHERE reference = ?", reference)

    def delete(self, reference: bytes) -> None:
        """See KeyPackageStorage."""
        with self._database.change() as connection:
            connection.execute("DELETE FROM mls_key_package WHERE reference = ?", (reference,))

    def delete_expired(self, now: int) -> None:
        """Erase the key packages that were valid until before `now` (Unix seconds)."""
        with self._database.change() as connection:
            connection.execute("DELETE FROM mls_key_package WHERE not_after < ?", (now,))


class SqlitePreSharedKeyStorage:
    """A PreSharedKeyStorage in SQLite."""

    def __init__(self, database: SqliteDatabase) -> None:
        self._database = database

    def get(self, psk_id: bytes) -> bytes | None:
        """See PreSharedKeyStorage."""
        return self._database.octets("SELECT psk FROM mls_psk WHERE psk_id = ?", psk_id)

    def insert(self, psk_id: bytes, psk: bytes) -> None:
        """Keep a pre-shared key."""
        with self._database.change() as connection:
            connection.execute("INSERT OR REPLACE INTO mls_psk VALUES (?, ?)", (psk_id, psk))

    def delete(self, psk_id: bytes) -> None:
        """Forget a pre-shared key; one that is absent is no error."""
        with self._database.change() as connection:
            connection.execute("DELETE FROM mls_psk WHERE psk_id = ?", (psk_id,))
