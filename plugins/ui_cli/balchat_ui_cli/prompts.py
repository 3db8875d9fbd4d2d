"""Questions to a person at the terminal, some of them answered without being shown.

A question leaves the terminal as it found it, however it ends: answered, interrupted, or stopped with Ctrl-Z. After a
stop the shell may have changed the terminal, and what was typed until then may have been seen by somebody; so the
question is asked again from the beginning, and hidden again. Everything here blocks, and is called in the main thread
before an event loop runs.
"""

import os
import select
import signal
import sys
import termios
from collections.abc import Generator
from contextlib import contextmanager, suppress
from types import FrameType
from typing import Any, Final, Self

from balchat_common.text_files import NotText, decoded

from balchat_host.api.errors import BadInput

_INTERRUPTING: Final = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGQUIT, signal.SIGTSTP, signal.SIGCONT)
_LOCAL_MODES: Final = 3
"""Where tcgetattr gives the modes that ECHO is one of."""


class NoTerminal(Exception):
    """There is no terminal to ask at."""


def ask_hidden(question: str) -> bytes:
    """Ask for a line that the terminal does not show. Raise NoTerminal, EOFError, KeyboardInterrupt."""
    return _ask(f"{question}: ", hidden=True)


def ask(question: str) -> str:
    """Ask for a line of text until there is one. Raise NoTerminal, EOFError, KeyboardInterrupt, BadInput."""
    while True:
        try:
            answer = decoded(_ask(f"{question}: ", hidden=False)).strip()
        except NotText as error:
            raise BadInput(what=question, problem=f"it {error}") from None
        if answer:
            return answer


def confirm(question: str) -> bool:
    """Ask for yes or no; an empty answer is no. Raise NoTerminal, EOFError, KeyboardInterrupt."""
    while True:
        answer = _ask(f"{question} [y/N]: ", hidden=False).strip().lower()
        if answer in {b"", b"n", b"no", b"y", b"yes"}:
            return answer.startswith(b"y")


class _Interrupted(Exception):
    """A signal came while a question was open."""


class _Signals:
    """Has signals break off the question that is open, and passes them on when the terminal is as before."""

    def __init__(self) -> None:
        # A signal that comes just before a read begins would not break it off: this wakes up whoever waits.
        self.woken, self._wakes = os.pipe()
        os.set_blocking(self._wakes, False)
        self._before_wakes = -1
        self.received: int | None = None
        self.breaking = False
        self._before: dict[int, Any] = {}

    def __enter__(self) -> Self:
        self._before_wakes = signal.set_wakeup_fd(self._wakes, warn_on_full_buffer=False)
        for number in _INTERRUPTING:
            before = signal.getsignal(number)
            # Under nohup, for one, a signal is to be ignored.
            if before is not signal.SIG_IGN:
                self._before[number] = before
                signal.signal(number, self._receive)
        return self

    def __exit__(self, *_: object) -> None:
        for number, before in self._before.items():
            signal.signal(number, signal.SIG_DFL if before is None else before)
        signal.set_wakeup_fd(self._before_wakes)
        os.close(self.woken)
        os.close(self._wakes)

    def _receive(self, number: int, frame: FrameType | None) -> None:
        del frame
        self.received = number
        if self.breaking:
            self.breaking = False
            raise _Interrupted


def _ask(question: str, *, hidden: bool) -> bytes:
    with _terminal() as (reading, writing):
        while True:
            answer, received = _ask_once(reading, writing, question.encode(), hidden=hidden)
            if received is not None:
                # Ends or stops us, or is Ctrl-C; after a stop we are here again.
                signal.raise_signal(received)
            if answer is not None:
                return answer


def _ask_once(reading: int, writing: int, question: bytes, *, hidden: bool) -> tuple[bytes | None, int | None]:
    """Ask once; return the answer, unless a signal broke the question off, and the signal that came."""
    answer = None
    with _Signals() as signals:
        before = termios.tcgetattr(reading)
        try:
            signals.breaking = True
            if hidden:
                changed = termios.tcgetattr(reading)
                changed[_LOCAL_MODES] &= ~termios.ECHO
                termios.tcsetattr(reading, termios.TCSAFLUSH, changed)
            os.write(writing, question)
            answer = _read_line(reading, signals.woken)
        except _Interrupted:
            pass
        finally:
            signals.breaking = False
            # In the background the terminal is the shell's, which has set it already.
            if _in_foreground(reading):
                with suppress(OSError, termios.error):
                    if hidden:
                        termios.tcsetattr(reading, termios.TCSAFLUSH, before)
                    if hidden or answer is None:
                        os.write(writing, b"\n")
    return answer, signals.received


def _read_line(reading: int, woken: int) -> bytes:
    """Read a line; `woken` can be read from once a signal has come, whose handler then breaks this off."""
    line = bytearray()
    while True:
        select.select([reading, woken], [], [])
        try:
            octet = os.read(reading, 1)
        except OSError:
            octet = b""
        if octet == b"\n" or (not octet and line):
            return bytes(line)
        if not octet:
            raise EOFError
        line += octet


@contextmanager
def _terminal() -> Generator[tuple[int, int]]:
    """Return the descriptors to read from and to write to. Raise NoTerminal."""
    try:
        terminal = os.open("/dev/tty", os.O_RDWR | os.O_NOCTTY | os.O_CLOEXEC)
    except OSError:
        if not sys.stdin.isatty():
            raise NoTerminal from None
        yield sys.stdin.fileno(), sys.stderr.fileno()
        return
    try:
        yield terminal, terminal
    finally:
        os.close(terminal)


def _in_foreground(terminal: int) -> bool:
    try:
        return os.tcgetpgrp(terminal) == os.getpgrp()
    except OSError:
        return True
