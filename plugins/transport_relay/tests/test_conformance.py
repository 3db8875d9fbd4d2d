"""The relay transport obeys the kit that every transport obeys, with a real relay in between."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from balchat_transport_relay.plugin import balchat_transports

from balchat_host.api.transport import Outcome
from balchat_host.testing.transport_kit import TransportBench, TransportCapabilities, TransportKit
from tests.support.loopback_network import LoopbackNetwork

if TYPE_CHECKING:
    from pathlib import Path

    from balchat_host.api.network import Network
    from balchat_host.api.transport import Transport, TransportContext


class RelayBench(TransportBench):
    capabilities = TransportCapabilities(
        final=Outcome.STORED,
        first_routes=False,
        claims=True,
        proves_source=False,
        connects=False,
        answers=False,
    )

    def __init__(self, network: Path, address: str) -> None:
        super().__init__()
        self._network = network
        self._address = address

    def network(self) -> Network:
        return LoopbackNetwork(self._network)

    def transport(self, context: TransportContext) -> Transport:
        (descriptor,) = balchat_transports()
        return descriptor.factory(context, descriptor.settings())

    async def prepare(self, transport: Transport) -> None:
        assert transport.relays is not None
        await transport.relays.add(self._address)


class TestWithARealRelay(TransportKit):
    @pytest.fixture
    def bench(self, network: Path, relay) -> RelayBench:
        return RelayBench(network, relay.address)
