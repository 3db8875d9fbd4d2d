"""Markdown on a terminal that has styles, and on one that has none."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from balchat_ui_cli.output import spans
from balchat_ui_cli.render.messages import MessageList
from balchat_ui_cli.rows import markdown_rows, wrap_spans

from balchat_host.api.spans import Span, Style
from balchat_host.api.views import MessageState, MessageView

if TYPE_CHECKING:
    from collections.abc import Iterable

PLAIN, STRONG, EMPHASIS, STRUCK, CODE = Style.PLAIN, Style.STRONG, Style.EMPHASIS, Style.STRUCK, Style.CODE
FAINT = Style.FAINT


def styles(line: Iterable[Span]) -> list[tuple[str, Style]]:
    return [(span.text, span.style) for span in line if span.text]


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("**now** or *never*", [("now", STRONG), (" or ", PLAIN), ("never", EMPHASIS)]),
        ("***both***", [("both", Style.STRONG_EMPHASIS)]),
        ("~~six~~ `a*b*`", [("six", STRUCK), (" ", PLAIN), ("a*b*", CODE)]),
        ("2\\*3\\*4", [("2*3*4", PLAIN)]),
        ("  - one *two*", [("• ", FAINT), ("one ", PLAIN), ("two", EMPHASIS)]),
        ("> so", [("│ ", FAINT), ("so", PLAIN)]),
        ("# *So* then", [("So", Style.STRONG_EMPHASIS), (" then", STRONG)]),
        ("7. x", [("7. ", FAINT), ("x", PLAIN)]),
        ("---", [("────────", FAINT)]),
        ("    a *b*", [("a *b*", CODE)]),
        ("[a]: https://example.com", [("[a]: https://example.com", PLAIN)]),
        ("<b>x</b>", [("<b>x</b>", PLAIN)]),
        ("<https://example.com>", [("<https://example.com>", PLAIN)]),
        ("[bank](https://b\u0430nk.example)", [("bank", PLAIN), (" <https://xn--bnk-6cd.example>", PLAIN)]),
        (f"*[@Ann](balchat:{'a' * 56})*", [("@Ann", EMPHASIS)]),
        ("*a\x1b[2J*", [("a␛[2J", EMPHASIS)]),
        ("&#27;[2J&#8238;x", [("\ufffd[2J<U+202E>x", PLAIN)]),
    ],
)
def test_marks_become_styles(text: str, shown: list[tuple[str, Style]]) -> None:
    [line] = markdown_rows(text)
    assert styles(line) == shown


def test_a_block_of_code_is_no_markdown() -> None:
    lines = [styles(line) for line in markdown_rows("so:\n```py\n  a *b* c\n```\n*d*\\\ne")]
    assert lines == [[("so:", PLAIN)], [("py", FAINT)], [("  a *b* c", CODE)], [("d", EMPHASIS)], [("e", PLAIN)]]


def test_lists_and_quotes_are_indented_in_each_row_and_empty_lines_stay() -> None:
    text = "- one two three\n  > four\n- five\n\nsix"
    rows = ["".join(span.text for span in row) for row in markdown_rows(text, 12)]
    assert rows == ["• one two", "  three", "  │ four", "• five", "", "six"]


def test_the_deepest_nesting_leaves_room_for_the_text() -> None:
    for deep in (3, 8, 100):
        rows = ["".join(span.text for span in row) for row in markdown_rows("> " * deep + "word", 20)]
        assert all(len(row) <= 20 for row in rows)
        assert "word" in "".join(rows), "nothing of it may be hidden"


@pytest.mark.parametrize(
    "piece",
    [
        "[",
        "![",
        "*a ",
        "_a",
        "**",
        "`",
        "> ",
        "> \n",
        "- ",
        "- a\n",
        "1. ",
        "#",
        "\n\n- ",
        "[a](",
        "\\",
        "a\n",
        "&amp;",
        "<a",
    ],
)
def test_whatever_it_is_made_of_it_is_shown(piece: str) -> None:
    assert sum(len(span.text) for line in markdown_rows(piece * (32_768 // len(piece))) for span in line)


def test_styled_lines_are_wrapped_as_others_are() -> None:
    rows = list(wrap_spans([Span("one "), Span("two three", Style.STRONG)], 8))
    assert [styles(row) for row in rows] == [[("one ", PLAIN), ("two", STRONG)], [("three", STRONG)]]
    assert [styles(row) for row in wrap_spans([], 8)] == [[]]


@pytest.mark.parametrize(("styled", "shown"), [(True, "so it is"), (False, "so *it* is")])
def test_without_styles_no_mark_is_lost(styled: bool, shown: str) -> None:
    message = MessageView(
        id="ab" * 32,
        conversation="cd" * 16,
        author="Bob",
        author_id="ef" * 32,
        sent_at=0,
        content_type="text/markdown;charset=utf-8",
        text="so *it* is",
        in_reply_to=None,
        state=MessageState.RECEIVED,
    )
    [line] = MessageList(80, "Bob", styled=styled).message(message, message.id[:8])
    assert "".join(span.text for span in spans(line)).endswith(f"Bob  {shown}")
