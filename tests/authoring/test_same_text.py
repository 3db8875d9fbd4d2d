"""What a template has from balchat itself is the same text there, so that a fault is not mended in one place only."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
TEMPLATES = ROOT / "balchat_host" / "authoring" / "templates"
STORAGE = TEMPLATES / "storage" / "balchat_storage_sample" / "database.py"
NETWORK = TEMPLATES / "network" / "balchat_network_sample" / "settings.py"
VAULTS_IN_MEMORY = ROOT / "balchat_host" / "testing" / "sqlite_transaction.py"
NULL = ROOT / "plugins" / "network_null" / "balchat_network_null" / "settings.py"


def body(file: Path, name: str, *, of: type[ast.stmt] = ast.stmt) -> list[str]:
    """Return what is in a class, without its name and docstring."""
    (found,) = [
        each for each in ast.parse(file.read_text()).body if isinstance(each, ast.ClassDef) and each.name == name
    ]
    return [ast.unparse(each) for each in found.body[1:] if isinstance(each, of)]


@pytest.mark.parametrize(("name", "original"), [("View", "SqliteView"), ("Unit", "SqliteTransaction")])
def test_statements_are_run_as_by_the_vaults_in_memory(name: str, original: str) -> None:
    assert body(STORAGE, name) == body(VAULTS_IN_MEMORY, original) != []


def test_the_directory_of_a_network_is_set_as_for_the_null_network() -> None:
    fields = body(NETWORK, "SampleSettings", of=ast.AnnAssign)
    assert fields == body(NULL, "NullSettings", of=ast.AnnAssign) != []
