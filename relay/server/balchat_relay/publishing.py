"""The relay's onion: published through balchat_network_tor; the server takes its streams from tor's own socket.

A file of any size passes through here, so nothing is copied on the way from tor to the server.
"""

import asyncio
import socket
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Final

import anyio
from anyio.abc import TaskStatus
from balchat_network_tor.network import TorNetwork
from balchat_network_tor.settings import TorSettings
from balchat_relay_proto.address import PORT

from balchat_host.api.network import Network, NetworkContext
from balchat_host.api.types import Secret, ServiceState
from balchat_relay.settings import read_table
from balchat_relay.web.connection import Connections

BACKLOG: Final = 512
"""Connections that wait until the server takes them."""


def tor_settings(table: Mapping[str, Any], *, file: Path) -> TorSettings:
    """Read the table `[tor]`. Raise BadSettings."""
    return read_table(TorSettings, file, "tor", table)


class Onion:
    """Publishes a server as the onion of `seed`."""

    def __init__(
        self,
        seed: bytes,
        settings: TorSettings,
        *,
        folder: Path,
        server: Connections,
        on_state: Callable[[str], None],
    ) -> None:
        self._seed = Secret(seed)
        self._server = server
        self._on_state = on_state
        self._network = TorNetwork(NetworkContext(directory=folder, on_state=self._changed), settings)

    async def run(self, *, task_status: TaskStatus[None] = anyio.TASK_STATUS_IGNORED) -> None:
        """Come up and stay up until cancelled. Raise NetworkUnavailable and its kin for what waiting cannot mend."""
        async with anyio.create_task_group() as tasks:
            await tasks.start(_run, self._network)
            _, listening = await self._network.publish_socket(self._seed, PORT, on_state=self._published)
            server = await serve_at(listening, self._server)
            try:
                task_status.started()
                await anyio.sleep_forever()
            finally:
                server.close()

    def _changed(self, state: ServiceState) -> None:
        self._on_state(f"tor: {state}")

    def _published(self, state: ServiceState) -> None:
        self._on_state(f"onion: {state}")


async def serve_at(listening: socket.socket, server: Connections) -> asyncio.Server:
    """Serve at a socket that listens, of any family; it is closed with what is returned."""
    loop = asyncio.get_running_loop()
    if listening.family == socket.AF_UNIX:
        return await loop.create_unix_server(server, sock=listening, backlog=BACKLOG)
    return await loop.create_server(server, sock=listening, backlog=BACKLOG)


async def _run(network: Network, *, task_status: TaskStatus[None]) -> None:
    await network.run(task_status=task_status)
