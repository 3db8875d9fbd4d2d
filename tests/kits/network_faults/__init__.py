"""Faults for the network in memory, one a class, with what it does as docstring and the test that catches it."""

from tests.kits.network_faults import (
    accept_faults,
    dial_faults,
    life_faults,
    service_faults,
    stream_faults,
    telling_faults,
    waiting_faults,
    written_faults,
)
from tests.kits.network_faults.faulty_network import FaultyNetwork, FaultyNode
from tests.kits.planted import planted

__all__ = ["FAULTS", "FaultyNetwork", "FaultyNode"]

FAULTS = planted(
    FaultyNode,
    life_faults,
    service_faults,
    accept_faults,
    dial_faults,
    stream_faults,
    waiting_faults,
    written_faults,
    telling_faults,
)
