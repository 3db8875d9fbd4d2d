"""Markdown with styles, for terminals that have them: emphasis, code and struck text, and links with their address.

Each line is looked at by itself, by a parser for GFM without HTML, images and addresses that become links by
themselves. Lists, quotes and headings stand as they were typed.
"""

import re
from collections.abc import Iterable, Iterator, Sequence
from functools import cache
from itertools import groupby
from typing import TYPE_CHECKING, Final

from balchat_host.api.text import visible
from balchat_ui_cli.markdown import link_address, plain, without_hard_breaks
from balchat_ui_cli.output import Span, Style
from balchat_ui_cli.text import text_lines, wrap

if TYPE_CHECKING:
    from markdown_it import MarkdownIt
    from markdown_it.token import Token

_LONGEST: Final = 4096
"""Characters of the longest line that is styled: the time to parse one can grow with the square of its length."""
_FENCE: Final = re.compile(r" {0,3}(```(?!.*`)|~~~)")
"""What a block of code is between (GFM, section 4.5)."""
_MARKS: Final = {"strong": Style.STRONG, "em": Style.EMPHASIS, "s": Style.STRUCK}
_AS_TYPED: Final = ["html_inline", "autolink", "image"]


def styled_lines(text: str) -> Iterator[list[Span]]:
    """Return markdown as lines of harmless spans."""
    fence: str | None = None
    for line in text_lines(without_hard_breaks(text)):
        found = _FENCE.match(line)
        edge = found is not None and fence in {None, found[1]}
        if edge or fence:
            yield [Span(visible(line), Style.CODE)]
        elif len(line) > _LONGEST:
            yield [Span(visible(plain(line)))]
        else:
            yield list(_styled(_parser().parseInline(line)[0].children or ()))
        if found and edge:
            fence = None if fence else found[1]


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


@cache
def _parser() -> "MarkdownIt":
    from markdown_it import MarkdownIt

    parser = MarkdownIt("commonmark", {"html": False}).enable("strikethrough").disable(_AS_TYPED)
    # `link_address` shows an address as it was typed, but for its host.
    parser.normalizeLink = str
    return parser


def _styled(tokens: Iterable["Token"]) -> Iterator[Span]:
    marks: list[str] = []
    addresses: list[str] = []
    for token in tokens:
        kind, _, place = token.type.rpartition("_")
        if kind in _MARKS and place == "open":
            marks.append(kind)
        elif kind in _MARKS:
            marks.pop()
        elif token.type == "link_open":
            addresses.append(link_address(str(token.attrGet("href") or "")))
        elif token.type == "link_close":
            yield Span(visible(addresses.pop()), _style(marks))
        else:
            yield Span(visible(token.content), Style.CODE if token.type == "code_inline" else _style(marks))


def _style(marks: Sequence[str]) -> Style:
    """Return the style of the innermost mark; strong emphasis is both."""
    if "s" not in marks and {"strong", "em"}.issubset(marks):
        return Style.STRONG_EMPHASIS
    return _MARKS[marks[-1]] if marks else Style.PLAIN
