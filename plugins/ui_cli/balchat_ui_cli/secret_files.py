"""Files that hold a secret: which of them are taken.

What counts is who can have written such a file: whoever can choose a new passphrase has the account. So nobody but root
and we may be able to write the file, or to put another one in its place in a folder on the way to it, links included.
That admits what systemd, Docker, Podman and Kubernetes hand over: files of root's with the modes 0400, 0440 and 0444,
behind links.

That others can read it matters less, since they need the vault as well. A file of our own that they can read is refused
where `chmod` mends it; one that nothing may write to was handed over like that, and is taken with a warning.
"""

import os
import stat
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from balchat_host.api.errors import BadPassphraseFile

_OTHERS: Final = stat.S_IRWXG | stat.S_IRWXO
_WRITE: Final = stat.S_IWUSR | stat.S_IWGRP | stat.S_IWOTH
_ROOT: Final = 0
_MOST_LINKS: Final = 40


@dataclass(frozen=True, slots=True, kw_only=True)
class _Step:
    """From a folder to one of its entries: a folder, a link, or the file itself."""

    entry: Path
    status: os.stat_result
    folder_status: os.stat_result


def open_secret(file: Path, instead: str) -> tuple[int, bool]:
    """Open a secret's file; return its descriptor, and whether others can read it. `instead` names another way.

    Raise BadPassphraseFile.
    """
    try:
        # O_NONBLOCK: a named pipe must be refused below, not waited for.
        descriptor = os.open(file, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    except OSError as error:
        problem = f"{file} cannot be opened ({error.strerror}); mend that, or use {instead}"
        raise BadPassphraseFile(problem=problem) from error
    try:
        return descriptor, _examine(file, descriptor)
    except BadPassphraseFile as error:
        os.close(descriptor)
        raise BadPassphraseFile(problem=f"{error.fields['problem']}, or use {instead}") from None
    except OSError as error:
        os.close(descriptor)
        raise BadPassphraseFile(
            problem=f"the way to {file} cannot be examined ({error.strerror}); use {instead}"
        ) from error
    except BaseException:
        os.close(descriptor)
        raise


def _examine(file: Path, descriptor: int) -> bool:
    """Return whether others can read a file. Raise BadPassphraseFile where they can have written it."""
    status = os.fstat(descriptor)
    mode = stat.S_IMODE(status.st_mode)
    if not stat.S_ISREG(status.st_mode):
        raise BadPassphraseFile(problem=f"{file} is not an ordinary file; use one")
    if not _trusted(status):
        raise BadPassphraseFile(problem=f"{file} belongs to somebody else; make it your own")
    if mode & (stat.S_IWGRP | stat.S_IWOTH):
        raise BadPassphraseFile(problem=f"others may write {file}; `chmod 600` it")
    ours_alone = status.st_uid == os.geteuid() and not mode & _OTHERS
    changeable = mode & _WRITE and not os.fstatvfs(descriptor).f_flag & os.ST_RDONLY
    if status.st_uid == os.geteuid() and mode & _OTHERS and changeable:
        raise BadPassphraseFile(problem=f"others may read {file}; `chmod 600` it")
    way = list(_way(file))
    if not os.path.samestat(way[-1].status, status):
        raise BadPassphraseFile(problem=f"{file} was replaced just now; look who did that")
    for step in way:
        _require_safe_folder(step, ours_alone=ours_alone)
    reachable = all(step.folder_status.st_mode & stat.S_IXOTH for step in way)
    return bool(reachable and mode & stat.S_IROTH)


def _require_safe_folder(step: _Step, *, ours_alone: bool) -> None:
    """Raise BadPassphraseFile where others can put something else in place of an entry of a folder.

    Nobody else can make a file that is ours alone, only move one of ours there: for that, the folder's owner and group
    are trusted. A link is another matter. It can lead to any file of ours, also to one whose first line everybody knows
    or could write, as that of a mailbox.
    """
    mode = step.folder_status.st_mode
    problem = None
    if not ours_alone and not _trusted(step.folder_status):
        problem = "belongs to somebody else"
    elif stat.S_ISLNK(step.status.st_mode) and not _trusted(step.status):
        problem = f"has {step.entry.name} of somebody else's, a link"
    elif mode & stat.S_ISVTX:
        # Sticky: others may add to it, and nobody takes away what is not their own.
        if mode & (stat.S_IWGRP | stat.S_IWOTH) and not _trusted(step.status):
            problem = f"has {step.entry.name} of somebody else's"
    elif mode & (stat.S_IWOTH if ours_alone else stat.S_IWGRP | stat.S_IWOTH):
        problem = "can be changed by others"
    if problem:
        raise BadPassphraseFile(problem=f"the folder {step.entry.parent} {problem}; use another one")


def _trusted(status: os.stat_result) -> bool:
    return status.st_uid in {_ROOT, os.geteuid()}


def _way(file: Path) -> Iterator[_Step]:
    """Go to a file as the system does, and yield every step, links included. Raise BadPassphraseFile, OSError."""
    rest = deque(file.absolute().parts)
    folder = Path(rest.popleft())
    links = 0
    while rest:
        name = rest.popleft()
        entry = folder / name
        if name == "..":
            folder = folder.parent
            continue
        step = _Step(entry=entry, status=entry.lstat(), folder_status=folder.lstat())
        yield step
        if not stat.S_ISLNK(step.status.st_mode):
            folder = entry
            continue
        links += 1
        if links > _MOST_LINKS:
            raise BadPassphraseFile(problem=f"{file} leads through too many links; name the file itself")
        target = entry.readlink()
        if target.is_absolute():
            folder = Path(target.anchor)
        rest.extendleft(reversed(target.parts[1:] if target.is_absolute() else target.parts))
