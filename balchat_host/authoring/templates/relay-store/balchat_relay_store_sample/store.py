"""The store itself: at first the relay's store in memory, of which each method can be replaced.

The contract is `balchat_relay.storage.contract`. What `put` and `acknowledge` have returned from is durable: a store
that is to last writes it to a disk before that.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from balchat_relay.storage.descriptor import NoSettings, StoreContext, StoreDescriptor
from balchat_relay.storage.memory import MemoryStore

if TYPE_CHECKING:
    from balchat_relay.storage.contract import StoreLimits


class SampleStore(MemoryStore):
    """Keeps queues, envelopes, cards and invitations."""


async def open_store(limits: StoreLimits) -> SampleStore:
    """Open the store. One that keeps files or connects to a server opens them here."""
    return SampleStore(limits)


async def make(context: StoreContext, settings: NoSettings) -> SampleStore:
    """Open the store of a relay. One that lasts has its files in `context.folder`."""
    del settings
    return await open_store(context.limits)


STORE: Final = StoreDescriptor(
    summary="Keeps everything in memory: what lies there is gone when the relay ends",
    api_version=1,
    factory=make,
)
"""What `pyproject.toml` announces, and relay.toml names as `store`."""
