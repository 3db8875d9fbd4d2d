"""Pieces of text with a style, as terminals have them: what front ends for terminals share."""

from dataclasses import dataclass
from enum import Enum


class Style(Enum):
    """How a span looks; the value is its SGR code (ECMA-48, 8.3.117)."""

    PLAIN = ""
    STRONG = "1"
    FAINT = "2"
    GOOD = "32"
    WARN = "33"
    BAD = "31"
    EMPHASIS = "3"
    STRONG_EMPHASIS = "1;3"
    STRUCK = "9"
    CODE = "35"
    OTHER = "36"
    """The other side of a conversation."""


@dataclass(frozen=True, slots=True)
class Span:
    """A piece of a line."""

    text: str
    style: Style = Style.PLAIN
