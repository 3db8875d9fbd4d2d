"""Decisions are found by their number: each has one of its own, in the file's name and in the heading."""

import re
from pathlib import Path

import pytest

FILE = re.compile(r"`((?:balchat_host|bench|common|plugins|relay|tests)/[\w/]+\.\w+)[`:]")
LINK = re.compile(r"\[[Dd]ecision (\d+)\]\(\S*/(\d+)-[^)]+\)")
ROOT = Path(__file__).parents[2]
DECISIONS = sorted((ROOT / "docs" / "decisions").glob("*.md"))


def test_each_has_a_number_of_its_own():
    assert [path.name[:4] for path in DECISIONS] == [f"{n:04}" for n in range(1, len(DECISIONS) + 1)]


@pytest.mark.parametrize("path", DECISIONS, ids=lambda path: path.stem)
def test_its_heading_begins_with_its_number(path):
    assert path.read_text().startswith(f"# {path.name[:4]} – ")


@pytest.mark.parametrize("path", DECISIONS, ids=lambda path: path.stem)
def test_a_file_that_it_names_is_there(path):
    assert [name for name in FILE.findall(path.read_text()) if not (ROOT / name).exists()] == []


def test_what_links_to_one_calls_it_by_its_number():
    pages = [*ROOT.glob("docs/**/*.md"), *ROOT.glob("*.md"), *ROOT.glob("plugins/*/*.md"), *ROOT.glob("relay/*/*.md")]
    links = [link for page in pages for link in LINK.findall(page.read_text())]
    assert links
    assert [link for link in links if link[0] != link[1]] == []
