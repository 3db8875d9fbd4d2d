"""Emoji by short names. Those that were used last come first, until the program ends."""

import json
from importlib.resources import files
from typing import Final

_MOST_RECENT: Final = 50
_recent: Final[list[str]] = []


_NAMES: Final[dict[str, str]] = json.loads((files("balchat_ui_tui") / "emoji.json").read_text(encoding="utf-8"))
"""Read when this is imported, since no file may be read later on: that would hold up the screen."""


def emoji_named(name: str) -> str | None:
    """Return the emoji of a short name."""
    found = _NAMES.get(name)
    if found is not None:
        _remember(name)
    return found


def emoji_starting_with(begun: str, most: int) -> list[tuple[str, str]]:
    """Return emoji whose names begin so, or have a word that does, each with its name; the ones used last first."""
    first = [name for name in _NAMES if name.startswith(begun)]
    inside = [name for name in _NAMES if f"_{begun}" in name and not name.startswith(begun)]
    ordered = sorted([*first, *inside], key=lambda name: _recent.index(name) if name in _recent else _MOST_RECENT)
    return [(name, _NAMES[name]) for name in ordered[:most]]


def _remember(name: str) -> None:
    if name in _recent:
        _recent.remove(name)
    _recent.insert(0, name)
    del _recent[_MOST_RECENT:]
