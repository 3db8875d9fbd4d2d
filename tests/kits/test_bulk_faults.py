"""Each fault that is planted in bulk streams is caught by the test of the kit that is named for it."""

from __future__ import annotations

import pytest

from balchat_host.testing.transport_kit import TransportKit
from tests.kits.bulk_faults import FAULTS, FaultyBulk
from tests.kits.catching import assert_caught, caught
from tests.kits.line_bulk import BulkLineBench


@pytest.mark.parametrize("fault", FAULTS, ids=lambda fault: fault.__name__)
def test_a_planted_fault_is_caught_by_the_test_that_is_named_for_it(fault: type[FaultyBulk]) -> None:
    assert_caught(TransportKit, fault, lambda: BulkLineBench(fault))


@pytest.mark.parametrize(("name", "audited"), sorted({(fault.caught_by, fault.audited) for fault in FAULTS}))
def test_without_a_fault_nothing_is_caught(name: str, audited: bool) -> None:
    sound = type("Sound", (FaultyBulk,), {"caught_by": name, "audited": audited})
    assert caught(TransportKit, sound, lambda: BulkLineBench(sound)) == []
