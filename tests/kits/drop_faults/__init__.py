"""Faults for the small transport that stores: each says as docstring what it does, and which test catches it."""

from tests.kits.drop_faults import bounding_faults, remembering_faults, storing_faults, tampering_faults
from tests.kits.drop_faults.faulty_drop import FaultyDrop
from tests.kits.planted import planted

__all__ = ["FAULTS", "FaultyDrop"]

FAULTS = planted(FaultyDrop, bounding_faults, remembering_faults, storing_faults, tampering_faults)
