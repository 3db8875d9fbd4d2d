"""Where a vault lies, who may touch it, and how its files are written (docs/spec/vault.md, section 2).

    DIRECTORY/vault.lock            held by the process that has the vault open
    DIRECTORY/vault/header          the key slots
    DIRECTORY/vault/database        SQLCipher; beside it, while it is open, database-wal and database-shm

The folder `vault` comes into being by one rename of `vault.new`, so that there is a whole vault or none.
"""

import fcntl
import os
import shutil
import stat
from collections.abc import Generator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Self

from balchat_host.api.errors import VaultDamaged, VaultExposed, VaultInUse
from balchat_storage_sqlcipher.header import MAX_HEADER_SIZE

_NOT_OURS: Final = stat.S_IRWXG | stat.S_IRWXO
_WRITABLE_BY_OTHERS: Final = stat.S_IWGRP | stat.S_IWOTH


@dataclass(frozen=True, slots=True)
class VaultFiles:
    """The paths of a vault."""

    directory: Path
    name: str = "vault"

    @property
    def folder(self) -> Path:
        return self.directory / self.name

    @property
    def header(self) -> Path:
        return self.folder / "header"

    @property
    def database(self) -> Path:
        return self.folder / "database"

    @property
    def log(self) -> Path:
        """SQLite's write-ahead log."""
        return self.folder / "database-wal"

    @property
    def log_index(self) -> Path:
        """SQLite's index of the log, shared memory while the vault is open."""
        return self.folder / "database-shm"

    @property
    def new(self) -> Self:
        """The paths while the vault is being made."""
        return type(self)(self.directory, "vault.new")

    def require_own_directory(self) -> None:
        """Raise VaultExposed where somebody else could put another vault in place of this one."""
        status = self.directory.stat()
        if status.st_uid != os.geteuid() or status.st_mode & _WRITABLE_BY_OTHERS:
            raise VaultExposed(problem="the folder that it lies in belongs to, or can be changed by, somebody else")

    def require_private(self) -> None:
        """Raise VaultExposed where anybody else could reach a file of the vault."""
        if not stat.S_ISDIR(self.folder.lstat().st_mode):
            raise VaultDamaged(problem="in place of its folder lies something else")
        for path in (self.folder, *sorted(self.folder.iterdir())):
            status = path.lstat()
            if status.st_uid != os.geteuid():
                raise VaultExposed(problem=f"{path.name} belongs to somebody else")
            if status.st_mode & _NOT_OURS:
                raise VaultExposed(problem=f"{path.name} has the mode {stat.S_IMODE(status.st_mode):04o}")

    def read_header(self) -> bytes:
        """Read the header, and hardly more than it may have. Raise VaultDamaged where there is none."""
        try:
            # O_NONBLOCK: a named pipe must be refused below, not waited for.
            descriptor = os.open(self.header, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
        except FileNotFoundError:
            raise VaultDamaged(problem="its header is missing") from None
        with os.fdopen(descriptor, "rb") as file:
            if not stat.S_ISREG(os.fstat(descriptor).st_mode):
                raise VaultDamaged(problem="its header is no ordinary file")
            return file.read(MAX_HEADER_SIZE + 1)

    def write_header(self, octets: bytes) -> None:
        """Put a header in place of the one before; after a crash, the one or the other is there, whole."""
        new = self.folder / "header.new"
        new.unlink(missing_ok=True)
        make_file(new, octets)
        new.replace(self.header)
        sync(self.folder)

    def require_database(self) -> None:
        """Raise VaultDamaged where there is no database. An empty file would be taken for a new one."""
        try:
            status = self.database.stat()
        except FileNotFoundError:
            raise VaultDamaged(problem="its database is missing") from None
        if not stat.S_ISREG(status.st_mode):
            raise VaultDamaged(problem="its database is no ordinary file")
        if status.st_size == 0:
            raise VaultDamaged(problem="its database is empty")


class VaultLock:
    """Keeps every other process away from a vault. The system lets go of it when the process ends, however it ends."""

    def __init__(self, directory: Path) -> None:
        """Take the lock. Raise VaultInUse."""
        self._descriptor = os.open(
            directory / "vault.lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, mode=0o600
        )
        try:
            fcntl.flock(self._descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(self._descriptor)
            raise VaultInUse from None

    def release(self) -> None:
        """Let go of it, once."""
        os.close(self._descriptor)


@contextmanager
def locked_while_failing(directory: Path) -> Generator[VaultLock]:
    """Take the lock, and let go of it only when the block raises."""
    lock = VaultLock(directory)
    try:
        yield lock
    except BaseException:
        lock.release()
        raise


def make_folder(folder: Path) -> None:
    """Make a folder, and those above it that are not there, ours alone whatever the umask says."""
    for each in (*reversed(folder.parents), folder):
        if not each.is_dir():
            each.mkdir(mode=0o700, exist_ok=True)


def remove_tree(folder: Path) -> None:
    """Remove a folder with all that is in it, as far as that can be done."""
    shutil.rmtree(folder, ignore_errors=True)


def make_file(path: Path, octets: bytes = b"") -> None:
    """Make a file with the mode 0600, and wait until it is on the disk."""
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC | os.O_NOFOLLOW, mode=0o600)
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(octets)
            file.flush()
            os.fsync(file.fileno())
    except BaseException:
        with suppress(OSError):
            path.unlink()
        raise


def sync(path: Path) -> None:
    """Wait until a file's contents, or a folder's names, are on the disk."""
    descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
