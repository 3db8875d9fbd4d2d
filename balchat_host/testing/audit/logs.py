"""Lines that are logged or printed with something private in them: keys, addresses, what an envelope holds."""

import builtins
import logging
from base64 import b32encode, b64encode
from collections.abc import Iterator
from typing import Any, Final

from balchat_host.testing.audit.places import here, shown

_print: Final = print
_LEAST: Final = 16
"""Octets of the shortest word that is looked for: a shorter one can stand in a line by chance."""
_BEGINNING: Final = 24
"""Octets by which a long one is known."""


class LogWatch(logging.Handler):
    """Keeps every line that is logged, of every level, while it is open."""

    def __init__(self) -> None:
        super().__init__(logging.NOTSET)
        self.setFormatter(logging.Formatter("%(message)s"))
        self._lines: list[tuple[str, str, str]] = []
        self._private: dict[bytes, str] = {}
        self._level = logging.NOTSET

    def emit(self, record: logging.LogRecord) -> None:
        place = f"logged at {record.pathname}:{record.lineno} ({record.funcName})"
        self._lines.append(("log", place, self.format(record)))

    def start(self) -> None:
        """Keep lines from now on."""
        root = logging.getLogger()
        self._level = root.level
        root.setLevel(logging.DEBUG)
        root.addHandler(self)
        builtins.print = self._print

    def stop(self) -> None:
        """Keep lines no more."""
        root = logging.getLogger()
        root.removeHandler(self)
        builtins.print = _print
        root.setLevel(self._level)

    def _print(self, *what: object, **how: Any) -> None:
        self._lines.append(("printed", f"printed at {shown(here())}", " ".join(map(str, what))))
        _print(*what, **how)

    def confide(self, what: str, octets: bytes) -> None:
        """Have no line hold these octets, in any of the usual spellings."""
        if len(octets) >= _LEAST:
            self._private.setdefault(octets[:_BEGINNING], what)

    def telling(self) -> Iterator[str]:
        """Say which lines hold something private."""
        spelt = [(what, spelling) for octets, what in self._private.items() for spelling in _spellings(octets)]
        for kind, place, line in self._lines:
            low = line.lower()
            for what in sorted({what for what, spelling in spelt if spelling in line or spelling in low}):
                yield f"a {kind} line with {what} in it, {place}"


def _spellings(octets: bytes) -> Iterator[str]:
    """Return how octets may stand in a line: as text, as Python shows them, hexadecimal, base64 and base32."""
    yield octets.hex()
    # Whether Python writes a single quote with a backslash depends on all of what it shows, which may be more.
    plain = repr(octets)[2:-1].replace("\\'", "'")
    yield plain
    yield plain.replace("'", "\\'")
    yield b64encode(octets).decode().rstrip("=")[:-1]
    yield b32encode(octets).decode().lower().rstrip("=")[:-1]
    try:
        yield octets.decode()
    except UnicodeDecodeError:
        return
