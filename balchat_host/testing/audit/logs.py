"""Lines that are logged or printed with something private in them: keys, addresses, what an envelope holds."""

import logging
import os
import sys
import warnings
from collections.abc import Callable, Collection, Iterator
from typing import Any, Final

from balchat_host.testing.audit.places import here, shown
from balchat_host.testing.spellings import encodings, spellings

_LEAST: Final = 16
"""Octets of the shortest word that is looked for: a shorter one can stand in a line by chance."""
_BEGINNING: Final = 24
"""Octets by which a long one is known."""
_SHORTENED: Final = 8
"""Characters by which whoever shortens a key or an address shows it still."""
_OUTPUTS: Final = ("stdout", "stderr", "__stdout__", "__stderr__")
_DESCRIPTORS: Final = (1, 2)
"""Of the outputs."""


class _Output:
    """What `sys.stdout` or `sys.stderr` is, with a look at what is written."""

    def __init__(self, stream: Any, watch: "LogWatch") -> None:
        self._stream = stream
        self._watch = watch

    def write(self, text: str) -> Any:
        """Write as the stream does."""
        self._watch.hear("a printed line", f"printed at {shown(here())}", text)
        return self._stream.write(text)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)


class LogWatch:
    """Keeps every line that is logged, of every level, or printed, between `start` and `stop`."""

    def __init__(self) -> None:
        self._formatter = logging.Formatter("%(message)s")
        self._lines: dict[tuple[str, str, str], frozenset[str]] = {}
        self._private: dict[bytes, str] = {}
        self._short: dict[bytes, str] = {}
        self._level = logging.NOTSET
        self._streams: dict[str, Any] = {}
        self._factory: Callable[..., logging.LogRecord] = logging.LogRecord
        self._show_warning: Callable[..., None] = warnings.showwarning
        self._write: Callable[[int, Any], int] = os.write

    def start(self) -> None:
        """Keep lines from now on."""
        root = logging.getLogger()
        self._level = root.level
        root.setLevel(logging.DEBUG)
        # At the handlers of the root logger, what a logger keeps to itself (`propagate = False`) would not come by.
        self._factory = logging.getLogRecordFactory()
        logging.setLogRecordFactory(self._make_record)
        self._show_warning = warnings.showwarning
        warnings.showwarning = self._hear_warning
        self._write = os.write
        os.write = self._hear_written
        self.look_at_outputs()

    def look_at_outputs(self) -> None:
        """Keep what is printed, also where a test tool has given us another output since `start`."""
        for name in _OUTPUTS:
            stream = getattr(sys, name)
            if not isinstance(stream, _Output):
                self._streams[name] = stream
                setattr(sys, name, _Output(stream, self))

    def stop(self) -> None:
        """Keep lines no more."""
        for name, stream in self._streams.items():
            if isinstance(getattr(sys, name), _Output):
                setattr(sys, name, stream)
        os.write = self._write
        warnings.showwarning = self._show_warning
        logging.setLogRecordFactory(self._factory)
        logging.getLogger().setLevel(self._level)

    def hear(self, kind: str, place: str, line: str, *, may_hold: Collection[str] = ()) -> None:
        """Keep a line, and the private things that it may hold."""
        self._lines[kind, place, line] = frozenset(may_hold)

    def confide(self, what: str, octets: bytes, *, shortened: bool = False) -> None:
        """Have no line hold these octets, in any of the usual spellings, nor shortened where nothing else is so."""
        if len(octets) >= _LEAST:
            self._private.setdefault(octets[:_BEGINNING], what)
            if shortened:
                self._short.setdefault(octets[:_BEGINNING], what)

    def telling(self) -> Iterator[str]:
        """Say which lines hold something private."""
        spelt = [(what, spelling) for octets, what in self._private.items() for spelling in spellings(octets)]
        spelt += [
            (what, spelling[:_SHORTENED])
            for octets, what in self._short.items()
            for spelling in (octets.hex(), *encodings(octets))
        ]
        for (kind, place, line), may_hold in self._lines.items():
            low = line.lower()
            held = {what for what, spelling in spelt if spelling in line or spelling in low}
            for what in sorted(held - may_hold):
                yield f"{kind} with {what} in it, {place}"

    def _hear_warning(
        self, message: Warning | str, category: type[Warning], filename: str, lineno: int, *given: Any, **named: Any
    ) -> None:
        self.hear("a warning", f"at {filename}:{lineno}", str(message))
        self._show_warning(message, category, filename, lineno, *given, **named)

    def _hear_written(self, descriptor: int, octets: Any) -> int:
        if descriptor in _DESCRIPTORS:
            self.hear("a printed line", f"written at {shown(here())}", bytes(octets).decode(errors="replace"))
        return self._write(descriptor, octets)

    def _make_record(self, *given: Any, **named: Any) -> logging.LogRecord:
        record = self._factory(*given, **named)
        place = f"logged at {record.pathname}:{record.lineno} ({record.funcName})"
        self.hear("a log line", place, self._formatter.format(record))
        record.exc_text = None  # as if nobody had looked: another formatter may write it in another way
        return record
