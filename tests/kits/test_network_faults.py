"""Each fault that is planted in a network is caught by the test of the kit that is named for it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from balchat_host.testing.network_kit import NetworkBench, NetworkCapabilities, NetworkKit
from balchat_host.testing.network_pair import shared_pair
from tests.kits.catching import assert_caught, caught
from tests.kits.network_faults import FAULTS, FaultyNetwork, FaultyNode
from tests.kits.network_faults.life_faults import PROCESSES

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@pytest.fixture(autouse=True)
def ended() -> Iterator[None]:
    yield
    for process in PROCESSES:
        process.kill()
        process.wait()
    PROCESSES.clear()


class FaultyBench(NetworkBench):
    capabilities = NetworkCapabilities(outage=True)

    def __init__(self, make: type[FaultyNode], folder: Path) -> None:
        self.world = FaultyNetwork(make, folder)

    def network(self, on_state):
        return self.world.node(on_state=on_state)

    async def look(self, address, port) -> bool:
        return self.world.answers_at(address, port)

    def folders(self):
        return [self.world.folder]

    async def take_away(self, network) -> None:
        network.go_offline()

    async def give_back(self, network) -> None:
        network.come_online()


def fixtures(make: type[FaultyNode], folder: Path) -> dict[str, object]:
    """Return what the tests of the kit ask for."""
    bench = FaultyBench(make, folder)
    return {"bench": bench, "pair": shared_pair(bench)}


@pytest.mark.parametrize("fault", FAULTS, ids=lambda fault: fault.__name__)
def test_a_planted_fault_is_caught_by_the_test_that_is_named_for_it(fault: type[FaultyNode], tmp_path: Path) -> None:
    assert_caught(NetworkKit, fault, lambda: fixtures(fault, tmp_path))


@pytest.mark.parametrize("name", sorted({fault.caught_by for fault in FAULTS}))
def test_without_a_fault_nothing_is_caught(name: str, tmp_path: Path) -> None:
    sound = type("Sound", (FaultyNode,), {"caught_by": name})
    assert caught(NetworkKit, sound, lambda: fixtures(sound, tmp_path)) == []
