"""Rows of a list, as values: what they say, and how that looks."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from textual.content import Content

from balchat_ui_tui.drawing.cells import width

_GAP: Final = 2


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One row. `id` is what is meant by it, None for a heading or another row that nobody can choose.

    `text` is harmless already. `note` stands below it, `side` behind it, in the given styles.
    """

    id: str | None
    text: str
    note: str = ""
    side: str = ""
    style: str = ""
    is_heading: bool = False
    side_style: str = "dim"


def heading(text: str) -> Row:
    """Return a row above others."""
    return Row(id=None, text=text, style="bold $text-accent", is_heading=True)


def column(rows: Sequence[Row], room: int) -> int:
    """Return the cells that the texts take which have something beside them, so that it begins in one column."""
    widths = (width(row.text) for row in rows if row.side)
    return max((each for each in widths if each <= room // 2), default=0)


def content(row: Row, cells: int, room: int, *, first: bool = False) -> Content:
    """Return a row as it is drawn in a room, its text in so many cells; what stands beside it below, where it must.

    A heading stands apart, where it is not the `first`.
    """
    parts: list[str | tuple[str, str]] = ["\n"] if row.is_heading and not first else []
    parts.append((row.text, row.style) if row.style else row.text)
    if row.side:
        used = max(cells, width(row.text)) + _GAP
        gap = " " * (used - width(row.text)) if used + width(row.side) <= room else "\n" + " " * _GAP
        parts += [gap, (row.side, row.side_style)]
    if row.note:
        parts += ["\n", (row.note, "dim")]
    return Content.assemble(*parts)
