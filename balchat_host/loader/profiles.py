"""Where an account lies on this machine: profile directories, their names, and the private directory for its socket.

Nothing here makes a profile; the vault does. What is made is private to its owner (0700). What somebody else owns, or
can get into, is refused.
"""

import hashlib
import os
import pwd
import re
import stat
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from balchat_host.api.errors import BadInput

DEFAULT_NAME: Final = "default"
PROFILE_VARIABLE: Final = "BALCHAT_PROFILE"
PROFILE_OPTION: Final = "--profile"

MAX_RUNTIME_DIRECTORY_SIZE: Final = 80
"""Octets of the longest runtime directory: with a name of 19 octets in it, a socket's path has 100, which every system
takes."""

_NAME: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,39}")
SYSTEM_RUNTIME: Final = Path("/run/user")
SHARED_TEMPORARY: Final = Path("/tmp")  # noqa: S108  # what is made in it is made private, and checked


@dataclass(frozen=True, slots=True, kw_only=True)
class ProfileDirectory:
    """A place where an account lies or may lie. `directory` is absolute; `name` is how people call it."""

    name: str
    directory: Path

    def require_own(self) -> None:
        """Raise BadInput if it is somebody else's: nothing is to be looked at there, nor made."""
        try:
            owner = self.directory.stat().st_uid
        except OSError:
            return  # nobody's yet, or what is wrong with it is found where it is opened
        if owner != os.geteuid():
            raise BadInput(
                what=f"the profile {self.directory}",
                problem=f"it belongs to {_user(owner)}, and you are {_user(os.geteuid())}; only its owner can use it",
            )

    def plugin_directory(self, plugin: str) -> Path:
        """Return the private directory of one plugin, made if absent. Raise BadInput."""
        return make_private(self.directory, "plugins", plugin)

    def runtime_directory(self, environment: Mapping[str, str] = os.environ) -> Path:
        """Return the private directory for this profile's socket, made if absent; every process finds the same one.

        Its path has at most MAX_RUNTIME_DIRECTORY_SIZE octets. Raise BadInput.
        """
        short = hashlib.sha256(os.fsencode(self.directory.resolve())).hexdigest()[:16]
        for parent in (Path(environment.get("XDG_RUNTIME_DIR", "")), SYSTEM_RUNTIME / str(os.geteuid())):
            directory = parent / "balchat" / short
            if _is_private(parent) and _size(directory) <= MAX_RUNTIME_DIRECTORY_SIZE:
                return make_private(parent, "balchat", short)
        if _size(self.directory / "run") <= MAX_RUNTIME_DIRECTORY_SIZE:
            return make_private(self.directory, "run")
        return make_private(SHARED_TEMPORARY, f"balchat-{os.geteuid()}", short)


def profile_directory(name: str | None = None, environment: Mapping[str, str] = os.environ) -> ProfileDirectory:
    """Return a profile by name, or by directory (anything with a path separator); without `name` the one that
    `BALCHAT_PROFILE` names, or `default`. It need not exist. Raise BadInput.
    """  # noqa: D205  # one sentence
    name = name or environment.get(PROFILE_VARIABLE) or DEFAULT_NAME
    if os.sep in name:
        directory = Path(os.path.abspath(_expand(name)))  # noqa: PTH100  # resolve() would follow links
        return ProfileDirectory(name=str(directory), directory=directory)
    if not _NAME.fullmatch(name):
        raise BadInput(
            what=f"the profile name {name!r}",
            problem="it has 1 to 40 letters, digits and . _ -, and begins with a letter or digit; a directory has a /",
        )
    return ProfileDirectory(name=name, directory=profiles_directory(environment) / name)


def take_profile(arguments: Sequence[str]) -> tuple[str | None, list[str]]:
    """Take `--profile` with its value out of a command line; return the last one, and what is left.

    What stands behind `--` is left alone.
    """
    name: str | None = None
    rest: list[str] = []
    remaining = iter(arguments)
    for argument in remaining:
        if argument == "--":
            rest += [argument, *remaining]
        elif argument == PROFILE_OPTION:
            name = next(remaining, name)
        elif argument.startswith(f"{PROFILE_OPTION}="):
            name = argument.removeprefix(f"{PROFILE_OPTION}=")
        else:
            rest.append(argument)
    return name, rest


def list_profiles(environment: Mapping[str, str] = os.environ) -> list[ProfileDirectory]:
    """Return every directory that can be a named profile, by name, whether it holds an account or not."""
    parent = profiles_directory(environment)
    try:
        found = sorted(entry for entry in parent.iterdir() if _NAME.fullmatch(entry.name) and entry.is_dir())
    except FileNotFoundError:
        return []
    return [ProfileDirectory(name=entry.name, directory=entry) for entry in found]


def profiles_directory(environment: Mapping[str, str] = os.environ) -> Path:
    """Return the directory of named profiles (XDG Base Directory: a relative XDG_DATA_HOME does not count)."""
    data = Path(environment.get("XDG_DATA_HOME", ""))
    return (data if data.is_absolute() else _expand("~/.local/share")) / "balchat"


def make_private(base: Path, *names: str) -> Path:
    """Return the directory `names` below `base`, made private where absent.

    Raise BadInput if it cannot be made, or if one of `names` is there and somebody else owns it or can get into it.
    `base` is left as it is.
    """
    # One by one: mkdir would give the parents that it makes to everybody.
    for directory in (*reversed(base.parents), base):
        if not directory.exists():
            _make(directory)
    directory = base
    for name in names:
        directory /= name
        _make(directory)
        _check_private(directory)
    return directory


def _make(directory: Path) -> None:
    try:
        directory.mkdir(mode=0o700)
    except FileExistsError:
        pass
    except OSError as error:
        raise BadInput(what=str(directory), problem=f"it cannot be made ({error.strerror})") from error


def _check_private(directory: Path) -> None:
    status = directory.lstat()
    if not stat.S_ISDIR(status.st_mode):
        raise BadInput(what=str(directory), problem="it is not a directory, and one is needed there; remove it")
    if status.st_uid != os.geteuid():
        raise BadInput(what=str(directory), problem="it belongs to somebody else; remove it, or set XDG_RUNTIME_DIR")
    if status.st_mode & 0o077:
        raise BadInput(what=str(directory), problem="others can get into it; make it private (chmod 0700)")


def _is_private(directory: Path) -> bool:
    try:
        _check_private(directory)
    except (BadInput, OSError):
        return False
    return directory.is_absolute()


def _user(number: int) -> str:
    try:
        return pwd.getpwuid(number).pw_name
    except KeyError:
        return f"the user {number}"


def _size(path: Path) -> int:
    return len(os.fsencode(path))


def _expand(path: str) -> Path:
    try:
        return Path(path).expanduser()
    except RuntimeError:
        raise BadInput(what=path, problem="your home directory is not known; set HOME, or give a whole path") from None
