"""Copies of a vault: written while it is in use, and made into a vault again (docs/spec/vault.md, section 7).

A copy says what the host has it say of itself before anybody can open it: its header is written last.
"""

import fcntl
import os
import shutil
from collections.abc import Callable
from contextlib import closing, suppress
from pathlib import Path
from tempfile import mkdtemp
from typing import Final, Self

from balchat_host.api.errors import BadInput, VaultDamaged, VaultInUse
from balchat_host.api.storage import Transaction
from balchat_storage_sqlcipher.data_key import DataKey
from balchat_storage_sqlcipher.driver import Access, Connection, Driver, find_driver, open_database
from balchat_storage_sqlcipher.faults import disk_faults
from balchat_storage_sqlcipher.files import VaultFiles, make_file, remove_tree, sync
from balchat_storage_sqlcipher.log_check import require_whole_log
from balchat_storage_sqlcipher.transaction import run_alone

Amend = Callable[[Transaction], object]

_WHOLE: Final = {"PRAGMA cipher_integrity_check": [], "PRAGMA quick_check": [("ok",)]}
"""What these say of a database in which every page is as it was written, and in its place."""


def write_backup(
    driver: Driver, connect: Callable[[Path | None, Access], Connection], header: bytes, target: Path, amend: Amend
) -> None:
    """Write a copy of a vault, with this header and amended, to `target`.

    `connect` opens the vault's database, or another one with the same key. The copy is made beside `target` in a folder
    named `.NAME.…`, which a crash may leave, and put there by one rename.
    """
    with disk_faults():
        if target.exists() or target.is_symlink():
            raise BadInput(what=str(target), problem="it is there already; choose another path for the copy")
        if not target.parent.is_dir():
            raise BadInput(
                what=str(target.parent), problem="there is no such folder to put the copy into; make it first"
            )
        unfinished = Path(mkdtemp(prefix=f".{target.name}.", dir=target.parent))
        try:
            files = VaultFiles(unfinished)
            files.folder.mkdir(mode=0o700)
            make_file(files.database)  # before SQLite would, which would give it a wider mode
            with driver.faults():
                with closing(connect(None, Access.WRITE)) as origin:
                    # One statement, so one consistent view. The copy has the key of the database it is made from.
                    origin.cursor().execute("VACUUM INTO ?", (str(files.database),))
                with closing(connect(files.database, Access.ALONE)) as copy:
                    run_alone(driver, copy, amend)
            sync(files.database)
            make_file(files.header, header)
            sync(files.folder)
            sync(unfinished)
            unfinished.rename(target)
            sync(target.parent)
        except BaseException:
            remove_tree(unfinished)
            raise


class Backup:
    """A copy of a vault, or the vault of another account, which nobody opens while we read it.

    Its modes may be any: it may lie where there are none, and what it holds is locked.
    """

    def __init__(self, source: Path) -> None:
        self._source = source
        self._lock: int | None = None

    def __enter__(self) -> Self:
        """Find it. Raise BadInput, VaultInUse."""
        named = VaultFiles(self._source)
        inside = VaultFiles(self._source.parent, self._source.name)
        # Both `backup` and `backup/vault` name it.
        self.files = inside if inside.header.is_file() and not named.folder.exists() else named
        if not self.files.folder.is_dir():
            raise BadInput(what=str(self._source), problem="there is no backup here; it is a folder with `vault` in it")
        with suppress(FileNotFoundError):  # no process has ever opened it
            # O_NONBLOCK: whoever has put a named pipe there must not make us wait.
            flags = os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC
            self._lock = os.open(self.files.directory / "vault.lock", flags)
            try:
                fcntl.flock(self._lock, fcntl.LOCK_SH | fcntl.LOCK_NB)
            except BlockingIOError:
                self.__exit__()
                raise VaultInUse from None
        return self

    def __exit__(self, *_: object) -> None:
        if self._lock is not None:
            os.close(self._lock)
            self._lock = None

    def copy_to(self, files: VaultFiles, data_key: DataKey, amend: Amend) -> None:
        """Make an amended copy, of which every page is whole. Raise VaultDamaged, and what `amend` does."""
        self.files.require_database()
        files.folder.mkdir(mode=0o700)
        # What a process that was killed has left in the log belongs to the vault as well.
        for origin, copy in (
            (self.files.database, files.database),
            (self.files.log, files.log),
            (self.files.log_index, files.log_index),
        ):
            if origin.exists():
                if not origin.is_file():
                    raise VaultDamaged(problem=f"{origin.name} is no ordinary file")
                make_file(copy)
                shutil.copyfile(origin, copy)
        require_whole_log(files)
        driver = find_driver()
        with driver.faults(), closing(open_database(driver, files.database, data_key)) as connection:
            _require_whole(connection)
            run_alone(driver, connection, amend)
        sync(files.database)
        files.write_header(self.files.read_header())


def _require_whole(connection: Connection) -> None:
    cursor = connection.cursor()
    cursor.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()
    for pragma, expected in _WHOLE.items():
        if cursor.execute(pragma).fetchall() != expected:
            raise VaultDamaged(problem="a page of its database is not as it was written")
