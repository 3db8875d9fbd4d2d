"""What finds what."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from balchat_host.api.errors import BadInput
from balchat_host.core.search import words


def finds(query: str, text: str) -> bool:
    asked = words.parse(query)
    return asked.fits_terms(words.terms(text)) and asked.fits(text)


@pytest.mark.parametrize(
    ("query", "text"),
    [
        ("e", "é"),
        ("cafe", "Café"),
        ("CAFÉ", "cafe"),
        ("strasse", "Straße"),
        ("İstanbul", "istanbul"),
        ("ﬁle", "FILE"),
        ("don't", "I don't know"),
        ("foo_bar", "foo bar"),
        ("example.com", "see https://example.com/x?y=z"),
        ("two words", "words, and then two"),
        ('"two words"', "Two Words!"),
        ('"two words', "two words"),
        ("pass*", "The passphrase"),
        ("pässe*", "passes"),
        ("東京", "私は東京都に住んでいます"),
        ("京都", "東京都"),
        ("都", "東京都"),
        ("東", "東京都"),
        ("東京都", "東京都"),
        ("ハンカク", "ﾊﾝｶｸ"),
        ("カ", "ガ"),
        ("iPhoneを", "新しいiPhoneを買った"),
        ("한국어", "저는 한국어를 공부해요"),
        ("ไทย", "ภาษาไทย"),
        ("2026", "on 2026-11-27"),
        ("٤٢", "٤٢"),
        ("x" * 80, "x" * 80),
    ],
)
def test_what_is_found(query: str, text: str) -> None:
    assert finds(query, text)


@pytest.mark.parametrize(
    ("query", "text"),
    [
        ("cat", "category"),
        ('"two words"', "words two"),
        ('"two words"', "two long words"),
        ("東都", "東京都"),
        ("東京京都", "東京と京都"),
        ("pass*", "bypass"),
        ("don't", "t, don"),
    ],
)
def test_what_is_not_found(query: str, text: str) -> None:
    assert not finds(query, text)


@pytest.mark.parametrize(
    "query", ["", "  ", "!?", '""', "ab*", "x" * 300, " ".join(f"word{n}" for n in range(40)), "\ue000", "́"]
)
def test_what_cannot_be_searched_is_refused(query: str) -> None:
    with pytest.raises(BadInput):
        words.parse(query)


@given(st.text(max_size=200))
def test_no_text_has_terms_that_the_index_keeps_for_itself(text: str) -> None:
    for term in words.terms(text):
        assert term == "".join(c for c in term if c.isalnum())
        assert 0 < len(term) <= 64


@given(st.text(max_size=60))
def test_a_text_is_found_by_itself(text: str) -> None:
    try:
        words.parse(text)
    except BadInput:
        return
    if "*" not in text:
        assert finds(text, text)
