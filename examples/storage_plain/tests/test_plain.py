"""The storage obeys the kit that every storage obeys."""

import pytest
from balchat_host.api.descriptors import NoSettings
from balchat_host.api.storage import Storage
from balchat_host.testing.storage_kit import StorageKit

from balchat_storage_plain.plugin import make


class TestPlain(StorageKit):
    """Its tests are the kit's. One for more than tests subclasses `file_storage_kit.FileStorageKit`."""

    @pytest.fixture
    def storage(self) -> Storage:
        return make(NoSettings())
