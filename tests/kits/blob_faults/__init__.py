"""Faults of parts of files, one a class, with what it does as docstring and the test that catches it."""

from tests.kits.blob_faults import access_faults, keeping_faults, part_faults
from tests.kits.blob_faults.faulty_blobs import FaultyBlobs, FaultyForTheAudit
from tests.kits.planted import planted

__all__ = ["FAULTS", "FaultyBlobs"]

FAULTS = [*planted(FaultyBlobs, access_faults, keeping_faults, part_faults), *planted(FaultyForTheAudit, access_faults)]
