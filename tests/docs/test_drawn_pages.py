"""What pages draw of the code is what the code says now: `scripts/drawn_pages.py` writes it."""

from __future__ import annotations

import runpy
from pathlib import Path

import pytest

SCRIPT = runpy.run_path(str(Path(__file__).parents[2] / "scripts" / "drawn_pages.py"))


@pytest.mark.parametrize("page", SCRIPT["PAGES"], ids=lambda path: path.name)
def test_a_drawing_is_up_to_date(page: Path) -> None:
    text = page.read_text()
    assert text.count("<!-- drawn -->") == 1
    assert SCRIPT["with_drawing"](text, SCRIPT["PAGES"][page]()) == text
