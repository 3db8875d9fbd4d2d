"""Where everything that a command prints goes through: for a person or as JSON, harmless in both.

A command gives its result once, as a value, together with how a person reads it: lines of spans. Spans carry style
apart from text, so that the text can be made harmless here, in one place, whatever the command put into it.
JSON goes out in ASCII, which no text can leave.
"""

import json
import os
import sys
from collections.abc import Callable, Generator, Iterable, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import fields
from functools import cache
from shlex import quote
from shutil import get_terminal_size
from typing import Any, Final, ParamSpec, TextIO

from balchat_host.api.errors import BalchatError, OutputUnwritable
from balchat_host.api.events import Event
from balchat_host.api.spans import Span, Style
from balchat_host.api.streams import NOTHING_CHANGED, ReaderGone, print_when_ready
from balchat_host.api.text import visible
from balchat_ui_cli.text import right_to_left

P = ParamSpec("P")


_LEFT_TO_RIGHT_MARK: Final = "\u200e"


Line = Sequence[Span | str]
"""One line for a person, without its end. A plain string is a span without style."""
Lines = Callable[[], Iterable[Line]]
"""Makes a person's lines; not called when JSON is wanted."""


def spans(line: Line) -> list[Span]:
    """Return a line as spans, harmless."""
    pieces = (Span(piece) if isinstance(piece, str) else piece for piece in line)
    return [Span(visible(piece.text), piece.style) for piece in pieces]


def to_json(value: object) -> str:
    """Return a value of the contracts as one line of JSON."""
    return json.dumps(value, default=_plain, ensure_ascii=True, separators=(", ", ": "))


def _plain(value: object) -> object:
    # `asdict` would copy all that is inside, which takes longer than the rest for a thousand contacts.
    plain: dict[str, object] = {name: getattr(value, name) for name in _names(type(value))}
    return {"cursor": plain.pop("cursor"), "type": value.type, **plain} if isinstance(value, Event) else plain


@cache
def _names(kind: Any) -> tuple[str, ...]:
    return tuple(field.name for field in fields(kind))


class Output:
    """Standard output and standard error of one command.

    `live`: a person looks at it, so it may draw. `as_json`: a program reads it. `is_terminal`: what is wider wraps.
    `profile` is the one that the command line named: it stands in each command that a remark or an error shows.
    """

    def __init__(
        self,
        *,
        as_json: bool,
        profile: str | None = None,
        stdout: TextIO | None = None,
        stderr: TextIO | None = None,
        environment: Mapping[str, str],
    ) -> None:
        self.as_json = as_json
        self._command = "`balchat " if profile is None else f"`balchat --profile {quote(profile)} "
        self._stdout = stdout or sys.stdout
        self._stderr = stderr or sys.stderr
        self._held: list[tuple[TextIO, str]] | None = None
        """What is to be written by `patiently`, while that is at it."""
        colour = not environment.get("NO_COLOR") and environment.get("TERM") != "dumb"
        self.live = self._stdout.isatty() and environment.get("TERM") != "dumb" and not as_json
        self.is_terminal = self._stdout.isatty()
        self.colour = colour and self.is_terminal
        self._colour_on_stderr = colour and self._stderr.isatty()

    @property
    def columns(self) -> int:
        """The width of the terminal in cells."""
        return get_terminal_size().columns

    @property
    def rows(self) -> int:
        """The height of the terminal in cells."""
        return get_terminal_size().lines

    @property
    def in_foreground(self) -> bool:
        """Whether the terminal is ours now. A shell has it while we are in the background (`&`, `bg`)."""
        try:
            return os.tcgetpgrp(self._stdout.fileno()) == os.getpgrp()
        except OSError:
            return True

    def can_write(self, text: str) -> bool:
        """Return whether standard output's character set has all of a text."""
        try:
            text.encode(self._stdout.encoding or "utf-8")
        except UnicodeEncodeError:
            return False
        return True

    # -- results

    def value(self, value: object, lines: Lines, *, done: str | None = None) -> None:
        """Print the one result of a command.

        `done` is a sentence that says what the command has changed, if anything: where the result cannot be printed,
        that is what the person has to know. Raise ReaderGone, and OutputUnwritable.
        """
        with self.telling(lambda: done):
            if self.as_json:
                self._write(self._stdout, to_json(value) + "\n")
            else:
                self.say(*lines())

    @contextmanager
    def telling(self, done: Callable[[], str | None]) -> Generator[None]:
        """Have an output that fails in the block say what `done` gives then. Raise ReaderGone, OutputUnwritable."""
        try:
            yield
        except ReaderGone:
            if (said := done()) is None:
                raise
            raise OutputUnwritable(problem="whoever read it is gone", done=said) from None
        except OutputUnwritable as error:
            raise OutputUnwritable(problem=error.fields["problem"], done=done() or NOTHING_CHANGED) from None

    def values(self, values: Iterable[object], lines: Lines) -> None:
        """Print a result that is a list: one JSON value for each, or a person's lines."""
        if self.as_json:
            self._write(self._stdout, "".join(to_json(value) + "\n" for value in values))
        else:
            self.say(*lines())

    def say(self, *lines: Line) -> None:
        """Print lines for a person on standard output."""
        self.draw("".join(self.painted(line) + "\n" for line in lines))

    def painted(self, line: Line) -> str:
        """Return a line as it goes to standard output, harmless, with colours where they are wanted."""
        return _painted(line, colour=self.colour, terminal=self.live)

    def draw(self, painted: str) -> None:
        """Write what `painted` gave, and cursor movements, to standard output."""
        self._write(self._stdout, painted)

    async def patiently(self, show: Callable[P, None], *args: P.args, **kwargs: P.kwargs) -> None:
        """Call `show`, and write what it prints as fast as the readers take it, while other tasks go on.

        A terminal that is paused, or a program that is slow, then holds up nothing else.
        """
        held: list[tuple[TextIO, str]] = []
        self._held = held
        try:
            show(*args, **kwargs)
        finally:
            self._held = None
        for stream, text in held:
            await print_when_ready(stream, text)

    # -- remarks and errors, on standard error

    def hint(self, *lines: Line) -> None:
        """Print lines that only a person needs."""
        if not self.as_json:
            painted = (_painted(line, colour=self._colour_on_stderr, terminal=False) + "\n" for line in lines)
            self._write(self._stderr, "".join(painted).replace("`balchat ", self._command))

    def warn(self, code: str, message: str) -> None:
        """Say something that a person and a program must know, and that is no error."""
        if self.as_json:
            self._write(self._stderr, to_json({"warning": {"code": code, "message": message}}) + "\n")
        else:
            self.hint([message])

    def error(self, error: BalchatError, *, line: int | None = None) -> None:
        """Say what went wrong, on one line. `line` is the number of the line of standard input that it is about."""
        if line is None or "line" in error.fields:
            self.failure(error.code, str(error), error.fields)
        else:
            self.failure(error.code, f"Standard input, line {line}: {error}", {**error.fields, "line": line})

    def failure(self, code: str, message: str, fields: Mapping[str, Any] | None = None) -> None:
        """Say what went wrong, on one line."""
        if self.as_json:
            described = {"code": code, "message": message, "fields": dict(fields or {})}
            self._write(self._stderr, to_json({"error": described}) + "\n")
        else:
            self.hint([Span("balchat:", Style.BAD), f" {message}"])

    # -- inside

    def _write(self, stream: TextIO, text: str) -> None:
        if self._held is None:
            stream.write(text)
            stream.flush()
        else:
            self._held.append((stream, text))


def _painted(line: Line, *, colour: bool, terminal: bool) -> str:
    return "".join(
        f"\x1b[{span.style.value}m{text}\x1b[0m" if colour and span.style.value else text
        for span in spans(line)
        for text in [_apart(span.text) if terminal else span.text]
    )


def _apart(text: str) -> str:
    """Keep what is read from right to left from drawing the digits and marks behind it to its other side."""
    return text + _LEFT_TO_RIGHT_MARK if right_to_left(text) else text
