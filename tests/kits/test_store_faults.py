"""Each fault that is planted in a relay's store is caught by the test of the kit that is named for it."""

from __future__ import annotations

import pytest
from balchat_relay.testing.store_kit import StoreKit
from balchat_relay.testing.store_kit.bench import LIMITS, StoreBench

from tests.kits.catching import assert_caught, caught
from tests.kits.store_faults import FAULTS, FaultyStore


class FaultyBench(StoreBench):
    durable = True

    def __init__(self, make: type[FaultyStore]) -> None:
        self.made = make(LIMITS)

    @property
    def store(self):
        return self.made

    async def open(self) -> None:
        """It has what it had."""

    async def kill(self) -> None:
        self.made = self.made.durable()

    def lies_on_disk(self, octets) -> bool:
        return octets in self.made.disk


class TestSound(StoreKit):
    @pytest.fixture
    def bench(self) -> FaultyBench:
        return FaultyBench(FaultyStore)


@pytest.mark.parametrize("fault", FAULTS, ids=lambda fault: fault.__name__)
def test_a_planted_fault_is_caught_by_the_test_that_is_named_for_it(fault: type[FaultyStore]) -> None:
    assert_caught(StoreKit, fault, lambda: FaultyBench(fault))


@pytest.mark.parametrize("name", sorted({fault.caught_by for fault in FAULTS}))
def test_without_a_fault_nothing_is_caught(name: str) -> None:
    sound = type("Sound", (FaultyStore,), {"caught_by": name})
    assert caught(StoreKit, sound, lambda: FaultyBench(sound)) == []
