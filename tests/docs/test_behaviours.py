"""Each behaviour that front ends are held to has tests, or a reason, and the tests that the page names are there."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "front-ends.md").read_text()
FOLDERS = {
    "page": ROOT / "plugins" / "ui_web" / "tests" / "browser",
    "terminal": ROOT / "plugins" / "ui_tui" / "tests",
    "lines": ROOT / "plugins" / "ui_cli" / "tests",
}
ROWS = [
    [cell.strip() for cell in row.strip("|").split(" | ")] for row in PAGE.splitlines() if re.match(r"\| \d+ \| ", row)
]
CELLS = [
    pytest.param(FOLDERS[column], cell, id=f"{row[0]}-{column}")
    for row in ROWS
    for column, cell in zip(FOLDERS, row[2:], strict=True)
]


def test_all_25_are_there() -> None:
    assert [int(row[0]) for row in ROWS] == list(range(1, 26))


@pytest.mark.parametrize(("folder", "cell"), CELLS)
def test_a_behaviour_has_tests_that_are_there_or_a_reason(folder: Path, cell: str) -> None:
    assert re.match("`test_|not: |the line mode is", cell)
    tests: list[str] = []
    for file, words in re.findall(r"`(test_\w+\.py)`|\*([^*]+)\*", cell):
        if file:
            tests = re.findall(r"def (test_\w+)\(", (folder / file).read_text())
        elif tests:
            name = re.compile("test_" + ".*".join(part.strip().replace(" ", "_") for part in words.split("…")))
            assert any(name.match(test) for test in tests), words
