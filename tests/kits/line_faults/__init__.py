"""Faults for the small transport, one a class, with what it does as docstring and the test that catches it."""

from tests.kits.line_faults import (
    audit_faults,
    carrying_faults,
    report_faults,
    stranger_faults,
    stream_faults,
    trouble_faults,
)
from tests.kits.line_faults.faulty_line import Faulty, FaultyForTheAudit
from tests.kits.planted import planted

__all__ = ["FAULTS", "Faulty"]

FAULTS = [
    *planted(Faulty, carrying_faults, report_faults, stranger_faults, stream_faults, trouble_faults),
    *planted(FaultyForTheAudit, audit_faults),
]
