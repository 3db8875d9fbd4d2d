"""The results as a page: one section for each row of figures, so that one can be measured again alone."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from bench.figure import HEADINGS, Figure

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

_OPENING = """\
# Figures

Each figure stands beside its limit, both measured in turns in the same run on the same machine: what counts is the
ratio. `make bench` writes this page; `.venv/bin/python -m bench --only NAME` measures one section again.
"""
_SECTION = re.compile(r"<!-- (\w+) -->\n(.*?)(?=<!-- |\Z)", re.DOTALL)


def read(path: Path) -> dict[str, str]:
    """Return the sections that are there, by name."""
    return dict(_SECTION.findall(path.read_text())) if path.exists() else {}


def section(name: str, title: str, note: str, figures: Sequence[Figure], machine: Sequence[str]) -> str:
    """Write a section."""
    table = [HEADINGS, ["---"] * len(HEADINGS), *(figure.cells() for figure in figures)]
    lines = "\n".join(f"| {' | '.join(cells)} |" for cells in table)
    return f"## {title} (`{name}`)\n\n{note}\n\n{lines}\n\n{'; '.join(machine)}.\n"


def write(path: Path, sections: Mapping[str, str]) -> None:
    """Write the page."""
    path.write_text(_OPENING + "".join(f"\n<!-- {name} -->\n{text.strip()}\n" for name, text in sections.items()))
