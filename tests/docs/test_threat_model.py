"""Each row about relays in the threat model names the tests that show it; every test that the page names is there."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "threat-model.md").read_text()
RELAYS = PAGE.partition("## A relay's operator")[2].partition("\n## ")[0]
TESTS = sorted(set(re.findall(r"`([\w/]+\.py)::(\w+)`", PAGE)))
ROWS = [row.split(" | ") for row in RELAYS.splitlines() if row.startswith("| ") and not row.endswith("| shown by |")]


@pytest.mark.parametrize(("file", "test"), TESTS, ids=[test for _, test in TESTS])
def test_a_named_test_is_there(file: str, test: str) -> None:
    assert re.search(rf"^ *(?:async )?def {test}\(", (ROOT / file).read_text(), re.MULTILINE)


def test_a_named_place_is_there() -> None:
    for place in re.findall(r"`((?:tests|plugins|relay|docs)/[\w./-]+?)(?:::\w+)?`", PAGE):
        assert (ROOT / place).exists(), place


def test_every_row_about_relays_is_shown() -> None:
    assert len(ROWS) > 30
    for row in ROWS:
        assert "::test_" in row[-1], row[0]
