"""The store itself: at first the relay's store in memory, of which each method can be replaced.

The contract is `balchat_relay.storage.contract`. What `put` and `acknowledge` have returned from is durable: a store
that is to last writes it to a disk before that.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from balchat_relay.storage.memory import MemoryStore

if TYPE_CHECKING:
    from balchat_relay.storage.contract import StoreLimits


class SampleStore(MemoryStore):
    """Keeps queues, envelopes, cards and invitations."""


async def open_store(limits: StoreLimits) -> SampleStore:
    """Open the store. One that keeps files or connects to a server opens them here."""
    return SampleStore(limits)
