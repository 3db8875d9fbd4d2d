"""Which characters show, and which that do not show belong where they stand."""

import unicodedata
from collections.abc import Iterator
from typing import Final

from balchat_host.api.text import FLAG, MAX_MARKS

_HIDDEN: Final = frozenset({"Cc", "Cf", "Cs", "Co", "Zl", "Zp"})
"""Unicode categories that can hide or disguise: controls, formats (bidirectional overrides among them), surrogates."""
_BLANK: Final = frozenset("\u034f\u115f\u1160\u17b4\u17b5\u2800\u3164\uffa0\ufffc\U00016fe4\U0001d159")
"""Letters, marks and symbols that show as nothing: with one of them, two names would look the same."""
_JOINERS: Final = "\u200c\u200d\u180e"
_EMOJI_SELECTORS: Final = "\ufe0e\ufe0f"
_SHOWN_BOTH_WAYS: Final = "\u203c\u2049\u2139\u3030"
"""Emoji that are letters or punctuation by their category."""
_MONGOLIAN: Final = "\u180b\u180c\u180d\u180f"
_FIRST_OF_EAST_ASIA: Final = "\u2e80"
_KEYCAP: Final = "\u20e3"
_TAG_END: Final = "\U000e007f"
_VIRAMA: Final = 9
"""The combining class of signs that take a consonant's vowel away; what shape follows, a joiner may choose."""

_JOINING: Final = (
    (0x0600, 0x08FF),  # Arabic, Syriac, N'Ko, Mandaic
    (0x0900, 0x0DFF),  # the scripts of India and Sri Lanka
    (0x1000, 0x109F),  # Burmese
    (0x1780, 0x18AF),  # Khmer, Mongolian
    (0x1B00, 0x1BFF),  # Balinese, Sundanese, Batak
    (0xA840, 0xA8FF),
    (0xA980, 0xAAFF),
    (0xABC0, 0xABFF),
    (0xFB50, 0xFDFF),
    (0xFE70, 0xFEFC),
    (0x10AC0, 0x10AFF),
    (0x10D00, 0x10D3F),
    (0x10F30, 0x10FDF),
    (0x11000, 0x11FFF),
    (0x1E900, 0x1E95F),
)
"""Blocks whose letters change shape beside each other, so that joiners between them show."""
_PICTURES: Final = ((0x1F000, 0x1FAFF), (0x1FC00, 0x1FFFD))
"""Emoji, and the room that is kept for coming ones (UTS 51)."""
_UNASSIGNED_BLANKS: Final = ((0x2065, 0x2065), (0xFFF0, 0xFFF8), (0xE0000, 0xE0FFF), (0xFDD0, 0xFDEF))
"""Unassigned, and what they will be is not to be seen (Default_Ignorable_Code_Point), or never anything."""


def printable(text: str) -> str:
    """Return a text without what does not fit in it."""
    unfit = set(_unfit(text))
    return "".join(each for place, each in enumerate(text) if place not in unfit) if unfit else text


def first_unfit(text: str) -> int | None:
    """Return the place of the first character that does not fit where it stands, if there is one."""
    return next(_unfit(text), None)


def _unfit(text: str) -> Iterator[int]:
    in_flags = {place for flag in FLAG.finditer(text) for place in range(*flag.span())}
    marks, base = 0, ""
    for place, character in enumerate(text):
        before = text[place - 1] if place else ""
        if character.isascii() and character.isprintable():
            marks, base = 0, character
        elif character in _JOINERS:
            if not _may_join(character, before, text[place + 1 : place + 2]):
                yield place
        elif _is_selector(character):
            if not _may_select(character, before, text[place + 1 : place + 2]):
                yield place
        elif unicodedata.category(character) in {"Mn", "Me"} and character not in _BLANK:
            marks += 1
            if marks > MAX_MARKS or base in {"", " "}:
                yield place
        elif is_hidden(character) and place not in in_flags:
            yield place
        else:
            marks, base = 0, character


def _may_join(joiner: str, before: str, after: str) -> bool:
    if not before or joiner in before:
        return False
    if unicodedata.combining(before) == _VIRAMA:
        return True
    if joiner == "\u200d" and after and _is_picture(after):
        return _is_picture(before) or before in {"\ufe0f", _KEYCAP, _TAG_END}
    return bool(after) and _lies_in(before, _JOINING) and _lies_in(after, _JOINING)


def _is_picture(character: str) -> bool:
    return unicodedata.category(character) in {"So", "Sm"} or _lies_in(character, _PICTURES)


def _is_selector(character: str) -> bool:
    return "\ufe00" <= character <= "\ufe0f" or "\U000e0100" <= character <= "\U000e01ef" or character in _MONGOLIAN


def _may_select(selector: str, before: str, after: str) -> bool:
    if not before:
        return False
    if selector in _EMOJI_SELECTORS:
        return _is_picture(before) or before in _SHOWN_BOTH_WAYS or (before in "0123456789#*" and after == _KEYCAP)
    if selector in _MONGOLIAN:
        return "\u1800" <= before <= "\u18af"
    return unicodedata.category(before) == "Lo" and (before >= _FIRST_OF_EAST_ASIA or _lies_in(before, _JOINING))


def is_hidden(character: str) -> bool:
    """Return whether a character shows as nothing, or only moves others."""
    category = unicodedata.category(character)
    if category == "Cn":
        return ord(character) & 0xFFFE == 0xFFFE or _lies_in(character, _UNASSIGNED_BLANKS)  # noqa: PLR2004  # noncharacters end so
    return category in _HIDDEN or character in _BLANK


def _lies_in(character: str, ranges: tuple[tuple[int, int], ...]) -> bool:
    return any(first <= ord(character) <= last for first, last in ranges)
