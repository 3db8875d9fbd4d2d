"""Text on its way to a terminal, whatever it is."""

from __future__ import annotations

import unicodedata

import pytest
from balchat_ui_cli.text import clock, columns, day, fit, short_ids, width, wrap
from hypothesis import given
from hypothesis import strategies as st

from balchat_host.api.text import text_lines, visible

pytestmark = pytest.mark.fuzz


FLAG = "\U0001f3f4\U000e0067\U000e0062\U000e0073\U000e0063\U000e0074\U000e007f"
ANY = st.text() | st.text(
    "ab \u05d0\u0301\u0336\u200d\u202e\u2066\u2069\u00ad\U000e0041\U000e007f\x1b\x9b\u2028\U0001f3f4"
)


@given(ANY)
def test_visible_text_has_no_hidden_characters(text: str) -> None:
    shown = visible(text).replace(FLAG, "")
    hidden = {character for character in shown if unicodedata.category(character) in {"Cc", "Cf", "Cs", "Zl", "Zp"}}
    assert hidden <= {"\u180e", "\u200c", "\u200d"} or "\U0001f3f4" in shown
    assert visible(visible(text)) == visible(text)


@given(st.text(st.characters(categories=["L", "N", "P", "S", "Zs"])))
def test_visible_text_is_left_alone(text: str) -> None:
    assert visible(text) == text


@pytest.mark.parametrize(
    "text",
    [
        "\u0639\u0644\u06cc\u200c\u0631\u0636\u0627",
        "\u0d2a\u0d4d\u0d30\u0d35\u0d40\u0d23\u0d4d\u200d",
        "\U0001f468\u200d\U0001f469\u200d\U0001f467 \u2764\ufe0f \U0001f1e9\U0001f1ea",
        f"{FLAG}!",
        "\u05e9\u05b8\u05c1\u05dc\u05d5\u05b9\u05dd",
        "Nguy\u0065\u0302\u0303n",
        "\U0001fae9 \U00010d6f",  # Unicode 16
        "\ue0b0",
    ],
)
def test_what_a_script_or_an_emoji_is_spelt_with_stays(text: str) -> None:
    assert visible(text) == text


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("a\u200eb\u200f \u2066c\u2069 \u2067d\u2069 \u2068e\u2069 \u061cf", "ab c d e f"),
        ("co\u00adoperate\u200bd \ufeffa\u2060b", "cooperated ab"),
    ],
)
def test_what_only_sets_a_text_is_left_out(text: str, shown: str) -> None:
    assert visible(text) == shown


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("\x1b[31mred", "\u241b[31mred"),
        ("a\x00\x07\x7f", "a\u2400\u2407\u2421"),
        ("\x9b2J", "<U+009B>2J"),
        ("\u202egnp.exe\u202c", "<U+202E>gnp.exe<U+202C>"),
        ("\u202aa\u202bb\u202d", "<U+202A>a<U+202B>b<U+202D>"),
        ("a\u2028b\u2029c\x85d", "a<U+2028>b<U+2029>c<U+0085>d"),
        ("a\U000e0048\U000e0069", "a<U+E0048><U+E0069>"),
        ("\U0001f3f4\U000e0067", "\U0001f3f4<U+E0067>"),
        ("\ud800", "<U+D800>"),
        ("e" + "\u0301" * 4, "e" + "\u0301" * 4),
        ("Z" + "\u0336" * 1000 + "al", "Z" + "\u0336" * 4 + "<996 more marks>al"),
        ("\u0301a", "\u25cc\u0301a"),
        ("\ufff9a\ufffab\ufffb", "<U+FFF9>a<U+FFFA>b<U+FFFB>"),
    ],
)
def test_what_could_move_or_hide_something_is_shown(text: str, shown: str) -> None:
    assert visible(text) == shown


@pytest.mark.parametrize(
    ("text", "cells"),
    [
        ("\u6f22", 2),
        ("\uff21", 2),
        ("\uac00", 2),
        ("\U0001f600", 2),
        ("\U0001fae9", 2),
        ("\U0001f1e9\U0001f1ea", 2),
        ("e\u0301", 1),
        ("\u0639\u200c", 1),
    ],
)
def test_wide_characters_take_two_cells(text: str, cells: int) -> None:
    assert width(text) == cells


@given(st.text())
def test_lines_hold_no_line_end(text: str) -> None:
    for line in text_lines(text):
        assert not set(line) & set("\r\n\t\u2028\u2029")


@given(st.text(), st.integers(1, 30))
def test_fit(text: str, cells: int) -> None:
    text = visible(text)
    assert width(fit(text, cells)) <= cells
    assert fit(text, width(text) or 1) == text


@given(st.text(st.sampled_from("ab 漢e\u0301")), st.integers(2, 12))
def test_wrap_loses_only_spaces(text: str, cells: int) -> None:
    rows = wrap(text, cells)
    assert all(width(row) <= cells for row in rows)
    assert "".join(rows).replace(" ", "") == text.replace(" ", "")


def test_wrap_breaks_at_spaces() -> None:
    assert wrap("one two three", 8) == ["one two", "three"]
    assert wrap("one two three", 7) == ["one two", "three"]
    assert wrap("incomprehensibility", 8) == ["incompre", "hensibil", "ity"]
    assert wrap("", 8) == [""]


@given(st.sets(st.text("01ab", min_size=64, max_size=64), max_size=20))
def test_short_ids_tell_all_apart(ids: set[str]) -> None:
    shortened = short_ids(ids)
    assert set(shortened) == ids
    for identifier, short in shortened.items():
        assert len(short) >= 8
        assert [other for other in ids if other.startswith(short)] == [identifier]


@given(st.integers(-(10**30), 10**30))
def test_no_claimed_time_is_too_strange(milliseconds: int) -> None:
    assert day(milliseconds)
    assert clock(milliseconds)


_CELL = st.text("a漢", max_size=32)


@given(st.lists(st.tuples(_CELL, _CELL, st.text("a")), min_size=1))
def test_columns_are_straight(rows: list[tuple[str, str, str]]) -> None:
    padded = columns(rows)
    assert len({(width(first), width(second)) for first, second, _ in padded}) == 1
    assert [tuple(cell.rstrip() for cell in row) for row in padded] == rows


def test_a_very_long_cell_makes_only_its_own_row_longer() -> None:
    assert columns([["x" * 3000, "kind", ""], ["bell", "transport", ""]]) == [
        ["x" * 3000, "kind     ", ""],
        ["bell", "transport", ""],
    ]
