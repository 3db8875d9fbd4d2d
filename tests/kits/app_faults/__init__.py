"""Faults for ways to an account, one a class, with what it does as docstring and the test that catches it."""

from tests.kits.app_faults import (
    account_faults,
    contact_faults,
    conversation_faults,
    event_faults,
    file_faults,
    leak_faults,
    message_faults,
    pair_faults,
    picture_faults,
    relay_faults,
    search_faults,
)
from tests.kits.app_faults.faulty_app import FaultyApp, FaultyDirect, FaultyPair, FaultyRelays
from tests.kits.app_faults.leak_faults import FaultyForTheAudit
from tests.kits.planted import planted

__all__ = ["DIRECT_FAULTS", "FAULTS", "PAIR_FAULTS", "RELAY_FAULTS"]

FAULTS = [
    *planted(
        FaultyApp,
        contact_faults,
        account_faults,
        conversation_faults,
        message_faults,
        search_faults,
        event_faults,
        file_faults,
        picture_faults,
    ),
    *planted(FaultyForTheAudit, leak_faults),
]
PAIR_FAULTS = planted(FaultyPair, pair_faults)
RELAY_FAULTS = planted(FaultyRelays, relay_faults)
DIRECT_FAULTS = planted(FaultyDirect, relay_faults)
