"""The relay transport obeys the kit that every transport obeys, with a real relay in between."""

from __future__ import annotations

import tempfile
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Final, Self

import anyio
import pytest
from balchat_transport_relay.plugin import balchat_transports

from balchat_host.api.transport import Outcome
from balchat_host.testing.power import Power
from balchat_host.testing.transport_kit import TransportBench, TransportCapabilities, TransportKit
from tests.support.loopback_network import LoopbackNetwork

if TYPE_CHECKING:
    from collections.abc import Callable
    from contextlib import AbstractContextManager

    from balchat_relay.testing.program import RelayProgram

    from balchat_host.api.network import Network
    from balchat_host.api.transport import Transport, TransportContext


QUEUE_MIB: Final = 32
"""Of `kit_relay`."""


class ProgramPower(Power):
    """A relay of the test's own, which is killed and starts again."""

    def __init__(self, bench: RelayBench) -> None:
        self._bench = bench
        self._relays = ExitStack()

    async def __aenter__(self) -> Self:
        self._bench.program = await anyio.to_thread.run_sync(self._start)
        return self

    def _start(self) -> RelayProgram:
        folder = self._relays.enter_context(tempfile.TemporaryDirectory())
        return self._relays.enter_context(self._bench.start(Path(folder) / "data"))

    async def __aexit__(self, *_: object) -> None:
        await anyio.to_thread.run_sync(self._relays.close)

    def off(self) -> None:
        self._bench.program.kill_at_once()

    async def on(self) -> None:
        await anyio.to_thread.run_sync(self._bench.program.kill)
        await anyio.to_thread.run_sync(self._bench.program.start)


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

    def __init__(
        self, network: Path, program: RelayProgram, start: Callable[[Path], AbstractContextManager[RelayProgram]]
    ) -> None:
        super().__init__()
        self._network = network
        self.start = start
        self.program = program

    def power(self) -> Power:
        return ProgramPower(self)

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
    def bench(self, network: Path, kit_relay: RelayProgram, start_relay) -> RelayBench:
        return RelayBench(network, kit_relay, start_relay)
