"""Faults for a storage that keeps files, in the one that balchat uses."""

from tests.kits.file_faults import outside_faults, process_faults
from tests.kits.file_faults.faulty_files import FaultyFiles
from tests.kits.planted import planted

__all__ = ["FAULTS", "FaultyFiles"]

FAULTS = planted(FaultyFiles, outside_faults, process_faults)
