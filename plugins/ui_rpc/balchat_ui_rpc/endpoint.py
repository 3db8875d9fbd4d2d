"""Where an account's socket lies: in the private runtime directory that the host gives each account.

All functions block for a moment: call them from a worker thread.
"""

import fcntl
import os
import socket
import stat
from collections.abc import Generator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

from balchat_common.unix_sockets import MAX_PATH

from balchat_host.api.errors import AlreadyRunning, SocketUnusable
from balchat_host.api.frontend import FrontEndContext

_NAME: Final = "rpc.sock"

_BACKLOG: Final = 64
"""Clients that may wait to be accepted."""

_PATIENCE: Final = 10.0
"""Seconds to wait in that queue, as a client."""

_OTHERS: Final = 0o077


@dataclass(frozen=True, slots=True, kw_only=True)
class Bound:
    """A listening socket, and the file that leads to it."""

    socket: socket.socket
    path: Path
    inode: int


def socket_path(context: FrontEndContext) -> Path:
    """Return the path of an account's socket."""
    return context.runtime_directory / _NAME


def listen(context: FrontEndContext) -> Bound:
    """Listen for an account's clients, in place of a process that has died.

    Raise AlreadyRunning where one lives, SocketUnusable.
    """
    path = socket_path(context)
    if len(os.fsencode(path)) > MAX_PATH:
        raise SocketUnusable(problem=f"its path {path} is longer than {MAX_PATH} octets; choose a shorter one")
    with _locked(path.parent):
        _remove_dead(path)
        listening = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        try:
            listening.bind(os.fspath(path))
            path.chmod(0o600)
            listening.listen(_BACKLOG)
            listening.settimeout(0)
            return Bound(socket=listening, path=path, inode=path.lstat().st_ino)
        except OSError as error:
            listening.close()
            path.unlink(missing_ok=True)
            raise SocketUnusable(problem=f"{path}: {error.strerror}") from error


def reach(context: FrontEndContext) -> socket.socket | None:
    """Connect to the process that serves an account; None where none does. Raise SocketUnusable."""
    path = socket_path(context)
    connected = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    connected.settimeout(_PATIENCE)
    try:
        os.close(_open_directory(path.parent))
        connected.connect(os.fspath(path))
    except (FileNotFoundError, ConnectionRefusedError):
        connected.close()
        return None
    except SocketUnusable:
        connected.close()
        raise
    except OSError as error:
        connected.close()
        raise SocketUnusable(problem=f"{path}: {error.strerror or 'nobody takes the connection'}") from error
    return connected


def is_in_place(bound: Bound) -> bool:
    """Return whether the socket's file still leads to us."""
    try:
        return bound.path.lstat().st_ino == bound.inode
    except OSError:
        return False


def listen_again(context: FrontEndContext) -> Bound:
    """Listen once more, because the socket's file is gone; its directory may be gone too, and be another one then.

    Raise AlreadyRunning, SocketUnusable, BadInput.
    """
    if context.make_runtime_directory is None:
        return listen(context)
    return listen(replace(context, runtime_directory=context.make_runtime_directory()))


def remove(bound: Bound) -> None:
    """Remove the socket's file, unless another process has put its own there."""
    with suppress(OSError, SocketUnusable), _locked(bound.path.parent):
        if bound.path.lstat().st_ino == bound.inode:
            bound.path.unlink()


def _remove_dead(path: Path) -> None:
    try:
        mode = path.lstat().st_mode
    except FileNotFoundError:
        return
    if not stat.S_ISSOCK(mode):
        raise SocketUnusable(problem=f"{path} is in its place and is no socket; remove it")
    if _answers(path):
        raise AlreadyRunning
    path.unlink()


def _answers(path: Path) -> bool:
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as probe:
        # A process with a full backlog lives: it must not make us wait.
        probe.settimeout(0)
        try:
            probe.connect(os.fspath(path))
        except (ConnectionRefusedError, FileNotFoundError):
            return False
        except BlockingIOError:
            return True
        except OSError as error:
            raise SocketUnusable(problem=f"{path}: {error.strerror}") from error
        return True


def _open_directory(directory: Path) -> int:
    try:
        descriptor = os.open(directory, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC)
    except FileNotFoundError:
        raise
    except OSError as error:
        raise SocketUnusable(problem=f"{directory} must be a directory, no link, and ours: {error.strerror}") from error
    found = os.fstat(descriptor)
    if found.st_uid == os.geteuid() and not found.st_mode & _OTHERS:
        return descriptor
    os.close(descriptor)
    whose = f"it has mode {stat.S_IMODE(found.st_mode):04o}" if found.st_uid == os.geteuid() else "it is another user's"
    raise SocketUnusable(problem=f"{directory} must be ours alone (mode 0700), and {whose}")


@contextmanager
def _locked(directory: Path) -> Generator[None, None, None]:
    """Let one process at a time look at a socket and replace it. The lock is on the directory: no file is left."""
    try:
        descriptor = _open_directory(directory)
    except FileNotFoundError as error:
        raise SocketUnusable(problem=f"there is no directory {directory}") from error
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)
