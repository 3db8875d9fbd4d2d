"""The network obeys the kit that every network obeys."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import anyio
import pytest
from balchat_host.api.network import Network, NetworkContext
from balchat_host.api.types import OnionKey, ServiceState
from balchat_host.testing.network_kit import NetworkBench, NetworkKit
from balchat_network_null.directory import BACKLOG, socket_path

from balchat_network_sample.plugin import make
from balchat_network_sample.settings import SampleSettings


class Bench(NetworkBench):
    """Networks that reach each other, and a look at them from outside."""

    backlog = BACKLOG

    def __init__(self, directory: Path) -> None:
        self.directory = directory

    def network(self, on_state: Callable[[ServiceState], None]) -> Network:
        context = NetworkContext(directory=self.directory, on_state=on_state)
        return make(context, SampleSettings(directory=str(self.directory)))

    async def look(self, address: OnionKey, port: int) -> bool:
        try:
            async with await anyio.connect_unix(socket_path(self.directory, address, port)):
                return True
        except OSError:
            return False

    def folders(self) -> Sequence[Path]:
        return [self.directory]


class TestSample(NetworkKit):
    """Its tests are the kit's."""

    @pytest.fixture(scope="class")
    @classmethod
    def bench(cls) -> Iterator[NetworkBench]:
        # pytest's own folders have paths too long for a socket.
        with tempfile.TemporaryDirectory(prefix="sample-") as folder:
            yield Bench(Path(folder))
