"""A storage whose passphrases are cheap to try."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from balchat_storage_sqlcipher.header import Kdf
from balchat_storage_sqlcipher.storage import SqlcipherStorage

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def weak_kdf() -> Kdf:
    return Kdf(memory_kib=8, passes=1, lanes=1)


@pytest.fixture
def storage(weak_kdf: Kdf) -> SqlcipherStorage:
    return SqlcipherStorage(weak_kdf=weak_kdf)


@pytest.fixture
def directory(tmp_path: Path) -> Path:
    return tmp_path / "account"
