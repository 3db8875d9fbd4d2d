"""The conformance kit for vaults that keep files and run units on a thread of their own.

It looks at a vault from outside: at the names, modes and octets of its files, and at what another process, a kill or a
flipped octet does to it. The storage must be one that `pickle` can carry into another process.
"""

from balchat_host.testing.file_storage_kit.files import create_once, open_once, orders, restore_once, unlock_once
from balchat_host.testing.file_storage_kit.outside import OutsideTests
from balchat_host.testing.file_storage_kit.processes import ProcessTests

__all__ = [
    "FileStorageKit",
    "create_once",
    "open_once",
    "orders",
    "restore_once",
    "unlock_once",
]


class FileStorageKit(OutsideTests, ProcessTests):
    """What every vault does that keeps files."""
