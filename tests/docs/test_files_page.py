"""The tests that docs/files.md names are there."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "files.md").read_text()
ROWS = [pytest.param(tests, id=holds) for holds, tests in re.findall(r"^\| (.+?) \| (.*`.*) \|$", PAGE, re.MULTILINE)]


def test_the_page_has_rows() -> None:
    assert len(ROWS) > 20


@pytest.mark.parametrize("named", ROWS)
def test_what_holds_has_tests_that_are_there(named: str) -> None:
    tests: list[str] = []
    found = False
    for file, words in re.findall(r"`([\w/]+\.py)`|\*([^*]+)\*", named):
        if file:
            tests = re.findall(r"def test_(\w+)\(", (ROOT / file).read_text())
        else:
            found = any(test.startswith(words.replace(" ", "_")) for test in tests)
            assert found, words
    assert found
