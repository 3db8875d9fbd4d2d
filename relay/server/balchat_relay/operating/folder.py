"""The relay's data folder: its onion key, its settings, its database, its sockets. All of it is private to its user.

The onion's key lies in the clear in a file (0600), because a relay must come up again without a person. Whoever steals
it can pretend to be the relay, and open nothing that lies in it.
"""

import os
import secrets
import stat
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from balchat_relay_proto.replies import Creation
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

SEED_SIZE: Final = 32
_PRIVATE: Final = 0o077

_SETTINGS: Final = """\
# Settings of this relay. README.md of balchat-relay lists every key; what is absent has its default.

[relay]
# Who may create queues: "open" (anybody, within limits.creations_per_minute), "invitation" (`balchat-relay invite`
# makes them), "password".
creation = "{creation}"
{password}
# Health and Prometheus metrics, at a port of this machine only.
# metrics = "127.0.0.1:9464"

[limits]
# envelopes_mib = 65536
# max_age_days = 21

[tor]
# Without anything here the relay starts a tor of its own.
# control = "127.0.0.1:9051"
"""


class FolderProblem(Exception):
    """The folder cannot be used; the message says why and what to do."""


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
        """Make folder, key and settings. Raises FolderProblem where a relay is there already."""
        self.path.mkdir(mode=0o700, parents=True, exist_ok=True)
        if self.key.exists():
            raise FolderProblem(f"{self.path} has a relay already. Nothing was changed.")
        self.path.chmod(0o700)
        password = f'password = "{secrets.token_urlsafe(18)}"' if creation is Creation.PASSWORD else ""
        _write(self.settings, _SETTINGS.format(creation=creation, password=password))
        # The key comes last: a folder with a key is whole.
        _write(self.key, secrets.token_hex(SEED_SIZE) + "\n")

    def read_seed(self) -> bytes:
        """Read the onion's seed. Raises FolderProblem."""
        try:
            mode = self.key.stat().st_mode
            text = self.key.read_text()
        except FileNotFoundError:
            raise FolderProblem(f"{self.path} has no relay. `balchat-relay init` makes one.") from None
        except OSError as error:
            raise FolderProblem(f"{self.key} cannot be read: {error.strerror}.") from error
        if stat.S_IMODE(mode) & _PRIVATE:
            raise FolderProblem(f"Others may read {self.key}. `chmod 600` it, and consider the key as known to them.")
        try:
            seed = bytes.fromhex(text.strip())
        except ValueError:
            seed = b""
        if len(seed) != SEED_SIZE:
            raise FolderProblem(f"{self.key} is damaged. Restore it from a backup: without it the address is lost.")
        return seed

    def relay_key(self) -> bytes:
        """Give the public half of the onion's key. Raises FolderProblem."""
        return Ed25519PrivateKey.from_private_bytes(self.read_seed()).public_key().public_bytes_raw()


def _write(path: Path, text: str) -> None:
    """Write a new private file through to the disk."""
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "w") as file:
        os.fchmod(descriptor, 0o600)
        file.write(text)
        file.flush()
        os.fsync(descriptor)
