"""The Tor network obeys the kit that every network does, over real tor processes."""

from collections.abc import AsyncIterator, Callable, Sequence
from itertools import count
from pathlib import Path

import pytest
from balchat_network_tor.network import TorNetwork
from balchat_network_tor.settings import TorSettings
from balchat_network_tor.testing import NetworkBehindDoor, PrivateTorNetwork

from balchat_host.api.errors import PeerUnreachable
from balchat_host.api.network import Network, NetworkContext
from balchat_host.api.types import OnionKey, Phase, ServiceState
from balchat_host.testing.network_kit import NetworkBench, NetworkCapabilities, NetworkKit
from balchat_host.testing.waiting import SeenStates, running

pytestmark = pytest.mark.tor


class TorBench(NetworkBench):
    capabilities = NetworkCapabilities(outage=True)
    backlog = 16

    def __init__(self, tornet: PrivateTorNetwork, observer: TorNetwork, directory: Path) -> None:
        self._tornet = tornet
        self._observer = observer
        self._directory = directory
        self._made = count()

    def network(self, on_state: Callable[[ServiceState], None]) -> Network:
        context = NetworkContext(directory=self._directory / f"{next(self._made)}", on_state=on_state)
        return NetworkBehindDoor(context, self._tornet.torrc_lines())

    async def look(self, address: OnionKey, port: int) -> bool:
        try:
            async with await self._observer.dial(address, port, isolation="look"):
                return True
        except PeerUnreachable:
            return False

    def folders(self) -> Sequence[Path]:
        return [self._directory]

    async def take_away(self, network: Network) -> None:
        assert isinstance(network, NetworkBehindDoor)
        await network.door.shut()

    async def give_back(self, network: Network) -> None:
        assert isinstance(network, NetworkBehindDoor)
        network.door.open()


@pytest.fixture(scope="module")
async def observer(
    private_tor_network: PrivateTorNetwork, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[TorNetwork]:
    states = SeenStates()
    context = NetworkContext(directory=tmp_path_factory.mktemp("observer"), on_state=states)
    network = TorNetwork(context, TorSettings(torrc=private_tor_network.torrc_lines()))
    async with running(network):
        # What it opens while it starts would seem to be left behind by the first test.
        await states.reach(Phase.ONLINE)
        yield network


class TestTorNetwork(NetworkKit):
    @pytest.fixture(scope="class")
    @classmethod
    def bench(
        cls, private_tor_network: PrivateTorNetwork, observer: TorNetwork, tmp_path_factory: pytest.TempPathFactory
    ) -> TorBench:
        return TorBench(private_tor_network, observer, tmp_path_factory.mktemp("networks"))
