"""Faults for the small bot, one a class, with what it does as docstring and the test that catches it."""

from tests.kits.bot import FaultyBot
from tests.kits.front_end_faults import (
    answer_faults,
    event_faults,
    kept_faults,
    private_faults,
    running_faults,
    trouble_faults,
    unasked_faults,
)
from tests.kits.planted import planted

__all__ = ["FAULTS"]

FAULTS = planted(
    FaultyBot,
    running_faults,
    event_faults,
    answer_faults,
    trouble_faults,
    unasked_faults,
    private_faults,
    kept_faults,
)
