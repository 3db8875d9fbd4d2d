"""Reads the terminal for Textual: sequences and pastes as wholes (`terminal_input`), and letters that Textual drops.

While the program has the terminal, signals that end a program let it be left as a person leaves it: otherwise the shell
would get a terminal that shows nothing of what is typed. So does a terminal that is gone.
"""

import asyncio
import os
import selectors
import signal
from codecs import getincrementaldecoder
from collections.abc import Iterable
from contextlib import suppress
from time import monotonic
from typing import IO, Any, Final
from unicodedata import category

from textual import constants, events
from textual._xterm_parser import XTermParser
from textual.app import App
from textual.drivers.linux_driver import LinuxDriver
from textual.message import Message

from balchat_ui_tui.grapheme_mode import GraphemeMode
from balchat_ui_tui.terminal_input import ESCAPE, Pasted, TerminalInput

_SIZE: Final = 64 * 1024
_LOOK: Final = 0.1
"""Seconds between looks at the time while nothing comes."""
_ENDING: Final = (signal.SIGHUP, signal.SIGTERM)
_BY_SIGNAL: Final = 128
"""What shells add to the number of the signal that ended a program, to have its exit code."""


class ToldToLeave(Message):
    """A signal says that the program is to end, or its terminal is gone. `code` is the exit code for that."""

    def __init__(self, number: signal.Signals) -> None:
        super().__init__()
        self.code = _BY_SIGNAL + number


class MayBeGone:
    """What is written to a terminal. Of one that is gone, nobody misses it."""

    def __init__(self, file: IO[str]) -> None:
        self._file = file

    def write(self, text: str) -> None:
        """Write a text."""
        with suppress(OSError):
            self._file.write(text)

    def flush(self) -> None:
        """Write what is held."""
        with suppress(OSError):
            self._file.flush()

    def fileno(self) -> int:
        """Return the terminal's number."""
        return self._file.fileno()

    def isatty(self) -> bool:
        """Return whether it is a terminal."""
        return self._file.isatty()


class Key(events.Key):
    """A key that types what Python calls unprintable: a joiner, a wide space, an emoji that is newer than Python."""

    @property
    def is_printable(self) -> bool:
        """It is text."""
        return True


class TerminalDriver(LinuxDriver):
    """Textual's driver, which reads by itself."""

    def __init__(
        self, app: App[Any], *, debug: bool = False, mouse: bool = True, size: tuple[int, int] | None = None
    ) -> None:
        super().__init__(app, debug=debug, mouse=mouse, size=size)  # pyright: ignore[reportUnknownMemberType]  # its type of App
        self._graphemes = GraphemeMode(self.write)
        self._file: Any = MayBeGone(self._file)
        self._heeded: list[signal.Signals] = []

    def start_application_mode(self) -> None:
        """Take the terminal."""
        super().start_application_mode()
        loop = asyncio.get_running_loop()
        # Under nohup they are ignored.
        self._heeded = [each for each in _ENDING if signal.getsignal(each) is not signal.SIG_IGN]
        for each in self._heeded:
            loop.add_signal_handler(each, self.send_message, ToldToLeave(each))
        # Apple's types a letter of the question; Textual asks it nothing either.
        if self.input_tty and os.environ.get("TERM_PROGRAM") != "Apple_Terminal":
            self._graphemes.begin()

    def stop_application_mode(self) -> None:
        """Give the terminal back."""
        while self._heeded:
            asyncio.get_running_loop().remove_signal_handler(self._heeded.pop())
        self._graphemes.end()
        super().stop_application_mode()

    def run_input_thread(self) -> None:
        """Read until the program ends, or the terminal is gone: then have the program end."""
        if self._read():
            self.send_message(ToldToLeave(signal.SIGHUP))

    def _read(self) -> bool:
        """Read; return whether the terminal is gone."""
        parser = XTermParser(self._debug)
        pieces = TerminalInput(constants.ESCAPE_DELAY)
        # What is no UTF-8 is shown as such: it comes from a terminal that is set to another encoding.
        decode = getincrementaldecoder("utf-8")("replace").decode
        with selectors.DefaultSelector() as selector:
            selector.register(self.fileno, selectors.EVENT_READ)
            while not self.exit_event.is_set():
                octets = b""
                if selector.select(_LOOK):
                    try:
                        octets = os.read(self.fileno, _SIZE)
                    except OSError:
                        return True
                    if not octets:
                        return True
                for piece in pieces.feed(decode(octets), monotonic()):
                    if isinstance(piece, Pasted):
                        self.process_message(events.Paste(piece.text))
                    elif piece == ESCAPE:
                        self.process_message(events.Key("escape", ESCAPE))
                    else:
                        self._graphemes.answered(piece)
                        self._tell(parser.feed(piece))
                self._tell(parser.tick())
        return False

    def _tell(self, messages: Iterable[Message]) -> None:
        for message in messages:
            self.process_message(typed(message))


def typed(message: Message) -> Message:
    """Return a key as one that types its character, where it has one."""
    if not isinstance(message, events.Key) or message.is_printable:
        return message
    character = message.character or ""
    is_text = len(character) == 1 and category(character) not in {"Cc", "Cs"}
    return Key(message.key, character) if is_text else message
