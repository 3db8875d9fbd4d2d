"""What a terminal sends, taken apart: keys, pastes, and answers that nobody waits for any more.

Over a slow line it comes in pieces. Textual gives a sequence up after a tenth of a second, and types the rest of it:
an arrow's `[D` into a message, or the lines of a paste with a return after each. So a sequence is held here until it is
whole. A paste is one text, whatever is in it. What a terminal answers to a question (its version, its colours, that it
shows pictures) may come when whoever asked has given up, and is nobody's key.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

ESCAPE: Final = "\x1b"
_PASTE: Final = "\x1b[200~"
_PASTED: Final = "\x1b[201~"

_SEQUENCE: Final = re.compile(r"\x1b\[[0-?]*[ -/]*[@-~]")
_STRING: Final = re.compile(r"\x1b[P\]_^X][^\x00-\x1f\x7f]{0,512}(?:\x07|\x1b\\)")
_BEGUN: Final = re.compile(r"\x1b(?:\[[0-?]*[ -/]*|O|[P\]_^X][^\x00-\x1f\x7f]{0,512}\x1b?)?")
_ANSWER: Final = re.compile(r"\x1b\[(?:[?>=][0-?]*[ -/]*[@-~]|(?!48;)\d[\d;]*[cntx])")
_MODE: Final = re.compile(r"\x1b\[\?[\d;]*\$y")
"""An answer that Textual itself waits for."""

_REST: Final = 1.0
"""Seconds to wait for the rest of a sequence."""
_SILENCE: Final = 5.0
"""Seconds without anything after which a paste is over whose end was lost."""


@dataclass(frozen=True, slots=True)
class Pasted:
    """A text that was pasted."""

    text: str


class TerminalInput:
    """Takes apart what a terminal sends. `escape_delay` is how long a lone Escape may be the begin of a sequence."""

    def __init__(self, escape_delay: float) -> None:
        self._escape_delay = escape_delay
        self._held = ""
        self._since = 0.0
        self._paste: list[str] | None = None
        """What is pasted, as far as it has come."""

    def feed(self, text: str, now: float) -> Iterator[str | Pasted]:
        """Take a text, empty where only time has passed; return texts, whole sequences, and pastes, in their order.

        A lone `ESCAPE` is the key.
        """
        if text and (not self._held or self._paste is not None):
            self._since = now
        self._held += text
        while self._held or self._paste is not None:
            piece = self._key(now) if self._paste is None else self._pasted(now)
            if piece is None:
                return
            if piece:
                yield piece

    def _key(self, now: float) -> str | Pasted | None:
        """Return the next piece, empty where it is nobody's; None while more is to come."""
        place = self._held.find(ESCAPE)
        if place:
            return self._take(len(self._held) if place < 0 else place)
        if found := _STRING.match(self._held):
            self._take(found.end())
            return ""
        if found := _SEQUENCE.match(self._held):
            return self._sequence(self._take(found.end()))
        if not _BEGUN.fullmatch(self._held):
            return self._take(1 if self._held.startswith(ESCAPE, 1) else 2)
        if now - self._since < (self._escape_delay if self._held == ESCAPE else _REST):
            return None
        held = self._take(len(self._held))
        return "" if held.startswith("\x1b[") and len(held) > len("\x1b[") else held

    def _sequence(self, sequence: str) -> str:
        if sequence == _PASTE:
            self._paste = []
        if sequence in {_PASTE, _PASTED} or (_ANSWER.fullmatch(sequence) and not _MODE.fullmatch(sequence)):
            return ""
        return sequence

    def _pasted(self, now: float) -> Pasted | None:
        assert self._paste is not None, "it has begun"
        text, end, rest = self._held.partition(_PASTED)
        if not end and now - self._since < _SILENCE:
            # The end may have come in part.
            kept = len(_PASTED) - 1
            self._paste.append(self._held[:-kept])
            self._held = self._held[-kept:]
            return None
        self._paste.append(text)
        pasted, self._paste, self._held = "".join(self._paste), None, rest
        return Pasted(pasted.replace("\x00", ""))

    def _take(self, length: int) -> str:
        taken, self._held = self._held[:length], self._held[length:]
        return taken
