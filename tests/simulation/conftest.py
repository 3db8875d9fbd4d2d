"""Whole accounts with the real transport and the real crypto engine, on a virtual network, in virtual time."""

from __future__ import annotations

from contextlib import AsyncExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Any

import anyio
import pytest
from balchat_crypto_mls.engine import MlsEngine
from balchat_transport_tor_direct.plugin import balchat_transports
from trio.testing import MockClock

from balchat_host.runtime.node import TransportSetup
from balchat_host.testing.virtual_account import VirtualAccount
from balchat_host.testing.virtual_network import VirtualNetwork
from balchat_host.testing.watched_transport import Watch

if TYPE_CHECKING:
    from balchat_host.api.frontend import App
    from balchat_host.api.storage import Storage
    from balchat_host.api.types import PeerId
    from balchat_host.testing.virtual_network import VirtualNode
    from balchat_host.testing.virtual_stream import VirtualStream


class ClockedNetwork(VirtualNetwork):
    """Remembers when each dial began, and whose it was. One write takes a tenth of a second."""

    def __init__(self) -> None:
        super().__init__(delay=lambda: 0.1)
        self.times: list[tuple[float, PeerId]] = []

    async def connect(self, node: VirtualNode | None, peer: PeerId, port: int) -> VirtualStream:
        self.times.append((anyio.current_time(), peer))
        return await super().connect(node, peer, port)

    def times_of(self, peer: PeerId) -> list[float]:
        return [time for time, dialled in self.times if dialled == peer]


class Someone(VirtualAccount):
    """An account whose transport is watched."""

    def __init__(self, name: str, world: VirtualNetwork, seed: int, storage: Storage | None, directory: Path) -> None:
        (descriptor,) = balchat_transports()
        self.watch = Watch()
        setup = TransportSetup(
            name=descriptor.name,
            latency=descriptor.latency,
            make=lambda host: descriptor.factory(host, descriptor.settings()),
        )
        super().__init__(
            name,
            world,
            engine=MlsEngine(),
            transports=[self.watch.wrap(setup)],
            seed=seed,
            storage=storage,
            directory=directory,
        )


class People(AsyncExitStack):
    """Makes accounts, and has them up until the block ends. Their vaults lie in memory, or in a `storage`."""

    def __init__(self) -> None:
        super().__init__()
        self.world = ClockedNetwork()
        self.storage: Storage | None = None
        self.directory = Path("/")
        self._count = 0

    async def make(self, name: str) -> Someone:
        """Make an account that is not up."""
        self._count += 1
        someone = Someone(name, self.world, self._count, self.storage, self.directory)
        await someone.create()
        return someone

    async def start(self, name: str) -> Someone:
        """Make an account that is up."""
        someone = await self.make(name)
        await self.up(someone)
        return someone

    async def up(self, someone: Someone) -> App:
        return await self.enter_async_context(someone.up())


@pytest.fixture
def anyio_backend() -> tuple[str, dict[str, Any]]:
    return "trio", {"clock": MockClock(autojump_threshold=0)}


@pytest.fixture
def people() -> People:
    # Entered by the test itself: what ends an account ends its block, and so the test.
    return People()
