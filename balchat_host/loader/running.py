"""Which process holds an account: what it leaves in the profile's file `running`, and who may be ended by it.

The socket may be lost while its process lives: a runtime directory is emptied at logout, and cron, su and ssh look for
it elsewhere. So the process says in the profile itself where it is. The file cannot lie for long:

- The process holds a lock (flock) on it, and the system lets go of that when the process ends, however it ends. A file
  that nobody holds is left over, whatever stands in it: from a kill, a reboot, or in a copy of the profile.
- It comes into its place by a rename, written and locked. So whoever finds it locked reads what its holder wrote.
- Beside the process id stand the time at which that process began and the boot that it belongs to, and in which
  namespace the id means anything. Nobody is ended whose start time is another one.

All functions block for a moment: call them from a worker thread.
"""

import fcntl
import json
import os
import signal
import stat
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from threading import Lock
from typing import Final, Self

from balchat_host.api.errors import NotRunning, RunningElsewhere
from balchat_host.api.frontend import Holder

NAME: Final = "running"
_NEW: Final = "running.new"
_MAX_SIZE: Final = 4096
_MAX_PROCESS_ID: Final = 2**31 - 1
"""The largest number that a system call takes for one."""
_STARTED_FIELD: Final = 19
"""Of the fields of /proc/PID/stat that follow the program's name (proc_pid_stat(5), field 22)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Process:
    """What identifies a process on this machine: its id, its start with the boot, and where its id is valid.

    `started` and `namespace` are empty where the system does not tell them.
    """

    process_id: int
    started: str
    namespace: str

    @classmethod
    def of(cls, process_id: int) -> Self:
        """Describe a process as it is now."""
        return cls(process_id=process_id, started=_started(process_id), namespace=_namespace())

    @property
    def is_here(self) -> bool:
        """Whether it is a process that we could see, and still the same one."""
        return self.namespace == _namespace() and self.started == _started(self.process_id)


class RunningFile:
    """The file of the process that holds an account, which is this one, with its socket in `runtime_directory`."""

    def __init__(self, profile: Path, runtime_directory: Path) -> None:
        self._path = profile / NAME
        self._new = profile / _NEW
        self._runtime_directory = runtime_directory
        self._said: Path | None = None
        self._lock = Lock()
        self._descriptor: int | None = None

    def move(self, runtime_directory: Path) -> None:
        """Say that the socket is in another directory from now on. Raise OSError; `put` says it again."""
        self._runtime_directory = runtime_directory
        self.put()

    def put(self) -> None:
        """Put the file in place, unless it is there and true. Raise OSError."""
        with self._lock:
            if self._is_in_place() and self._said == self._runtime_directory:
                return
            self._new.unlink(missing_ok=True)
            flags = os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC | os.O_NOFOLLOW
            descriptor = os.open(self._new, flags, mode=0o600)
            try:
                with suppress(OSError):  # where a file system has no locks, the start time alone tells who lives
                    fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
                directory = self._runtime_directory
                said = {**asdict(Process.of(os.getpid())), "runtime_directory": str(directory)}
                os.write(descriptor, json.dumps(said).encode() + b"\n")
                self._new.rename(self._path)
            except BaseException:
                os.close(descriptor)
                self._new.unlink(missing_ok=True)
                raise
            self._close()
            self._descriptor, self._said = descriptor, directory

    def remove(self) -> None:
        """Remove it, unless it is not ours any more."""
        with self._lock:
            with suppress(OSError):
                if self._is_in_place():
                    self._path.unlink()
            self._close()

    def _is_in_place(self) -> bool:
        if self._descriptor is None:
            return False
        try:
            found = self._path.lstat()
        except OSError:
            return False
        ours = os.fstat(self._descriptor)
        return (found.st_dev, found.st_ino) == (ours.st_dev, ours.st_ino)

    def _close(self) -> None:
        if self._descriptor is not None:
            os.close(self._descriptor)
            self._descriptor = None


@dataclass(frozen=True, slots=True, kw_only=True)
class _Found:
    process: Process
    runtime_directory: Path
    is_locked: bool | None
    """None where the file system has no locks."""

    @property
    def lives(self) -> bool:
        return self.process.is_here if self.is_locked is None else self.is_locked


def find_holder(profile: Path) -> Holder | None:
    """Return who holds the account of a profile, or None where nobody has said so and lives."""
    found = _read(profile / NAME)
    if found is None or not found.lives:
        return None
    return Holder(
        process_id=found.process.process_id,
        runtime_directory=found.runtime_directory,
        here=found.process.is_here,
    )


def left_over(profile: Path) -> bool:
    """Return whether somebody held the account who is gone without having taken the file away: it was killed."""
    found = _read(profile / NAME)
    return found is not None and not found.lives


def end_holder(profile: Path) -> int:
    """Have the process that holds an account end (SIGTERM), also one that is suspended; return its id.

    Raise NotRunning, RunningElsewhere where it is not a process that we could signal.
    """
    found = _read(profile / NAME)
    if found is None or not found.lives:
        raise NotRunning
    process_id = found.process.process_id
    try:
        # From here on the id cannot come to mean another process, so what is verified now stays true.
        descriptor = os.pidfd_open(process_id) if hasattr(os, "pidfd_open") else None
    except ProcessLookupError:
        raise RunningElsewhere(directory=str(found.runtime_directory)) from None
    except OSError:  # sandboxes have kernels and filters without it
        descriptor = None
    try:
        if not found.process.is_here:
            raise RunningElsewhere(directory=str(found.runtime_directory))
        for number in (signal.SIGTERM, signal.SIGCONT):
            if descriptor is not None:
                signal.pidfd_send_signal(descriptor, number)
            else:
                os.kill(process_id, number)
    except ProcessLookupError:
        raise NotRunning from None
    except PermissionError:
        raise RunningElsewhere(directory=str(found.runtime_directory)) from None
    finally:
        if descriptor is not None:
            os.close(descriptor)
    return process_id


def _read(path: Path) -> _Found | None:
    try:
        # O_NONBLOCK: a named pipe must be passed over below, not waited for.
        descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_NOFOLLOW | os.O_CLOEXEC)
    except OSError:
        return None
    try:
        status = os.fstat(descriptor)
        if not stat.S_ISREG(status.st_mode) or status.st_uid != os.geteuid():
            return None
        locked = _is_locked(descriptor)
        return _parsed(os.read(descriptor, _MAX_SIZE), locked)
    except OSError:
        return None
    finally:
        os.close(descriptor)


def _is_locked(descriptor: int) -> bool | None:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    except OSError:
        return None
    return False


def _parsed(octets: bytes, locked: bool | None) -> _Found | None:  # noqa: FBT001  # private, and named where it is read
    try:
        said = json.loads(octets)
    except (ValueError, RecursionError):
        return None
    match said:
        case {
            "process_id": int(process_id),
            "started": str(started),
            "namespace": str(namespace),
            "runtime_directory": str(directory),
        } if 0 < process_id <= _MAX_PROCESS_ID and _is_path(directory):  # in a container, it may well be 1
            process = Process(process_id=process_id, started=started, namespace=namespace)
            return _Found(process=process, runtime_directory=Path(directory), is_locked=locked)
        case _:
            return None


def _is_path(text: str) -> bool:
    """Return whether the system could have a file of this name, whatever the directory that we are in."""
    try:
        octets = os.fsencode(text)
    except UnicodeEncodeError:
        return False
    return octets.startswith(b"/") and b"\0" not in octets


def _started(process_id: int) -> str:
    """Return when a process began and in which boot; nothing where there is none, or the system does not tell."""
    try:
        boot = Path("/proc/sys/kernel/random/boot_id").read_text().strip()
        # The name may hold anything, blanks and parentheses too; what follows its last parenthesis does not.
        fields = Path(f"/proc/{process_id}/stat").read_text(errors="replace").rpartition(")")[2].split()
        return f"{boot}/{fields[_STARTED_FIELD]}"
    except (OSError, IndexError):
        return ""


def _namespace() -> str:
    """Return the namespace in which process ids are valid for us."""
    try:
        return str(Path("/proc/self/ns/pid").readlink())
    except OSError:
        return ""
