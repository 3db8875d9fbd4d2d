"""Markdown with styles, for terminals that have them.

A parser for GFM without HTML, images, references and addresses that become links by themselves finds the blocks: lists,
quotes, headings and code. What stands in them is looked at line by line: emphasis, code, and links with their address.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from itertools import groupby
from typing import TYPE_CHECKING, Final

from balchat_host.api.text import visible
from balchat_ui_cli.markdown import link_address, plain, without_hard_breaks
from balchat_ui_cli.output import Span, Style
from balchat_ui_cli.text import fit, text_lines, width, wrap

if TYPE_CHECKING:
    from markdown_it import MarkdownIt
    from markdown_it.token import Token

_LONGEST: Final = 4096
"""Characters of the longest line that is styled: the time to parse one can grow with the square of its length."""
_MARKS: Final = {"strong": Style.STRONG, "em": Style.EMPHASIS, "s": Style.STRUCK}
_AS_TYPED: Final = ["html_inline", "html_block", "autolink", "image", "reference"]
_RULE: Final = "────────"
_MOST_LINES: Final = 500
"""Lines of the longest text that has styles: somebody may write nothing but thousands of short ones."""
_DEEPEST: Final = 20
"""How deep blocks stand in others; the parser drops what is deeper, so then all of it is shown as it was typed."""


@dataclass(slots=True)
class _Edge:
    """What stands before the lines of a quote, or of an item of a list: before the first, and before the others."""

    first: str
    others: str

    def take(self) -> str:
        now, self.first = self.first, self.others
        return now


def styled_lines(text: str, cells: int | None = None) -> Iterator[list[Span]]:
    """Return markdown as lines of harmless spans, which have at most `cells` cells (at least 4)."""
    lines = text_lines(text)
    if len(lines) > _MOST_LINES:
        return _framed(([Span(visible(plain(line)))] for line in lines), (), cells)
    tokens = _blocks().parse("\n".join(lines))
    if any(token.level >= _DEEPEST - 1 for token in tokens) or not any(_says_something(token) for token in tokens):
        return _framed(_inline(text, []), (), cells)
    return _blocks_of(tokens, cells)


def _says_something(token: "Token") -> bool:
    return token.type == "hr" or bool(token.content.strip() or token.info.strip())


def _blocks_of(tokens: Iterable["Token"], cells: int | None) -> Iterator[list[Span]]:
    around = _Around()
    end: int | None = None
    for token in tokens:
        if token.type in {"inline", "fence", "code_block", "hr"}:
            if end is not None and token.map and token.map[0] > end:
                yield []
            yield from _framed(_leaf(token, heading=around.heading), around.edges, cells)
            end = token.map[1] if token.map else end
        else:
            around.take(token)


class _Around:
    """In which quotes, lists and headings the reader stands."""

    def __init__(self) -> None:
        self.edges: list[_Edge] = []
        self.heading = False
        self._numbers: list[int | None] = []

    def take(self, token: "Token") -> None:
        """Take what opens or closes a block."""
        match token.type:
            case "bullet_list_open":
                self._numbers.append(None)
            case "ordered_list_open":
                self._numbers.append(int(token.attrGet("start") or 1))
            case "bullet_list_close" | "ordered_list_close":
                self._numbers.pop()
            case "list_item_open":
                self.edges.append(_item(self._numbers))
            case "blockquote_open":
                self.edges.append(_Edge("│ ", "│ "))
            case "list_item_close" | "blockquote_close":
                self.edges.pop()
            case "heading_open" | "heading_close":
                self.heading = token.nesting > 0
            case _:
                pass


def _item(numbers: list[int | None]) -> _Edge:
    number = numbers[-1]
    if number is None:
        return _Edge("• ", "  ")
    numbers[-1] = number + 1
    mark = f"{number}. "
    return _Edge(mark, " " * len(mark))


def _leaf(token: "Token", *, heading: bool) -> Iterator[list[Span]]:
    """Return the lines of a block that holds no others."""
    if token.type == "hr":
        yield [Span(_RULE, Style.FAINT)]
    elif token.type in {"fence", "code_block"}:
        if token.info.strip():
            yield [Span(visible(token.info.strip()), Style.FAINT)]
        yield from ([Span(visible(line), Style.CODE)] for line in text_lines(token.content.removesuffix("\n")))
    else:
        yield from _inline(token.content, ["strong"] if heading else [])


def _inline(text: str, marks: Sequence[str]) -> Iterator[list[Span]]:
    """Return the lines of a text that is in no block."""
    for line in text_lines(without_hard_breaks(text)):
        if len(line) > _LONGEST:
            yield [Span(visible(plain(line)), _style(marks))]
        else:
            yield list(_styled(_parser().parseInline(line)[0].children or (), marks))


def _framed(lines: Iterable[list[Span]], edges: Sequence[_Edge], cells: int | None) -> Iterator[list[Span]]:
    """Return lines behind what says in which quotes and lists they stand, broken into rows."""
    most = None if cells is None else cells // 2
    before_width = sum(width(edge.others) for edge in edges)
    for line in lines:
        for row in [line] if cells is None else wrap_spans(line, cells - min(before_width, most or 0)):
            before = "".join(edge.take() for edge in edges)
            before = before if most is None else fit(before, most)
            yield [Span(before, Style.FAINT), *row] if before else row


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


@cache
def _blocks() -> "MarkdownIt":
    from markdown_it import MarkdownIt

    return MarkdownIt("commonmark", {"html": False}).disable([*_AS_TYPED, "inline"])


def _styled(tokens: Iterable["Token"], within: Sequence[str]) -> Iterator[Span]:
    marks = [*within]
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
