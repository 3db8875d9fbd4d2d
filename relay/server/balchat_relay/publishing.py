"""The relay's onion: published through balchat_network_tor, each incoming stream bridged to the server's own socket.

The bridge goes through the public contract of networks, so that any network could stand here; a copy in memory is
nothing against a circuit. Each direction holds one chunk, and waits for the other side.
"""

import logging
from collections.abc import Callable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any, Final

import anyio
from anyio.abc import ByteReceiveStream, ByteSendStream, ByteStream, TaskStatus
from balchat_common.unix_sockets import connect
from balchat_network_tor.network import TorNetwork
from balchat_network_tor.settings import TorSettings
from balchat_relay_proto.address import PORT

from balchat_host.api.network import Network, NetworkContext
from balchat_host.api.types import Secret, ServiceState
from balchat_relay.settings import read_table

_log: Final = logging.getLogger(__name__)

_CHUNK: Final = 32 * 1024
_MAX_INCOMING: Final = 10_000


def tor_settings(table: Mapping[str, Any], *, connections: int, file: Path) -> TorSettings:
    """Read the table `[tor]`. Raise BadSettings."""
    return read_table(TorSettings, file, "tor", {"max_incoming": min(connections, _MAX_INCOMING), **table})


class Onion:
    """Publishes the server at `socket` as the onion of `seed`."""

    def __init__(
        self, seed: bytes, settings: TorSettings, *, folder: Path, socket: Path, on_state: Callable[[str], None]
    ) -> None:
        self._seed = Secret(seed)
        self._socket = socket
        self._on_state = on_state
        self._network: Network = TorNetwork(NetworkContext(directory=folder, on_state=self._changed), settings)

    async def run(self, *, task_status: TaskStatus[None] = anyio.TASK_STATUS_IGNORED) -> None:
        """Come up and stay up until cancelled. Raise NetworkUnavailable and its kin for what waiting cannot mend."""
        async with anyio.create_task_group() as tasks:
            await tasks.start(_run, self._network)
            service = await self._network.publish(self._seed, PORT, on_state=self._published)
            task_status.started()
            while True:
                stream = await service.accept()
                tasks.start_soon(self._bridge, stream)

    def _changed(self, state: ServiceState) -> None:
        self._on_state(f"tor: {state}")

    def _published(self, state: ServiceState) -> None:
        self._on_state(f"onion: {state}")

    async def _bridge(self, outside: ByteStream) -> None:
        await carry(outside, self._socket)


async def carry(outside: ByteStream, socket: Path) -> None:
    """Carry one stream to the server and back until either side is gone. Whatever it meets ends it alone."""
    try:
        try:
            stream = await connect(socket)
        except OSError:  # the server is stopping
            await outside.aclose()
            return
        await bridge(outside, stream)
    except Exception as error:  # noqa: BLE001  # one stream's failure must not end the others
        _log.error("carrying a stream failed: %s", type(error).__name__)
        with anyio.CancelScope(shield=True), suppress(Exception):
            await anyio.aclose_forcefully(outside)


async def bridge(one: ByteStream, other: ByteStream) -> None:
    """Carry octets both ways until either side is gone; then both are closed."""
    async with one, other, anyio.create_task_group() as tasks:
        tasks.start_soon(_copy, one, other, tasks.cancel_scope)
        tasks.start_soon(_copy, other, one, tasks.cancel_scope)


async def _run(network: Network, *, task_status: TaskStatus[None]) -> None:
    await network.run(task_status=task_status)


async def _copy(source: ByteReceiveStream, sink: ByteSendStream, both: anyio.CancelScope) -> None:
    """Copy until either side is gone; then end the other direction, too."""
    try:
        while True:
            await sink.send(await source.receive(_CHUNK))
    except (anyio.EndOfStream, anyio.BrokenResourceError, anyio.ClosedResourceError):
        both.cancel()
