"""The vault obeys the storage contract."""

from __future__ import annotations

import pytest
from balchat_storage_sqlcipher.header import Kdf
from balchat_storage_sqlcipher.storage import SqlcipherStorage

from balchat_host.testing.file_storage_kit import FileStorageKit


class TestSqlcipherStorage(FileStorageKit):
    scratch = frozenset({"vault/database-shm"})

    @pytest.fixture
    def storage(self) -> SqlcipherStorage:
        return SqlcipherStorage(weak_kdf=Kdf(memory_kib=8, passes=1, lanes=1))
