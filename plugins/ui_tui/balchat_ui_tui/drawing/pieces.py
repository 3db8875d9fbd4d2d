"""Pieces of a row: text with an ink. What an ink looks like, the theme says (`inks`)."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from enum import Enum, auto
from itertools import groupby

from balchat_host.api.spans import Span
from balchat_ui_tui.drawing.cells import breaks, width


class Ink(Enum):
    """How a piece looks. The first ones are those of `balchat_host.api.spans.Style`."""

    PLAIN = auto()
    STRONG = auto()
    FAINT = auto()
    GOOD = auto()
    WARN = auto()
    BAD = auto()
    EMPHASIS = auto()
    STRONG_EMPHASIS = auto()
    STRUCK = auto()
    CODE = auto()
    OTHER = auto()
    OWN = auto()
    """Our own name."""
    ACCENT = auto()
    """What is new."""
    FOUND = auto()
    """What was searched for."""
    LINE = auto()
    """Lines between things."""


@dataclass(frozen=True, slots=True)
class Piece:
    """A piece of a row. Its text is harmless."""

    text: str
    ink: Ink = Ink.PLAIN


Row = Sequence[Piece]


def of_span(span: Span) -> Piece:
    """Return a shared span as a piece."""
    return Piece(span.text, Ink[span.style.name])


def pieces_width(row: Iterable[Piece]) -> int:
    """Return how many cells a row takes."""
    return sum(width(piece.text) for piece in row)


def wrap_pieces(row: Row, cells: int) -> Iterator[list[Piece]]:
    """Break a row of any length into rows of at most so many cells (at least 2)."""
    text = "".join(piece.text for piece in row)
    places = breaks(text, cells)
    if len(places) == 1:
        yield [*row]
        return
    inks = [piece.ink for piece in row for _ in piece.text]
    for start, end in places:
        ran = groupby(range(start, end), key=inks.__getitem__)
        pieces: list[Piece] = []
        place = start
        for ink, run in ran:
            length = sum(1 for _ in run)
            pieces.append(Piece(text[place : place + length], ink))
            place += length
        yield pieces
