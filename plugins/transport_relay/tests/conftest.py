"""Relays for tests: scripted ones on a virtual network, and real ones as processes at sockets in a directory."""

from __future__ import annotations

import os
import shutil
import tempfile
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

import anyio
import pytest
from balchat_relay.testing.program import RelayProgram
from balchat_relay_proto.address import PORT, RelayAddress
from balchat_transport_relay.settings import RelaySettings
from balchat_transport_relay.testing.scripted_relay import ScriptedRelay
from balchat_transport_relay.transport import RelayTransport
from trio.testing import MockClock

from balchat_host.api.errors import PeerUnreachable
from balchat_host.api.transport import Outcome
from balchat_host.api.types import ONLINE, PeerId, Phase, Secret
from balchat_host.testing.fake_transport_host import FakeTransportHost
from balchat_host.testing.loopback_network import socket_path
from balchat_host.testing.virtual_network import VirtualNetwork, VirtualNode, peer_of
from balchat_host.testing.waiting import SeenStates, running

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Callable, Iterator
    from contextlib import AbstractAsyncContextManager

    from anyio.abc import TaskGroup

    from balchat_host.api.transport import Outgoing
    from balchat_host.api.types import ServiceState
    from balchat_host.testing.dict_area import DictArea

LONG: Final = 2 * 24 * 3600.0
"""Seconds to wait for what shall come, on a clock that jumps."""
EPOCH: Final = 1_800_000_000


@pytest.fixture(scope="session")
def network() -> Iterator[Path]:
    directory = Path(tempfile.mkdtemp(prefix="balchat-"))
    yield directory
    shutil.rmtree(directory)


def program(network: Path, folder: Path, **limits: int) -> RelayProgram:
    """Give a relay whose onion leads through `network`. It runs."""
    made = RelayProgram(folder)
    made.make(**limits)
    made.socket = socket_path(network, made.peer, PORT)
    made.start()
    return made


@pytest.fixture(scope="session")
def relay(network: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[RelayProgram]:
    """A relay that stays up for all tests; each has accounts of its own."""
    with program(network, tmp_path_factory.mktemp("relay") / "data", creations_per_minute=100_000) as running_one:
        yield running_one


@pytest.fixture
def own_relay(network: Path, tmp_path: Path) -> Iterator[RelayProgram]:
    """A relay that the test may kill, fill and start again. It runs."""
    with program(network, tmp_path / "data") as running_one:
        yield running_one


@pytest.fixture
def small_relay(network: Path, tmp_path: Path) -> Iterator[RelayProgram]:
    """A relay with room for some dozens of envelopes. It runs."""
    with program(network, tmp_path / "data", database_mib=1) as running_one:
        yield running_one


# -- in virtual time


class World:
    """A virtual network with scripted relays on it."""

    def __init__(self, tasks: TaskGroup) -> None:
        self.network = VirtualNetwork()
        self.nodes: dict[ScriptedRelay, VirtualNode] = {}
        self._tasks = tasks

    async def relay(self, *, permit: str | None = None) -> ScriptedRelay:
        """Start a relay."""
        key = Secret(os.urandom(32))
        relay = ScriptedRelay(peer_of(key), permit=permit)
        self.nodes[relay] = node = self.network.node()
        await self._tasks.start(node.run)
        states = SeenStates()
        service = await node.publish(key, PORT, on_state=states)
        self._tasks.start_soon(self._accept, service, relay)
        await states.reach(Phase.ONLINE)
        return relay

    async def _accept(self, service, relay: ScriptedRelay) -> None:
        while True:
            self._tasks.start_soon(relay.serve, await service.accept())

    @asynccontextmanager
    async def account(
        self,
        *relays: ScriptedRelay,
        settings: RelaySettings | None = None,
        key: Secret | None = None,
        area: DictArea | None = None,
        host: type[FakeTransportHost] = FakeTransportHost,
    ) -> AsyncGenerator[Account]:
        """Run an account with these relays until the block ends."""
        node = self.network.node()
        fake = host(node, key=key, area=area)
        transport = RelayTransport(fake, settings or RelaySettings(), now=now)
        async with running(node), running(transport):
            account = Account(node, fake, transport)
            for relay in relays:
                await transport.relays.add(address_of(relay))
            if relays:
                await account.online()
            yield account


@dataclass(frozen=True, slots=True)
class Account:
    """One running transport, its host and its node."""

    node: VirtualNode
    host: FakeTransportHost
    transport: RelayTransport

    @property
    def peer(self) -> PeerId:
        return self.host.identity

    async def online(self) -> None:
        """Wait until all is well."""
        await self.is_(lambda state: state == ONLINE)

    async def is_(self, condition: Callable[[ServiceState], bool]) -> ServiceState:
        """Wait until the newest state is such a one."""
        states = await self.host.states.until(lambda states: condition(states[-1]), patience=LONG)
        return states[-1]

    async def degraded(self, words: str) -> None:
        """Wait until the state says this."""
        await self.is_(lambda state: state.phase is Phase.DEGRADED and words in (state.reason or ""))

    async def send(self, to: Account, *envelopes: bytes, routes=()) -> list[Outgoing]:
        """Leave envelopes for somebody."""
        outgoing = self.host.outgoing(*envelopes)
        routes = routes or await to.transport.allocate_routes(self.peer)
        await self.transport.send(to.peer, routes, outgoing)
        return outgoing

    async def insist(self, to: Account, envelope: bytes) -> None:
        """Leave an envelope for somebody, again and again as the host does, until it is stored."""
        for _ in range(1000):
            try:
                (outgoing,) = await self.send(to, envelope)
            except PeerUnreachable:
                await anyio.sleep(60)
                continue
            report = await self.host.final(outgoing)
            if report.outcome is Outcome.STORED:
                return
            await anyio.sleep(60 if report.retry_after is None else report.retry_after)
        raise AssertionError("it was never stored")

    async def has(self, *envelopes: bytes) -> None:
        """Wait until exactly these were received, in this order."""
        await self.host.receives(*envelopes, patience=LONG)


def now() -> float:
    """Give Unix seconds on the clock that jumps."""
    return EPOCH + anyio.current_time()


def address_of(relay: ScriptedRelay) -> str:
    """Give what its operator would hand out."""
    return str(RelayAddress(relay_key=relay.peer.octets, permit=relay.permit))


@pytest.fixture
def virtual_time() -> tuple[str, dict[str, object]]:
    return "trio", {"clock": MockClock(autojump_threshold=0)}


@pytest.fixture(scope="session")
def world() -> Callable[[], AbstractAsyncContextManager[World]]:
    """Make a world: `async with world() as w`."""

    @asynccontextmanager
    async def make() -> AsyncGenerator[World]:
        async with anyio.create_task_group() as tasks:
            yield World(tasks)
            tasks.cancel_scope.cancel()

    return make


@pytest.fixture(scope="session")
def address() -> Callable[[ScriptedRelay], str]:
    return address_of
