"""What inks look like in a theme, and rows as strips of it."""

import re
from collections.abc import Mapping
from typing import Final

from rich.segment import Segment
from rich.style import Style
from textual.color import Color
from textual.strip import Strip

from balchat_ui_tui.drawing.cells import width
from balchat_ui_tui.drawing.pieces import Ink, Row

_LEFT_TO_RIGHT_MARK: Final = "\u200e"
"""It takes no cell. A terminal that reorders text would else turn round a whole row that begins from the right."""

_RIGHT_TO_LEFT: Final = re.compile("[\u0590-\u08ff\ufb1d-\ufdff\ufe70-\ufefc]")
"""Letters of Hebrew, Arabic and their neighbours."""

_COLOURS: Final = {
    Ink.GOOD: "success",
    Ink.WARN: "warning",
    Ink.BAD: "error",
    Ink.CODE: "secondary",
    Ink.OTHER: "primary",
    Ink.OWN: "secondary",
    Ink.ACCENT: "accent",
    Ink.FOUND: "accent",
}
_BOLD: Final = frozenset({Ink.STRONG, Ink.STRONG_EMPHASIS, Ink.OTHER, Ink.OWN, Ink.ACCENT, Ink.FOUND})


class Inks:
    """The inks of one theme. `variables` are the theme's, as Textual has them; without any, nothing has a colour."""

    def __init__(self, variables: Mapping[str, str]) -> None:
        faint = variables.get("faint")
        self._styles = {ink: _style(ink, variables, faint) for ink in Ink}

    def strip(self, row: Row, ground: Style = Style.null()) -> Strip:  # noqa: B008  # it is the one that is nothing
        """Return a row as a strip, on a ground."""
        segments = [Segment(piece.text, ground + self._styles[piece.ink]) for piece in row if piece.text]
        if any(_turns(piece.text) for piece in row):
            segments.insert(0, Segment(_LEFT_TO_RIGHT_MARK, ground))
        return Strip(segments, sum(width(piece.text) for piece in row))

    def style(self, ink: Ink) -> Style:
        """Return what an ink looks like."""
        return self._styles[ink]


def _style(ink: Ink, variables: Mapping[str, str], faint: str | None) -> Style:
    if ink in {Ink.FAINT, Ink.LINE}:
        return Style(color=Color.parse(faint).rich_color) if faint else Style(dim=True)
    colour = variables.get(_COLOURS.get(ink, ""))
    return Style(
        color=Color.parse(colour).rich_color if colour else None,
        bold=True if ink in _BOLD else None,
        italic=True if ink in {Ink.EMPHASIS, Ink.STRONG_EMPHASIS} else None,
        strike=True if ink is Ink.STRUCK else None,
        underline=True if ink is Ink.FOUND else None,
    )


def _turns(text: str) -> bool:
    """Return whether a text may have letters that are read from right to left."""
    return not text.isascii() and _RIGHT_TO_LEFT.search(text) is not None
