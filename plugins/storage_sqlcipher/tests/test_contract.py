"""The vault obeys the storage contract."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from balchat_storage_sqlcipher.storage import SqlcipherStorage

from balchat_host.testing.file_storage_kit import FileStorageKit

if TYPE_CHECKING:
    from balchat_storage_sqlcipher.header import Kdf


class TestSqlcipherStorage(FileStorageKit):
    scratch = frozenset({"vault/database-shm"})

    @pytest.fixture
    def storage(self, weak_kdf: Kdf) -> SqlcipherStorage:
        return SqlcipherStorage(weak_kdf=weak_kdf)
