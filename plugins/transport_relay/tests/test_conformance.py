"""The relay transport obeys the kit that every transport obeys, with a real relay in between."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, Self

import anyio
import pytest
from balchat_transport_relay.plugin import balchat_transports

from balchat_host.api.transport import Outcome
from balchat_host.testing.power import Power
from balchat_host.testing.transport_kit import TransportBench, TransportCapabilities, TransportKit
from tests.support.loopback_network import LoopbackNetwork

if TYPE_CHECKING:
    from pathlib import Path

    from balchat_relay.testing.program import RelayProgram

    from balchat_host.api.network import Network
    from balchat_host.api.transport import Transport, TransportContext


QUEUE_MIB: Final = 32
"""Of `kit_relay`."""


class ProgramPower(Power):
    """A relay of the test's own, which is killed and starts again."""

    def __init__(self, bench: RelayBench, program: RelayProgram) -> None:
        self._bench = bench
        self._program = program

    async def __aenter__(self) -> Self:
        self._bench.program = self._program
        await anyio.to_thread.run_sync(self._program.start)
        return self

    async def __aexit__(self, *_: object) -> None:
        await anyio.to_thread.run_sync(self._program.kill)

    def off(self) -> None:
        self._program.kill_at_once()

    async def on(self) -> None:
        await anyio.to_thread.run_sync(self._program.kill)
        await anyio.to_thread.run_sync(self._program.start)


class RelayBench(TransportBench):
    capabilities = TransportCapabilities(
        final=Outcome.STORED,
        first_routes=False,
        claims=True,
        proves_source=False,
        connects=False,
        answers=False,
        blobs=True,
        holds=QUEUE_MIB * 2**20,
        power=True,
        offers_again=60,
    )

    def __init__(self, network: Path, program: RelayProgram, for_power: RelayProgram) -> None:
        super().__init__()
        self._network = network
        self._for_power = for_power
        self.program = program

    def power(self) -> Power:
        return ProgramPower(self, self._for_power)

    def network(self) -> Network:
        return LoopbackNetwork(self._network)

    def transport(self, context: TransportContext) -> Transport:
        (descriptor,) = balchat_transports()
        return descriptor.factory(context, descriptor.settings())

    async def prepare(self, transport: Transport) -> None:
        assert transport.relays is not None
        await transport.relays.add(self.program.address)


class TestWithARealRelay(TransportKit):
    @pytest.fixture
    def bench(self, network: Path, kit_relay: RelayProgram, power_relay: RelayProgram) -> RelayBench:
        return RelayBench(network, kit_relay, power_relay)
