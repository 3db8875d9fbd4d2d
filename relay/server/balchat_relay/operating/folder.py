"""The relay's data folder: its onion key, its settings, its database, its sockets. All of it is private to its user.

The onion's key lies in the clear in a file (0600), because a relay must come up again without a person. Whoever steals
it can pretend to be the relay, and open nothing that lies in it.
"""

import errno
import os
import secrets
import sqlite3
import stat
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from balchat_common.text_files import decoded
from balchat_relay_proto.replies import Creation
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from balchat_relay.errors import FolderProblem, KeyUnusable, NoRelay, RelayExists, StoreMissing
from balchat_relay.storage.sqlite import schema

ROOT: Final = 0
SEED_SIZE: Final = 32
_PRIVATE: Final = 0o077

_SETTINGS: Final = """\
# Settings of this relay. README.md of balchat-relay lists every key; what is absent has its default.

[relay]
# Who may create queues: "open" (anybody, within limits.creations_per_minute), "invitation" (`balchat-relay invite`
# makes them), "password".
creation = "{creation}"
{password}
# What keeps everything: "sqlite", or another store that is installed.
# store = "sqlite"

# Health and Prometheus metrics, at a port of this machine only.
# metrics = "127.0.0.1:9464"

[limits]
# envelopes_mib = 65536
# max_age_days = 21

[tor]
# Without anything here the relay starts a tor of its own.
# control = "127.0.0.1:9051"
"""


@dataclass(frozen=True, slots=True)
class Folder:
    """Paths inside of a relay's data folder."""

    path: Path

    @property
    def key(self) -> Path:
        """The onion's seed, as hexadecimal digits."""
        return self.path / "onion.key"

    @property
    def settings(self) -> Path:
        """The settings."""
        return self.path / "relay.toml"

    @property
    def database(self) -> Path:
        """The database."""
        return self.path / "relay.db"

    @property
    def store(self) -> Path:
        """Where a store that is not the relay's own has its files."""
        return self.path / "store"

    @property
    def control(self) -> Path:
        """The unix socket by which `status` and `drain` reach the running relay."""
        return self.path / "control"

    @property
    def lock(self) -> Path:
        """Held by the running relay."""
        return self.path / "lock"

    @property
    def tor(self) -> Path:
        """The tor's own folder."""
        return self.path / "tor"

    def make(self, *, creation: Creation) -> None:
        """Make folder, store, settings and key. Raise RelayExists, FolderProblem, StoreUnusable."""
        if self.key.exists():
            raise RelayExists(f"{self.path} has a relay already. Nothing was changed.")
        # One in which nothing is comes from an `init` that did not end.
        if self._missing() is None and schema.has_queues(self.database):
            raise RelayExists(
                f"{self.path} has a relay's store, and no key. Restore onion.key from a backup, or take another folder."
            )
        try:
            self.path.mkdir(mode=0o700, parents=True, exist_ok=True)
            self.path.chmod(0o700)
            self._make_store()
            password = f'password = "{secrets.token_urlsafe(18)}"' if creation is Creation.PASSWORD else ""
            _write(self.settings, _SETTINGS.format(creation=creation, password=password))
            # The key comes last: a folder with a key is whole.
            _write(self.key, secrets.token_hex(SEED_SIZE) + "\n")
        except OSError as error:
            raise unusable(self.path, error) from error

    def new_store(self) -> None:
        """Begin with an empty store under the key that is there.

        Raise RelayExists where there is a store, and what `read_seed` does.
        """
        self.read_seed()
        if self._missing() is None:
            raise RelayExists(f"{self.database} is there already. Nothing was changed.")
        try:
            self._make_store()
        except OSError as error:
            raise unusable(self.path, error) from error

    def require_store(self) -> None:
        """Raise StoreMissing where there is a key and no store.

        A relay that began with an empty store then would tell everybody that their queues never existed.
        """
        if (how := self._missing()) is not None:
            raise self.store_missing(how)

    def store_missing(self, how: str) -> StoreMissing:
        """Return what to raise where the store is not there."""
        return StoreMissing(
            f"{self.path} has a relay's key, but its store, {self.database.name}, is {how}. Is a volume not mounted, or"
            " is this another folder? Then mend that, or restore a backup. `balchat-relay init --empty-store` begins"
            " with an empty store on purpose: what waited in the old one is lost, and people's queues are made again as"
            " they come."
        )

    def _missing(self) -> str | None:
        """Return in what way the store is not there, or None where something is. Raise FolderProblem."""
        try:
            with self.database.open("rb") as file:
                head = file.read(schema.HEAD_SIZE)
        except (FileNotFoundError, NotADirectoryError):
            return "missing"
        except OSError as error:
            raise unusable(self.database, error) from error
        return "empty" if schema.is_empty(head) else None

    def cannot_open(self, error: sqlite3.Error) -> FolderProblem:
        """Return what to raise where the database cannot be opened."""
        disk = os.statvfs(self.path)
        if not disk.f_bavail:
            return unusable(self.database, OSError(errno.ENOSPC, os.strerror(errno.ENOSPC)))
        if disk.f_flag & os.ST_RDONLY:
            return unusable(self.database, OSError(errno.EROFS, os.strerror(errno.EROFS)))
        return FolderProblem(f"{self.database} cannot be opened: {error}. `balchat-relay check` looks at it.")

    def no_relay(self) -> NoRelay:
        """Return what to raise where nothing was ever made."""
        return NoRelay(f"{self.path} has no relay. `balchat-relay init` makes one.")

    def _make_store(self) -> None:
        self.database.touch(mode=0o600)
        self.database.chmod(0o600)
        try:
            schema.create(self.database)
        except sqlite3.Error as error:
            raise FolderProblem(f"{self.database} cannot be made: {error}.") from error

    def read_seed(self) -> bytes:
        """Read the onion's seed. Raise NoRelay, KeyUnusable, FolderProblem."""
        try:
            status = self.key.stat()
            octets = self.key.read_bytes()
        except (FileNotFoundError, NotADirectoryError):
            raise self.no_relay() from None
        except OSError as error:
            raise unusable(self.key, error) from error
        self._require_private(status)
        try:
            seed = bytes.fromhex(decoded(octets).strip())
        except ValueError:
            seed = b""
        if len(seed) != SEED_SIZE:
            raise KeyUnusable(f"{self.key} is damaged. Restore it from a backup: without it the address is lost.")
        return seed

    def _require_private(self, status: os.stat_result) -> None:
        """Raise KeyUnusable where somebody else may have written the key, or may read it by our own fault.

        Containers hand secrets over as files of root's that nothing may write to, with the modes 0400, 0440 or 0444.
        """
        mode = stat.S_IMODE(status.st_mode)
        if status.st_uid not in {ROOT, os.geteuid()}:
            raise KeyUnusable(f"{self.key} belongs to somebody else. Make it your own, or root's.")
        if mode & (stat.S_IWGRP | stat.S_IWOTH):
            raise KeyUnusable(f"Others may write {self.key}. `chmod 600` it, and look whether it is still yours.")
        if mode & _PRIVATE and mode & stat.S_IWUSR:
            raise KeyUnusable(f"Others may read {self.key}. `chmod 600` it, and consider the key as known to them.")

    def relay_key(self) -> bytes:
        """Return the public half of the onion's key. Raise what `read_seed` does."""
        return Ed25519PrivateKey.from_private_bytes(self.read_seed()).public_key().public_bytes_raw()


_REMEDIES: Final = {
    errno.EROFS: " Mount it for writing.",
    errno.ENOSPC: " Make room on its disk.",
    errno.EDQUOT: " Make room on its disk.",
    errno.EACCES: " Give it to the user that runs the relay.",
    errno.EPERM: " Give it to the user that runs the relay.",
    errno.ENOTDIR: " Name another folder.",
}


def unusable(path: Path, error: OSError) -> FolderProblem:
    """Return what to raise where the system does not let us have a file."""
    remedy = _REMEDIES.get(error.errno or 0, "")
    return FolderProblem(f"{error.filename or path} cannot be used: {error.strerror or type(error).__name__}.{remedy}")


def _write(path: Path, text: str) -> None:
    """Write a new private file through to the disk.

    It takes the place of what an `init` that did not end has left, or somebody else had put there: it follows no link,
    and is nobody else's.
    """
    path.unlink(missing_ok=True)
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
    with os.fdopen(descriptor, "w") as file:
        file.write(text)
        file.flush()
        os.fsync(descriptor)
