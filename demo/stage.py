"""What is shown: steps with the time at which they began, commands, what they print, and how far things are.

On a terminal a line may change while it is the last one; elsewhere every state is a line of its own, without colour.
"""

import os
import sys
import time
from collections.abc import Mapping, Sequence
from enum import Enum
from typing import Final, TextIO

_MARGIN: Final = " " * 8
_BAR: Final = 24
_COLUMNS: Final = 100
_SHORTENED: Final = "…"


class Look(Enum):
    """How a piece of text looks; the value is its SGR code (ECMA-48, 8.3.117)."""

    PLAIN = ""
    STRONG = "1"
    FAINT = "2"
    GOOD = "32"
    BAD = "31"
    ALICE = "36"
    BOB = "35"


PEOPLE: Final[Mapping[str, Look]] = {"Alice": Look.ALICE, "Bob": Look.BOB}


class Stage:
    """Writes to `out`."""

    def __init__(self, out: TextIO = sys.stdout) -> None:
        self._out = out
        self._live = out.isatty()
        self._colour = self._live and "NO_COLOR" not in os.environ
        self._began = time.monotonic()
        self._open = False
        """Whether the last line may still change or grow."""

    @property
    def elapsed(self) -> float:
        """Seconds since the beginning."""
        return time.monotonic() - self._began

    def title(self, text: str) -> None:
        """Show what this is."""
        self._line(f"\n  {self.look(text, Look.STRONG)}")

    def step(self, text: str) -> None:
        """Begin a step."""
        minutes, seconds = divmod(int(self.elapsed), 60)
        self._line(f"\n  {self.look(f'{minutes}:{seconds:02}', Look.FAINT)}  {self.look(text, Look.STRONG)}")

    def command(self, name: str, arguments: Sequence[str]) -> None:
        """Show what somebody types to balchat."""
        self.program(name, ["balchat", *arguments])

    def program(self, name: str, command: Sequence[str]) -> None:
        """Show what somebody types."""
        prompt = self.look(f"{name.lower():>5}$", PEOPLE.get(name, Look.PLAIN))
        typed = " ".join(map(_quoted, command))
        self._line(f"{_MARGIN}{prompt} {_short(typed)}")

    def output(self, text: str) -> None:
        """Show what a command printed."""
        for line in text.splitlines():
            self._line(f"{_MARGIN}       {self.look(_short(line), Look.FAINT)}".rstrip())

    def note(self, text: str) -> None:
        """Show a fact."""
        self._line(f"{_MARGIN}{text}")

    def good(self, text: str) -> None:
        """Show that something came true."""
        self.note(f"{self.look('✓', Look.GOOD)} {text}")

    def bad(self, text: str) -> None:
        """Show what did not."""
        first, *others = text.splitlines() or ["it is not known why"]
        self._line(f"\n{_MARGIN}{self.look('✗', Look.BAD)} {first}")
        for line in others:
            self._line(f"{_MARGIN}  {self.look(line, Look.FAINT)}")

    def progress(self, percent: int, what: str) -> None:
        """Show how far something is; the next time in the place of this one."""
        filled = round(_BAR * percent / 100)
        bar = self.look("█" * filled, Look.GOOD) + self.look("░" * (_BAR - filled), Look.FAINT)
        if not self._live:
            self._line(f"{_MARGIN}{percent:3} %  {what}")
            return
        self._write(f"\r\x1b[K{_MARGIN}{bar} {percent:3} %  {what}")
        self._open = True

    def begin(self, text: str) -> None:
        """Begin a line that `more` goes on with."""
        self._close()
        self._write(f"{_MARGIN}{text}")
        self._open = True

    def more(self, text: str) -> None:
        """Go on with the line that `begin` began."""
        self._write(text)

    def person(self, name: str) -> str:
        """Return a name in its colour."""
        return self.look(name, PEOPLE.get(name, Look.PLAIN))

    def look(self, text: str, look: Look) -> str:
        """Return text in a look, where looks are shown."""
        return f"\x1b[{look.value}m{text}\x1b[0m" if self._colour and look.value else text

    def _line(self, text: str) -> None:
        self._close()
        self._write(f"{text}\n")

    def _close(self) -> None:
        if self._open:
            self._write("\n")
            self._open = False

    def _write(self, text: str) -> None:
        self._out.write(text)
        self._out.flush()


def _quoted(argument: str) -> str:
    return argument if argument and not set(argument) & set(" '?&;") else "'" + argument.replace("'", "’") + "'"


def _short(text: str) -> str:
    room = _COLUMNS - len(_MARGIN) - 7
    return text if len(text) <= room else text[: room - 1] + _SHORTENED
