"""The vault for tests obeys the same kit as every vault."""

from __future__ import annotations

import pytest

from balchat_host.testing.memory_storage import MemoryStorage
from balchat_host.testing.storage_kit import StorageKit


class TestMemoryStorage(StorageKit):
    @pytest.fixture
    def storage(self) -> MemoryStorage:
        return MemoryStorage()
