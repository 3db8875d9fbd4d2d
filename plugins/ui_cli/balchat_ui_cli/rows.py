"""Lines of spans, broken into the rows of a terminal."""

from collections.abc import Iterator, Sequence
from itertools import groupby

from balchat_host.api.spans import Span, Style
from balchat_host.api.styled_markdown import styled_lines
from balchat_ui_cli.text import fit, width, wrap


def markdown_rows(text: str, cells: int | None = None) -> Iterator[list[Span]]:
    """Return markdown as rows of harmless spans, which have at most `cells` cells (at least 4), behind their edges."""
    most = None if cells is None else cells // 2
    for line in styled_lines(text):
        before_width = sum(width(edge.others) for edge in line.edges)
        for row in [line.spans] if cells is None else wrap_spans(line.spans, cells - min(before_width, most or 0)):
            before = line.before() if most is None else fit(line.before(), most)
            yield [Span(before, Style.FAINT), *row] if before else [*row]


def wrap_spans(spans: Sequence[Span], cells: int) -> Iterator[list[Span]]:
    """Break one line of visible spans into rows of at most `cells` cells (at least 2), as `wrap` does."""
    characters = [(character, span.style) for span in spans for character in span.text]
    start = 0
    for row in wrap("".join(character for character, _ in characters), cells):
        end = start + len(row)
        yield [
            Span("".join(character for character, _ in same), style)
            for style, same in groupby(characters[start:end], lambda each: each[1])
        ]
        # A space at which a line is broken is in no row.
        start = end + (end < len(characters) and characters[end][0] == " ")
