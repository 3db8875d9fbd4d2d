"""The direct transport obeys the kit that every transport obeys, on a virtual network and on real sockets."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from balchat_transport_tor_direct.plugin import balchat_transports
from balchat_transport_tor_direct.transport import DirectTransport

from balchat_host.testing.transport_kit import TransportBench, TransportCapabilities, TransportKit
from tests.support.loopback_network import LoopbackNetwork

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from balchat_host.api.network import Network
    from balchat_host.api.transport import Outgoing, Transport, TransportContext
    from balchat_host.api.types import PeerId, Route


class DirectBench(TransportBench):
    capabilities = TransportCapabilities(oversize=True, bulk=True, silence=80.0)

    def transport(self, context: TransportContext) -> Transport:
        (descriptor,) = balchat_transports()
        return descriptor.factory(context, descriptor.settings())

    async def send_oversize(
        self, transport: Transport, peer: PeerId, routes: Sequence[Route], outgoing: Outgoing
    ) -> None:
        assert isinstance(transport, DirectTransport)
        await transport.send(peer, transport.first_routes(peer), [])
        (connection,) = [state.resolver.standing for state in transport._states.of(peer) if state.resolver.standing]
        await connection.send([outgoing])


class LoopbackBench(DirectBench):
    def __init__(self, directory: Path) -> None:
        super().__init__()
        self.directory = directory

    def network(self) -> Network:
        return LoopbackNetwork(self.directory)


class TestOnAVirtualNetwork(TransportKit):
    @pytest.fixture
    def bench(self) -> DirectBench:
        return DirectBench()


class TestOnAVirtualNetworkThatCutsOctetsApart(TransportKit):
    @pytest.fixture
    def anyio_backend(self) -> str:
        """How octets are cut is the same for both."""
        return "trio"

    @pytest.fixture
    def bench(self) -> DirectBench:
        bench = DirectBench()
        bench.world.largest_piece = 4093
        return bench


class TestOnSockets(TransportKit):
    @pytest.fixture
    def bench(self) -> Iterator[DirectBench]:
        with tempfile.TemporaryDirectory(prefix="balchat-") as directory:
            yield LoopbackBench(Path(directory))
