"""The directory in which accounts meet: private to one user, with one socket for each service.

A socket is named after the public key and the port. The name only finds it: `proof` shows who answers.
All functions here but `default_directory` and `socket_path` block for a moment: call them from a worker thread.
"""

import os
import socket
import stat
from base64 import b32decode, b32encode
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from itertools import count
from pathlib import Path
from typing import Final

from balchat_common.unix_sockets import MAX_PATH

from balchat_host.api.errors import NetworkUnavailable
from balchat_host.api.types import OnionKey

BACKLOG: Final = 64
"""At most this many streams wait to be accepted."""

_NAME: Final = "balchat-null"
MAX_DIRECTORY: Final = MAX_PATH - len("/") - 52 - len(".65535")
"""Octets of the longest path of a directory: behind it stand the key and the port."""
_PRIVATE: Final = 0o700
_OTHERS: Final = 0o077
_fresh: Final = count()


def default_directory(environment: Mapping[str, str] = os.environ) -> Path:
    """Return where accounts meet if nothing else is set: the same place for every process of one user."""
    for parent in (environment.get("XDG_RUNTIME_DIR", ""), f"/run/user/{os.geteuid()}"):
        directory = Path(parent, _NAME)
        fits = directory.is_absolute() and len(os.fsencode(directory)) <= MAX_DIRECTORY
        if fits and os.access(parent, os.W_OK | os.X_OK):
            return directory
    return Path("/tmp", f"{_NAME}-{os.geteuid()}")  # noqa: S108  # what is made in it is made private, and checked


def socket_path(directory: Path, address: OnionKey, port: int) -> Path:
    """Return where `address` answers on `port`. Raise NetworkUnavailable if the path is too long for a socket."""
    if len(os.fsencode(directory)) > MAX_DIRECTORY:
        raise NetworkUnavailable(
            problem=f"the path of its directory is too long for a socket: {directory}",
            remedy="Set settings.network_null.directory to a shorter one.",
        )
    return directory / f"{b32encode(address.octets).decode().lower().rstrip('=')}.{port}"


def services(directory: Path) -> list[tuple[OnionKey, int]]:
    """Return the address and port of every socket in the directory, whether it answers or not."""
    found: list[tuple[OnionKey, int]] = []
    for name in sorted(path.name for path in directory.iterdir()):
        key, _, port = name.partition(".")
        if key:
            found.append((OnionKey(b32decode(key.upper() + "====")), int(port)))
    return found


def make_private(directory: Path) -> None:
    """Make the directory, or check that only we can enter the one that is there. Raise NetworkUnavailable."""
    try:
        directory.mkdir(mode=_PRIVATE, exist_ok=True)
        status = directory.lstat()
    except OSError as error:
        raise NetworkUnavailable(
            problem=f"{directory} cannot be used ({error.strerror})",
            remedy="Set settings.network_null.directory to another one.",
        ) from error
    if not stat.S_ISDIR(status.st_mode) or status.st_uid != os.geteuid() or status.st_mode & _OTHERS:
        raise NetworkUnavailable(
            problem=f"{directory} is not a directory that only you can enter",
            remedy="Make it one (chmod 700), or set settings.network_null.directory to another.",
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Listener:
    """A socket that listens, and what its file was when we made it."""

    socket: socket.socket
    path: Path
    inode: int

    def remove(self) -> None:
        """Remove the file, unless somebody else has taken the place. Call it while the socket is open.

        As long as it is, the system gives its inode to no other file.
        """
        with suppress(FileNotFoundError):
            if self.path.lstat().st_ino == self.inode:
                self.path.unlink()


def listen(path: Path) -> Listener:
    """Listen at `path`; whoever listens later takes the place, as an onion's newest descriptor does. Raise OSError.

    The socket is made under another name and renamed, so that nobody finds one that does not listen yet.
    """
    fresh = path.with_name(f".{os.getpid()}.{next(_fresh)}")
    fresh.unlink(missing_ok=True)
    listening = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM | socket.SOCK_NONBLOCK)
    try:
        listening.bind(os.fspath(fresh))
        fresh.chmod(0o600)
        listening.listen(BACKLOG)
        listener = Listener(socket=listening, path=path, inode=fresh.lstat().st_ino)
        fresh.rename(path)
    except BaseException:
        listening.close()
        fresh.unlink(missing_ok=True)
        raise
    return listener
