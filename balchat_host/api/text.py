"""Text of others, made harmless for a terminal. Whatever a program prints that somebody else wrote comes through here.

Rules
-----
- What could move the cursor, change a colour, or move or hide other text shows as a harmless escape: escape sequences,
  overrides of the reading direction, tags, line ends, marks without number.
- What only says how to set a text is left out: marks of direction, isolates, soft hyphens, invisible spaces.
- Joiners, variation selectors and flags stay: many scripts and most emoji are spelt with them, and they move nothing.
"""

import re
import unicodedata
from typing import Final

MAX_MARKS: Final = 4
"""Marks on one letter at most, as in UTS 39, section 5.4; more make a text run into the lines around it."""
FLAG: Final = re.compile("\U0001f3f4[\U000e0030-\U000e0039\U000e0061-\U000e007a]{3,6}\U000e007f")
"""The flag of a part of a country, as of Scotland (UTS 51, ED-14a)."""

_LEFT_OUT: Final = frozenset(
    "\u00ad\u061c\u200b\u200e\u200f\u2060\u2061\u2062\u2063\u2064\u2066\u2067\u2068\u2069\ufeff"
)
_JOINERS: Final = frozenset("\u180e\u200c\u200d")
_HIDDEN: Final = frozenset({"Cc", "Cf", "Cs", "Zl", "Zp"})
"""Unicode categories that are no visible character: controls, format and bidi controls, surrogates, line ends."""
_DELETE: Final = "\x7f"
_NO_LETTER: Final = "\u25cc"
"""A dotted circle, on which a mark shows that has no letter."""


def visible(text: str) -> str:
    """Return one line of text harmless: controls as their pictures (␛ ␊), other hidden characters as `<U+202E>`."""
    if text.isascii() and text.isprintable():
        return text
    in_flags = {place for flag in FLAG.finditer(text) for place in range(*flag.span())}
    shown: list[str] = []
    marks = 0
    for place, character in enumerate(text):
        if character in _LEFT_OUT:
            continue
        if _is_mark(character):
            if not shown:
                shown.append(_NO_LETTER)
            marks += 1
            if marks <= MAX_MARKS:
                shown.append(character)
            continue
        shown += _left(marks)
        marks = 0
        shown.append(character if place in in_flags else _shown(character))
    return "".join(shown + _left(marks))


def text_lines(text: str) -> list[str]:
    """Cut a text into its lines, at every line end that a person may have meant; a tab becomes four spaces."""
    joined = text.replace("\r\n", "\n").replace("\r", "\n").replace("\u2028", "\n").replace("\u2029", "\n")
    return [line.replace("\t", "    ") for line in joined.split("\n")]


def visible_lines(text: str) -> list[str]:
    """Return the lines of a text, each harmless."""
    return [visible(line) for line in text_lines(text)]


def _is_mark(character: str) -> bool:
    return unicodedata.category(character) in {"Mn", "Me"} and not (
        "\ufe00" <= character <= "\ufe0f" or "\U000e0100" <= character <= "\U000e01ef"
    )


def _left(marks: int) -> list[str]:
    return [f"<{marks - MAX_MARKS} more marks>"] if marks > MAX_MARKS else []


def _shown(character: str) -> str:
    if character in _JOINERS or unicodedata.category(character) not in _HIDDEN:
        return character
    if character == _DELETE:
        return "␡"
    return chr(0x2400 + ord(character)) if character < " " else f"<U+{ord(character):04X}>"
