"""The text of a message as rows: markdown with its styles, anything else as it was typed."""

from collections.abc import Iterator

from balchat_host.api.markdown import as_typed, plain
from balchat_host.api.styled_markdown import styled_lines
from balchat_host.api.text import visible_lines
from balchat_ui_tui.drawing.cells import fit, width
from balchat_ui_tui.drawing.pieces import Ink, Piece, of_span, wrap_pieces


def is_markdown(content_type: str) -> bool:
    """Return whether a text of a content type is markdown."""
    return content_type.lower().startswith("text/markdown")


def plain_text(content_type: str, text: str) -> str:
    """Return a text without marks that only style it. What strangers wrote in it is as it was."""
    return plain(text) if is_markdown(content_type) else text


def bare_lines(content_type: str, text: str) -> Iterator[str]:
    """Return the lines of a text as a list shows them: harmless, and without the marks that only style them."""
    if is_markdown(content_type) and as_typed(text)[1]:
        yield from ("".join(span.text for span in line.spans) for line in styled_lines(text))
    else:
        yield from visible_lines(plain_text(content_type, text))


def text_to_edit(content_type: str, text: str) -> tuple[str, bool]:
    """Return the text of a message as a person would type it, and whether it is markdown."""
    return as_typed(text) if is_markdown(content_type) else (text, False)


def text_rows(content_type: str, text: str, cells: int) -> Iterator[list[Piece]]:
    """Return a text as rows of at most so many cells (at least 4)."""
    if is_markdown(content_type) and as_typed(text)[1]:
        yield from _markdown_rows(text, cells)
        return
    for line in visible_lines(plain_text(content_type, text)):
        yield from wrap_pieces([Piece(line)], cells)


def _markdown_rows(text: str, cells: int) -> Iterator[list[Piece]]:
    most = cells // 2
    for line in styled_lines(text):
        before_width = min(sum(width(edge.others) for edge in line.edges), most)
        for row in wrap_pieces([of_span(span) for span in line.spans], cells - before_width):
            before = fit(line.before(), most)
            yield [Piece(before, Ink.FAINT), *row] if before else row
