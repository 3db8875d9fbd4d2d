"""Faults of bulk streams, one a class, with what it does as docstring and the test that catches it."""

from tests.kits.bulk_faults import end_faults, passing_faults, stream_faults
from tests.kits.bulk_faults.faulty_bulk import FaultyBulk
from tests.kits.planted import planted

__all__ = ["FAULTS", "FaultyBulk"]

FAULTS = planted(FaultyBulk, stream_faults, passing_faults, end_faults)
