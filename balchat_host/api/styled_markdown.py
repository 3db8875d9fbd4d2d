"""Markdown with styles, for terminals that have them.

A parser for GFM without HTML, images, references and addresses that become links by themselves finds the blocks: lists,
quotes, headings and code. What stands in them is looked at line by line: emphasis, code, and links with their address.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Final

from balchat_host.api.markdown import link_address, plain, without_hard_breaks
from balchat_host.api.spans import Span, Style
from balchat_host.api.text import text_lines, visible

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
class Edge:
    """What stands before the lines of a quote, or of an item of a list: before the first, and before the others."""

    first: str
    others: str

    def take(self) -> str:
        """Return what stands before the next row."""
        now, self.first = self.first, self.others
        return now


@dataclass(frozen=True, slots=True)
class StyledLine:
    """A line of harmless spans, and in which quotes and lists it stands. Whoever shows it breaks it into rows."""

    spans: Sequence[Span]
    edges: Sequence[Edge] = ()

    def before(self) -> str:
        """Return what stands before the next row of it."""
        return "".join(edge.take() for edge in self.edges)


def styled_lines(text: str) -> Iterator[StyledLine]:
    """Return markdown as lines. They are to be shown in their order, since the first row of an item has its mark."""
    lines = text_lines(text)
    if len(lines) > _MOST_LINES:
        return (StyledLine([Span(visible(plain(line)))]) for line in lines)
    tokens = _blocks().parse("\n".join(lines))
    if any(token.level >= _DEEPEST - 1 for token in tokens) or not any(_says_something(token) for token in tokens):
        return map(StyledLine, _inline(text, []))
    return _blocks_of(tokens)


def _says_something(token: "Token") -> bool:
    return token.type == "hr" or bool(token.content.strip() or token.info.strip())


def _blocks_of(tokens: Iterable["Token"]) -> Iterator[StyledLine]:
    around = _Around()
    end: int | None = None
    for token in tokens:
        if token.type in {"inline", "fence", "code_block", "hr"}:
            if end is not None and token.map and token.map[0] > end:
                yield StyledLine([])
            for line in _leaf(token, heading=around.heading):
                yield StyledLine(line, tuple(around.edges))
            end = token.map[1] if token.map else end
        else:
            around.take(token)


class _Around:
    """In which quotes, lists and headings the reader stands."""

    def __init__(self) -> None:
        self.edges: list[Edge] = []
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
                self.edges.append(Edge("│ ", "│ "))
            case "list_item_close" | "blockquote_close":
                self.edges.pop()
            case "heading_open" | "heading_close":
                self.heading = token.nesting > 0
            case _:
                pass


def _item(numbers: list[int | None]) -> Edge:
    number = numbers[-1]
    if number is None:
        return Edge("• ", "  ")
    numbers[-1] = number + 1
    mark = f"{number}. "
    return Edge(mark, " " * len(mark))


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


@cache
def _parser() -> "MarkdownIt":
    from markdown_it import MarkdownIt  # noqa: PLC0415  # only what is markdown needs it

    parser = MarkdownIt("commonmark", {"html": False}).enable("strikethrough").disable(_AS_TYPED)
    # `link_address` shows an address as it was typed, but for its host.
    parser.normalizeLink = _as_it_is
    return parser


def _as_it_is(url: str) -> str:
    return url


@cache
def _blocks() -> "MarkdownIt":
    from markdown_it import MarkdownIt  # noqa: PLC0415  # only what is markdown needs it

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
