"""Faults for a relay's store, in the one in memory: what it says survives a kill is what `durable` gives."""

from tests.kits.planted import planted
from tests.kits.store_faults import (
    blob_faults,
    capability_faults,
    inbox_faults,
    kill_faults,
    life_faults,
    queue_faults,
    quota_faults,
    subscription_faults,
)
from tests.kits.store_faults.faulty_store import FaultyStore

__all__ = ["FAULTS", "FaultyStore"]

FAULTS = planted(
    FaultyStore,
    queue_faults,
    capability_faults,
    life_faults,
    inbox_faults,
    quota_faults,
    subscription_faults,
    blob_faults,
    kill_faults,
)
