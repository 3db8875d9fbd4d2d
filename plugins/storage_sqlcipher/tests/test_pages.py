"""The pages say what the program does."""

from __future__ import annotations

import re
from dataclasses import fields
from pathlib import Path

import pytest
from balchat_storage_sqlcipher.settings import Settings

README = Path(__file__).parent.parent / "README.md"
ROW = re.compile(r"^\| `(\w+)` \| (\d+) \| (\d+) to (\d+) \|", re.MULTILINE)


def test_the_settings_are_all_there_with_their_defaults_and_bounds() -> None:
    rows = ROW.findall(README.read_text())
    assert [(name, int(default)) for name, default, _, _ in rows] == [
        (field.name, field.default) for field in fields(Settings)
    ]
    for name, _, least, most in rows:
        Settings(**{name: int(least)})
        Settings(**{name: int(most)})
        for outside in (int(least) - 1, int(most) + 1):
            with pytest.raises(ValueError, match=f"^{name}: {outside} is out of bounds; {least} to {most}$"):
                Settings(**{name: outside})
