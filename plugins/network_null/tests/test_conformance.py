"""The null network obeys the kit that every network obeys."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

import anyio
import pytest
from balchat_network_null.directory import BACKLOG, socket_path
from balchat_network_null.network import NullNetwork
from balchat_network_null.settings import NullSettings

from balchat_host.api.network import Network, NetworkContext
from balchat_host.testing.network_kit import NetworkBench, NetworkKit

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from balchat_host.api.types import OnionKey, ServiceState


class NullBench(NetworkBench):
    backlog = BACKLOG

    def __init__(self, directory: Path) -> None:
        self.directory = directory

    def network(self, on_state: Callable[[ServiceState], None]) -> Network:
        context = NetworkContext(directory=self.directory, on_state=on_state)
        return NullNetwork(context, NullSettings(directory=str(self.directory)))

    async def look(self, address: OnionKey, port: int) -> bool:
        try:
            async with await anyio.connect_unix(socket_path(self.directory, address, port)):
                return True
        except OSError:
            return False

    def folders(self) -> Sequence[Path]:
        return [self.directory]


class TestNullNetwork(NetworkKit):
    @pytest.fixture(scope="class")
    @classmethod
    def bench(cls) -> Iterator[NullBench]:
        # pytest's own folders have paths too long for a socket.
        with tempfile.TemporaryDirectory(prefix="balchat-") as folder:
            yield NullBench(Path(folder))
