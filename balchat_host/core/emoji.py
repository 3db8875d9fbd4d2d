"""What one emoji is: Unicode Technical Standard #51, section 1.4.9, and a single grapheme cluster besides."""

from typing import Final

import regex

MAX_SIZE: Final = 64
"""Octets of the longest one, in UTF-8; of those that Unicode lists, none has more than 35."""
_ELEMENT: Final = (
    r"(?:\p{RI}\p{RI}|(?!\p{RI})\p{Emoji}(?:\p{Emoji_Modifier}|\uFE0F\u20E3?|[\U000E0020-\U000E007E]+\U000E007F)?)"
)
_SEQUENCE: Final = regex.compile(rf"{_ELEMENT}(?:\u200D{_ELEMENT})*")
_CLUSTER: Final = regex.compile(r"\X")
_AS_PICTURE: Final = "\ufe0f"


def is_emoji(text: str) -> bool:
    """Return whether a text is one emoji, and nothing else. A digit, which a keycap is made of, is none by itself."""
    return (
        not text.isascii()
        and len(text.encode(errors="replace")) <= MAX_SIZE
        and _SEQUENCE.fullmatch(text) is not None
        and _CLUSTER.fullmatch(text) is not None
    )


def key(emoji: str) -> str:
    """Return what is the same for all spellings of an emoji: keyboards differ in whether they ask for a picture."""
    return emoji.replace(_AS_PICTURE, "")
