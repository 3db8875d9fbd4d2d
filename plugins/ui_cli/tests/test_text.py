"""Text on its way to a terminal, whatever it is."""

from __future__ import annotations

import unicodedata

import pytest
from balchat_ui_cli.text import clock, columns, day, fit, short_ids, text_lines, visible, width, wrap
from hypothesis import given
from hypothesis import strategies as st

pytestmark = pytest.mark.fuzz


@given(st.text())
def test_visible_text_has_no_hidden_characters(text: str) -> None:
    shown = visible(text)
    assert len(shown) == len(text)
    hidden = {character for character in shown if unicodedata.category(character) in {"Cc", "Cf", "Cs", "Zl", "Zp"}}
    assert hidden <= {"\u200c", "\u200d"}


@given(st.text(st.characters(categories=["L", "N", "P", "S", "Zs"])))
def test_visible_text_is_left_alone(text: str) -> None:
    assert visible(text) == text


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


@given(st.lists(st.tuples(st.text("a漢"), st.text("a漢"), st.text("a")), min_size=1))
def test_columns_are_straight(rows: list[tuple[str, str, str]]) -> None:
    padded = columns(rows)
    assert len({(width(first), width(second)) for first, second, _ in padded}) == 1
    assert [tuple(cell.rstrip() for cell in row) for row in padded] == rows
