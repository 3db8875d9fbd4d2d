"""Registers the storage. What it needs is imported when it is made, not when it is registered."""

from __future__ import annotations

from typing import TYPE_CHECKING

from balchat_host.api.descriptors import NoSettings, StorageDescriptor
from balchat_host.api.hookspecs import hookimpl

if TYPE_CHECKING:
    from collections.abc import Sequence

    from balchat_host.api.storage import Storage


def make(settings: NoSettings) -> Storage:
    """Make the storage, which makes and unlocks vaults."""
    del settings
    from balchat_storage_plain.storage import PlainStorage  # noqa: PLC0415  # see the module's docstring

    return PlainStorage()


@hookimpl
def balchat_storages() -> Sequence[StorageDescriptor]:
    """Register `storage_plain`."""
    return [
        StorageDescriptor(
            name="storage_plain",
            summary="Keeps the vault in a plain SQLite file, which is not encrypted: for tests alone",
            api_version=1,
            factory=make,
        )
    ]
