"""A disk whose power fails, under databases of `sqlite3` and plain files.

SQLite syncs its files by itself, where Python does not see it. What it promises hangs on two settings of a connection:
with `synchronous` FULL, which is the default, and a journal that is a file, what is committed is on the disk. So a
database that was only written like that keeps what it has; one that was written otherwise falls back to what was there
when the test began. Only connections are seen that `sqlite3.connect` makes while this is entered.
"""

import os
import re
import sqlite3
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Any, Final, Self
from urllib.parse import unquote, urlsplit

from balchat_host.testing.power import LossyDisk

_FILES: Final = ("", "-wal", "-journal")
"""What is behind the name of a database's files. Nothing of `-shm` is needed after a power failure."""
_READS: Final = frozenset(
    {"SELECT", "VALUES", "EXPLAIN", "PRAGMA", "ATTACH", "DETACH", "BEGIN", "SAVEPOINT", "RELEASE", "ROLLBACK", "COMMIT"}
)
"""How statements begin that change nothing by themselves."""
_SETTING: Final = re.compile(
    r"\s*PRAGMA\s+(?:\w+\s*\.\s*)?(synchronous|journal_mode)\s*[=(]\s*['\"]?(\w+)", re.IGNORECASE
)
_ENOUGH: Final = {
    "synchronous": frozenset({"full", "extra", "2", "3"}),
    "journal_mode": frozenset({"wal", "delete", "truncate", "persist"}),
}


class SqliteDisk(LossyDisk):
    """The files in some folders, and the databases among them."""

    _connect: Callable[..., sqlite3.Connection]

    async def __aenter__(self) -> Self:
        await super().__aenter__()
        self._databases: dict[Path, list[_Written]] = {}
        self._connect, sqlite3.connect = sqlite3.connect, self._watched
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        sqlite3.connect = self._connect
        await super().__aexit__(kind, value, trace)

    def off(self) -> None:
        if not self.is_off:
            for path, connections in self._databases.items():
                if all(each.safely for each in connections):
                    for suffix in _FILES:
                        self._note_file(path.with_name(path.name + suffix))
        super().off()

    def _watched(self, database: Any, *args: Any, **more: Any) -> sqlite3.Connection:
        connection = self._connect(database, *args, **more)
        if path := _path(database):
            written = _Written()
            connection.set_trace_callback(written.note)
            self._databases.setdefault(path, []).append(written)
        return connection

    def _note_file(self, path: Path) -> None:
        """Note what a file holds, and its name in its folder; or that it has none any more."""
        names = self._names.get(path.parent.stat().st_ino, {})
        names.pop(path.name, None)
        with suppress(FileNotFoundError):
            descriptor = os.open(path, os.O_RDONLY)
            self._note(descriptor)
            names[path.name] = (os.fstat(descriptor).st_ino, False)
            os.close(descriptor)


class _Written:
    """What one connection does."""

    def __init__(self) -> None:
        self.safely = True
        """Whether each of its changes was made with settings under which a commit waits for the disk."""
        self._waits = {"synchronous": True, "journal_mode": True}

    def note(self, statement: str) -> None:
        """Take note of a statement that begins."""
        if setting := _SETTING.match(statement):
            name = setting[1].lower()
            self._waits[name] = setting[2].lower() in _ENOUGH[name]
        elif (statement.split(maxsplit=1) or [""])[0].upper().rstrip(";") not in _READS:
            self.safely = self.safely and all(self._waits.values())


def _path(database: Any) -> Path | None:
    """Return where a database is, or None where it is in memory."""
    name = os.fsdecode(database)
    if name.startswith("file:"):
        name = unquote(urlsplit(name).path)
    return None if name in {"", ":memory:"} else Path(name).absolute()
