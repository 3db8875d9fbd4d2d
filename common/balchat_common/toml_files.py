"""Files of settings, and others in TOML.

Those of settings are read only if nobody else decides what stands in them: they say which code runs beside keys.
"""

import os
import re
import stat
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

from balchat_common.text_files import NotText, decoded

MAX_SIZE: Final = 256 * 2**10
"""Octets of a file."""
_MAX_PARTS: Final = 64
"""Of a dotted name. The parser's time grows with the square of their number."""
_DEEP: Final = re.compile(rf"""(?<![\w."'-])(?:(?:[\w-]++|"[^"\n]*+"|'[^'\n]*+')[ \t]*+\.[ \t]*+){{{_MAX_PARTS}}}""")


class Unusable(Exception):
    """A file cannot be used. `problem` says what is wrong with it, `allowed` what is allowed."""

    def __init__(self, problem: str, allowed: str) -> None:
        super().__init__(problem, allowed)
        self.problem = problem
        self.allowed = allowed


def read_toml(path: Path) -> dict[str, Any]:
    """Return what a file says. Raise FileNotFoundError, Unusable."""
    return parse_toml(trusted_text(path))


def parse_toml(text: str) -> dict[str, Any]:
    """Return what the text of a file says. Raise Unusable."""
    import tomllib  # noqa: PLC0415  # only who has a file waits for the parser

    if _DEEP.search(text):
        raise Unusable("it nests too deeply", f"dotted names of at most {_MAX_PARTS} parts")
    try:
        return tomllib.loads(text)
    except RecursionError:
        raise Unusable("it nests too deeply", "TOML 1.0") from None
    except ValueError as error:  # a number of 5,000 digits is none that tomllib foresees
        raise Unusable(f"it is not TOML ({error})", "TOML 1.0") from None


def value_of(text: str) -> object:
    """Return the value that a text spells in TOML; what is not a TOML value is the text itself."""
    import tomllib  # noqa: PLC0415  # only who sets something waits for the parser

    try:
        document = tomllib.loads(f"value = {text}")
    except (ValueError, RecursionError):
        return text
    return document["value"] if len(document) == 1 else text


def trusted_text(path: Path) -> str:
    """Return the text of a file that nobody but its owner and root decides about. Raise FileNotFoundError, Unusable."""
    return _text(path, _check_owner)


def anybodys_text(path: Path) -> str:
    """Return the text of a file, whoever decides about it. Raise FileNotFoundError, Unusable."""
    return _text(path, None)


def _text(path: Path, check: Callable[[os.stat_result], None] | None) -> str:
    try:
        # O_NONBLOCK: a named pipe must be refused below, not waited for.
        descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
        try:
            status = os.fstat(descriptor)
            if not stat.S_ISREG(status.st_mode):
                raise Unusable("it is no regular file", "a file, or none")
            if check is not None:
                check(status)
            with open(descriptor, "rb", closefd=False) as file:
                octets = file.read(MAX_SIZE + 1)
        finally:
            os.close(descriptor)
        if len(octets) > MAX_SIZE:
            raise Unusable(f"it has more than {MAX_SIZE // 2**10} KiB", f"up to {MAX_SIZE // 2**10} KiB")
        return decoded(octets)
    except NotText as error:
        raise Unusable(f"it {error}", "TOML 1.0, which is UTF-8") from None
    except FileNotFoundError:
        raise
    except OSError as error:
        raise Unusable(f"it cannot be read ({error.strerror})", "a file that you can read, or none") from error


def _check_owner(status: os.stat_result) -> None:
    if status.st_uid not in {0, os.geteuid()}:
        raise Unusable("it belongs to somebody else", "a file that belongs to you or to root")
    if status.st_mode & stat.S_IWOTH:
        raise Unusable("everybody can write to it", "a file that others cannot write to (chmod o-w)")
