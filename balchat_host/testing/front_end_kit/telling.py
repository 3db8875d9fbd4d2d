"""What a front end tells of people past the vault, and what it keeps past its object."""

import stat
import warnings
from collections.abc import Generator, Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, Final

from balchat_host.api.errors import BalchatError
from balchat_host.api.failures import leaves
from balchat_host.api.frontend import FrontEnd, FrontEndContext
from balchat_host.api.types import ServiceState
from balchat_host.testing.audit import overhear
from balchat_host.testing.audit.blocking import package_of
from balchat_host.testing.audit.state import Globals
from balchat_host.testing.front_end_kit.people import WORDS
from balchat_host.testing.spellings import stands_in

_OTHERS: Final = stat.S_IRWXG | stat.S_IRWXO
_MOST_READ: Final = 2**20
"""Octets of a file that are looked at."""


class Kept:
    """What front ends of one run keep: files in the folders that the host gives them, and state of their modules."""

    def __init__(self) -> None:
        self._before: dict[Path, set[Path]] = {}
        self._globals: dict[str, Globals] = {}

    def begin(self, front_end: FrontEnd, context: FrontEndContext) -> None:
        """Note what is there before a front end runs."""
        for folder in (context.profile, context.runtime_directory):
            self._before.setdefault(folder, set(_files(folder)))
        package = package_of(front_end).__name__
        self._globals.setdefault(package, Globals(package))

    def wrong_files(self, ids: Mapping[str, str]) -> Iterator[str]:
        """Say what is wrong with files and folders that it has made, which lie outside of the vault."""
        private = dict.fromkeys(WORDS, "a name, or what somebody wrote") | {
            each: f"the id of {ids[each]}" for each in ids
        }
        for folder, before in self._before.items():
            for path in set(_files(folder)) - before:
                with suppress(FileNotFoundError):  # it may be gone again
                    yield from _wrong(path, private)

    def changed_modules(self) -> Iterator[str]:
        """Say which state of modules and classes is another one now."""
        for each in self._globals.values():
            yield from each.changed()


def _wrong(path: Path, private: Mapping[str, str]) -> Iterator[str]:
    if path.lstat().st_mode & _OTHERS and not path.is_dir():
        yield f"others on this machine can use {path.name}, which it has made; open it with the mode 0600"
    held = str(path).encode()
    if path.is_file():
        with path.open("rb") as file:
            held += file.read(_MOST_READ)
    for word, what in private.items():
        if stands_in(word.encode(), held) or word.encode("utf-16-le") in held:
            yield f"{path.name} has in plain what belongs into the vault, as its name or in it: {what}"


def _files(folder: Path) -> Iterator[Path]:
    return (path for path in folder.rglob("*") if not path.is_symlink())


def told_in(state: ServiceState) -> Iterator[str]:
    """Say what a state that a front end reported tells of people."""
    if any(word in str(state) for word in WORDS):
        yield f"the state that it reports tells of somebody: {state}"


def hear_error(error: BaseException) -> None:
    """Have the audit look at the text of an error by which a front end ended, and of those that a traceback has too.

    What balchat's own say is for people.
    """
    for leaf in leaves(error):
        each: BaseException | None = leaf
        while each is not None:
            if not isinstance(each, BalchatError):
                notes = getattr(each, "__notes__", ())
                overhear("an error's text", "by which it ended", "\n".join([str(each), repr(each), *notes]))
            each = each.__cause__ or (None if each.__suppress_context__ else each.__context__)


@contextmanager
def warnings_heard() -> Generator[None]:
    """Have the audit look at warnings."""

    def show(message: Warning | str, category: type[Warning], filename: str, lineno: int, *more: Any) -> None:
        overhear("a warning", f"at {filename}:{lineno}", str(message))
        before(message, category, filename, lineno, *more)

    before, warnings.showwarning = warnings.showwarning, show
    try:
        yield
    finally:
        warnings.showwarning = before
