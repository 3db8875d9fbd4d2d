"""The pages about the vault say what the program does."""

from __future__ import annotations

from pathlib import Path

from balchat_storage_sqlcipher import driver, header
from balchat_storage_sqlcipher.files import VaultFiles

from balchat_host.api.sql import AREA_SCHEMA

ROOT = Path(__file__).parents[2]
SPECIFICATION = (ROOT / "docs" / "spec" / "vault.md").read_text()


def test_the_sizes_and_bounds_of_the_header_are_those_of_the_program() -> None:
    assert f"at most {header.MAX_HEADER_SIZE:,} octets" in SPECIFICATION
    assert f"| 4 | Argon2id memory, in KiB | 8 × lanes to {header.MAX_MEMORY_KIB:,} |" in SPECIFICATION
    assert f"| 1 | Argon2id passes | 1 to {header.MAX_PASSES} |" in SPECIFICATION
    assert f"| 1 | Argon2id lanes | 1 to {header.MAX_LANES} |" in SPECIFICATION
    assert f"| {header._SLOT.size} each | slots |" in SPECIFICATION
    assert f"Format version: {header.VERSION}." in SPECIFICATION


def test_every_file_is_named() -> None:
    files = VaultFiles(Path())
    for path in (files.header, files.database, files.log, files.log_index):
        assert f"`{path}`" in SPECIFICATION
    assert f"`{files.new.folder}/`" in SPECIFICATION


def test_the_database_is_opened_and_laid_out_as_the_page_says() -> None:
    words = " ".join(SPECIFICATION.split())
    assert ", ".join(f"`{pragma}`" for pragma in driver._PRAGMAS) in words
    assert " ".join(AREA_SCHEMA.split()).replace("( ", "(").replace(" )", ")") in words
