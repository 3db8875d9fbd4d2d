"""The Tor network obeys the kit that every network does, over real tor processes."""

from collections.abc import AsyncIterator, Callable, Sequence
from pathlib import Path

import pytest
from balchat_network_tor.network import TorNetwork
from balchat_network_tor.settings import TorSettings
from balchat_network_tor.testing import Door, PrivateTorNetwork

from balchat_host.api.errors import PeerUnreachable
from balchat_host.api.network import Network, NetworkContext
from balchat_host.api.types import OnionKey, Phase, ServiceState
from balchat_host.testing.network_kit import NetworkBench, NetworkCapabilities, NetworkKit
from balchat_host.testing.waiting import SeenStates, running

pytestmark = pytest.mark.tor


class TorBench(NetworkBench):
    capabilities = NetworkCapabilities(outage=True)
    backlog = 16

    def __init__(self, tornet: PrivateTorNetwork, observer: TorNetwork, directory: Path, doors: Sequence[Door]) -> None:
        self._tornet = tornet
        self._observer = observer
        self._directory = directory
        self._doors = iter(doors)
        self._door_of: dict[Network, Door] = {}

    def network(self, on_state: Callable[[ServiceState], None]) -> Network:
        door = next(self._doors)
        directory = self._directory / f"{len(self._door_of)}"
        settings = TorSettings(torrc=(*self._tornet.torrc_lines(), *door.torrc_lines()))
        network = TorNetwork(NetworkContext(directory=directory, on_state=on_state), settings)
        self._door_of[network] = door
        return network

    async def look(self, address: OnionKey, port: int) -> bool:
        try:
            async with await self._observer.dial(address, port, isolation="look"):
                return True
        except PeerUnreachable:
            return False

    def folders(self) -> Sequence[Path]:
        return [self._directory]

    async def take_away(self, network: Network) -> None:
        await self._door_of[network].shut()

    async def give_back(self, network: Network) -> None:
        self._door_of[network].open()


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
    @pytest.fixture
    async def bench(
        self, private_tor_network: PrivateTorNetwork, observer: TorNetwork, tmp_path: Path
    ) -> AsyncIterator[TorBench]:
        async with Door() as first, Door() as second, Door() as third:
            yield TorBench(private_tor_network, observer, tmp_path, [first, second, third])
