"""The conformance kit for vaults: subclass `StorageKit`, give it a storage, and get the suite.

    class TestStoneStorage(StorageKit):
        @pytest.fixture
        def storage(self):
            return TabletStorage()

A vault that keeps files and runs units on a thread of its own subclasses `FileStorageKit` (in `file_storage_kit`)
instead, which adds what can be seen from outside. The class that is subclassed is the declaration of what a vault can
do; no test asks for a name.
"""

from balchat_host.testing.storage_kit.areas import AreaTests
from balchat_host.testing.storage_kit.copies import CopyTests
from balchat_host.testing.storage_kit.opening import OpeningTests
from balchat_host.testing.storage_kit.slots import SlotTests
from balchat_host.testing.storage_kit.sql import SqlTests
from balchat_host.testing.storage_kit.units import UnitTests
from balchat_host.testing.storage_kit.vaults import (
    OTHER_PASSPHRASE,
    PASSPHRASE,
    add_note,
    as_it_is,
    exists,
    make_notes,
    mistyped,
    new_vault,
    notes,
    unlocked,
)

__all__ = [
    "OTHER_PASSPHRASE",
    "PASSPHRASE",
    "StorageKit",
    "add_note",
    "as_it_is",
    "exists",
    "make_notes",
    "mistyped",
    "new_vault",
    "notes",
    "unlocked",
]


class StorageKit(OpeningTests, SlotTests, UnitTests, SqlTests, AreaTests, CopyTests):
    """What every vault does."""
