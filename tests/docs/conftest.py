"""What the pages say in fenced blocks."""

from __future__ import annotations

import re
from pathlib import Path
from typing import NamedTuple

import pytest

DOCS = Path(__file__).parents[2] / "docs"

# A block, with the file name that the line before it may give.
_BLOCK = re.compile(r"(?:`(?P<file>[\w./]+)`:\n\n)?^```(?P<language>\w+)\n(?P<text>.*?)^```$", re.DOTALL | re.MULTILINE)


class Block(NamedTuple):
    """One fenced block: its language, its text, and the name of the file that it stands for, if any."""

    language: str
    text: str
    file: str | None


@pytest.fixture(scope="session")
def page():
    """Return the text of a page."""
    return lambda name: (DOCS / name).read_text()


@pytest.fixture(scope="session")
def blocks(page):
    """Return the fenced blocks of a page, those of one language if asked."""

    def run(name: str, language: str | None = None) -> list[Block]:
        found = [Block(match["language"], match["text"], match["file"]) for match in _BLOCK.finditer(page(name))]
        return [block for block in found if language in {None, block.language}]

    return run
