"""The SQLCipher driver: which one is used, and how a connection is opened.

`sqlcipher3` is the driver; an importable `pysqlcipher3` takes its place only where it brings a SQLCipher that is new
enough. docs/decisions/0002-sqlcipher-driver.md says why.
"""

import re
from collections.abc import Callable, Generator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from enum import StrEnum
from functools import cache
from importlib import import_module
from pathlib import Path
from types import ModuleType
from typing import Final, Protocol, Self

from balchat_host.api.errors import LibraryTooOld, StorageFailed
from balchat_host.api.storage import SqlRow, SqlValue
from balchat_storage_sqlcipher.data_key import DataKey
from balchat_storage_sqlcipher.faults import fault

MINIMUM_SQLCIPHER: Final = (4, 14)
"""Older ones are built on an SQLite whose write-ahead log can corrupt the database."""

_DRIVERS: Final = ("sqlcipher3.dbapi2", "pysqlcipher3.dbapi2")

_PRAGMAS: Final = (
    "synchronous = FULL",
    "temp_store = MEMORY",  # FILE writes plaintext
    "cache_size = -32768",
    "foreign_keys = ON",
    "secure_delete = ON",  # what is deleted is overwritten
    "trusted_schema = OFF",
)


class Cursor(Protocol):
    """The part of a DB-API cursor that is used."""

    rowcount: int

    def execute(self, sql: str, parameters: Sequence[SqlValue] = (), /) -> Self: ...
    def fetchall(self) -> list[SqlRow]: ...


class Connection(Protocol):
    """The part of a DB-API connection that is used."""

    @property
    def in_transaction(self) -> bool: ...
    def cursor(self) -> Cursor: ...
    def close(self) -> None: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Driver:
    """A usable driver. `version` is SQLCipher's; `errors` are the exceptions of its own."""

    name: str
    version: str
    connect: Callable[..., Connection]
    errors: tuple[type[Exception], ...]

    @contextmanager
    def faults(self) -> Generator[None]:
        """Raise, for an error of the driver inside the block, what the contract calls it."""
        try:
            yield
        except self.errors as error:
            raise fault(error) from error


@cache
def find_driver() -> Driver:
    """Return the driver to use. Raise LibraryTooOld, and ImportError where none is installed."""
    too_old: list[LibraryTooOld] = []
    for module_name in _DRIVERS:
        try:
            module = import_module(module_name)
        except ImportError:
            continue
        name, version = module_name.partition(".")[0], _sqlcipher_version(module)
        if _numbers(version) >= MINIMUM_SQLCIPHER:
            _bind_as_they_are(module)
            return Driver(name=name, version=version, connect=module.connect, errors=(module.Error, module.Warning))
        too_old.append(
            LibraryTooOld(
                library=f"the SQLCipher of {name}",
                version=version or "(none)",
                minimum=".".join(map(str, MINIMUM_SQLCIPHER)),
            )
        )
    if too_old:
        raise too_old[0]
    raise ImportError("no SQLCipher driver is installed; install sqlcipher3")


class Access(StrEnum):
    """What a connection may do."""

    WRITE = "write"
    VIEW = "view"
    """No statement changes anything; closing may still move what is in the log into the database."""
    LOOK = "look"
    """Nothing changes the database or its log."""
    ALONE = "alone"
    """A database that nobody else has, and nobody wants if we are cut short: it needs no log."""


def open_database(driver: Driver, path: Path, key: DataKey, access: Access = Access.WRITE) -> Connection:
    """Open the existing database file at `path`, which may be empty, for any one thread at a time.

    Raise the driver's errors, and StorageFailed where the file system cannot hold a write-ahead log.
    """
    connection = driver.connect(
        f"{path.absolute().as_uri()}?mode={'ro' if access is Access.LOOK else 'rw'}",  # a missing file is not made
        uri=True,
        isolation_level=None,
        check_same_thread=False,
        cached_statements=256,
    )
    try:
        cursor = connection.cursor()
        cursor.execute("PRAGMA cipher_log_level = NONE")
        _set_key(connection, key)
        if access is Access.ALONE:
            cursor.execute("PRAGMA journal_mode = MEMORY").fetchall()
        else:
            _require_log(cursor)
        for pragma in _PRAGMAS:
            cursor.execute(f"PRAGMA {pragma}")
        if access is Access.VIEW:
            cursor.execute("PRAGMA query_only = ON")
    except BaseException:
        connection.close()
        raise
    return connection


def _require_log(cursor: Cursor) -> None:
    if cursor.execute("PRAGMA journal_mode = WAL").fetchall() != [("wal",)]:
        raise StorageFailed(problem="its file system cannot hold a write-ahead log")


def _set_key(connection: Connection, key: DataKey) -> None:
    with key.specification() as specification:
        set_key: Callable[[bytearray], None] | None = getattr(connection, "set_key", None)
        if set_key is not None:
            set_key(specification)
        else:  # pysqlcipher3
            connection.cursor().execute(f'PRAGMA key = "{specification.decode()}"')


def _bind_as_they_are(module: ModuleType) -> None:
    """Have the driver look for no other form of values that need none: that takes longer than to bind them."""
    for kind, adapter in ((bytes, bytes), (bool, int), (type(None), _same)):
        module.register_adapter(kind, adapter)


def _same(value: None) -> None:
    return value


def _sqlcipher_version(module: ModuleType) -> str:
    """Ask for SQLCipher's version, such as `4.19.0 community`; empty where the driver has no SQLCipher in it."""
    connection: Connection = module.connect(":memory:")
    try:
        rows = connection.cursor().execute("PRAGMA cipher_version").fetchall()
    finally:
        connection.close()
    return str(rows[0][0]) if rows else ""


def _numbers(version: str) -> tuple[int, ...]:
    return tuple(int(number) for number in re.findall(r"\d+", version.partition(" ")[0]))
