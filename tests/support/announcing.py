"""Distributions that consist of their metadata: they announce plugins that lie somewhere on the path already."""

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).parents[2]


def search_path(folder: Path) -> str:
    """Return the PYTHONPATH of processes that find what `folder` announces, and this package."""
    return os.pathsep.join([str(folder), str(ROOT), *filter(None, [os.environ.get("PYTHONPATH")])])


def announce(folder: Path, plugins: Mapping[str, str], *, distribution: str = "announced") -> None:
    """Announce plugins, each by its name and its module, to processes that have `folder` on their path."""
    information = folder / f"{distribution}-1.0.dist-info"
    information.mkdir(parents=True)
    (information / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {distribution}\nVersion: 1.0\n")
    lines = [f"{name} = {module}\n" for name, module in plugins.items()]
    (information / "entry_points.txt").write_text("".join(["[balchat.plugins.v1]\n", *lines]))
