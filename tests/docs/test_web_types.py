"""The types that the page's JavaScript is checked against are those of the App."""

from __future__ import annotations

from scripts import web_types


def test_the_types_are_what_the_contract_says() -> None:
    assert web_types.PAGE.read_text() == web_types.reference(), "run python scripts/web_types.py"
