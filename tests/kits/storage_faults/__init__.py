"""Faults for a storage, in the one in memory."""

from tests.kits.planted import planted
from tests.kits.storage_faults import area_faults, copy_faults, opening_faults, slot_faults, sql_faults, unit_faults
from tests.kits.storage_faults.faulty_storage import FaultyStorage

__all__ = ["FAULTS", "FaultyStorage"]

FAULTS = planted(FaultyStorage, opening_faults, slot_faults, unit_faults, sql_faults, area_faults, copy_faults)
