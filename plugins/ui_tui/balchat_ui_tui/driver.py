"""Reads the terminal for Textual: sequences and pastes as wholes (`terminal_input`), and letters that Textual drops."""

import os
import selectors
from codecs import getincrementaldecoder
from collections.abc import Iterable
from time import monotonic
from typing import Any, Final
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

    def start_application_mode(self) -> None:
        """Take the terminal."""
        super().start_application_mode()
        # Apple's types a letter of the question; Textual asks it nothing either.
        if self.input_tty and os.environ.get("TERM_PROGRAM") != "Apple_Terminal":
            self._graphemes.begin()

    def stop_application_mode(self) -> None:
        """Give the terminal back."""
        self._graphemes.end()
        super().stop_application_mode()

    def run_input_thread(self) -> None:
        """Read until the program ends, or the terminal is gone."""
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
                        return
                    if not octets:
                        return
                for piece in pieces.feed(decode(octets), monotonic()):
                    if isinstance(piece, Pasted):
                        self.process_message(events.Paste(piece.text))
                    elif piece == ESCAPE:
                        self.process_message(events.Key("escape", ESCAPE))
                    else:
                        self._graphemes.answered(piece)
                        self._tell(parser.feed(piece))
                self._tell(parser.tick())

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
