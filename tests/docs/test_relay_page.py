"""The relay's pages name everything that the relay has."""

from __future__ import annotations

from pathlib import Path

import pytest
from balchat_relay.program import app
from balchat_relay_proto.errors import STATUS, Code
from balchat_relay_proto.parts import MAX_PARTS, PART_CONTENT
from balchat_relay_proto.requests import OPERATIONS
from balchat_relay_proto.sealing import OVERHEAD

ROOT = Path(__file__).parent.parent.parent
LAW = (ROOT / "docs" / "spec" / "relay.md").read_text()
README = (ROOT / "relay" / "server" / "README.md").read_text()


@pytest.mark.parametrize("operation", OPERATIONS)
def test_the_law_has_every_operation(operation: str) -> None:
    assert f"| `{operation}` |" in LAW


@pytest.mark.parametrize("code", Code)
def test_the_law_has_every_code_with_its_status(code: Code) -> None:
    (line,) = [line for line in LAW.splitlines() if line.startswith("| `") and f"`{code}`" in line.split("|")[1]]
    assert str(STATUS[code]) in line


def test_the_law_has_the_sizes() -> None:
    for number in (OVERHEAD, PART_CONTENT, MAX_PARTS):
        assert f"{number:,}" in LAW


def test_the_readme_has_every_command() -> None:
    for command in app.registered_commands:
        assert command.callback is not None
        assert f"| `{command.callback.__name__}" in README
