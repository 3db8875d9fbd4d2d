"""Faults for a crypto engine, in the one that balchat uses."""

from tests.kits.crypto_faults import (
    disk_faults,
    group_faults,
    identity_faults,
    key_faults,
    message_faults,
    refusal_faults,
    welcome_faults,
)
from tests.kits.crypto_faults.faulty_engine import FaultyEngine
from tests.kits.planted import planted

__all__ = ["FAULTS", "FaultyEngine"]

FAULTS = planted(
    FaultyEngine,
    identity_faults,
    group_faults,
    message_faults,
    refusal_faults,
    welcome_faults,
    key_faults,
    disk_faults,
)
