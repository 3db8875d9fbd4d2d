"""Rows of a list, as values: what they say, and how that looks."""

from dataclasses import dataclass

from textual.content import Content


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
    side_style: str = "$text-muted"


def heading(text: str) -> Row:
    """Return a row above others."""
    return Row(id=None, text=text, style="bold $text-accent")


def content(row: Row) -> Content:
    """Return a row as it is drawn."""
    parts: list[str | tuple[str, str]] = [(row.text, row.style) if row.style else row.text]
    if row.side:
        parts += ["  ", (row.side, row.side_style)]
    if row.note:
        parts += ["\n", (row.note, "$text-muted")]
    return Content.assemble(*parts)
