"""Registers the SQLCipher vault."""

from collections.abc import Sequence

from balchat_host.api.descriptors import StorageDescriptor
from balchat_host.api.hookspecs import hookimpl
from balchat_host.api.storage import Storage
from balchat_storage_sqlcipher.settings import Settings


def make(settings: Settings) -> Storage:
    """Make the storage, and find the driver; raises LibraryTooOld."""
    from balchat_storage_sqlcipher.storage import SqlcipherStorage  # noqa: PLC0415  # SQLCipher and Argon2 load slowly

    return SqlcipherStorage(settings)


@hookimpl
def balchat_storages() -> Sequence[StorageDescriptor]:
    """Register the vault."""
    return [
        StorageDescriptor(
            name="storage_sqlcipher",
            summary="Keeps everything in one SQLCipher database, opened by a passphrase or a recovery code",
            api_version=1,
            settings=Settings,
            factory=make,
        )
    ]
