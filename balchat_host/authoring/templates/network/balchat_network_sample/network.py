"""The network itself: at first it leads over `network_null`, unix sockets that only this user can reach.

Replace what stands behind each method by your own; the contract is `balchat_host.api.network`. What has to stay true:
whoever answers at an address holds its key, and nothing of a key is written to a disk.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from balchat_host.api.network import Network, NetworkContext, PublishedService
from balchat_network_null.network import NullNetwork
from balchat_network_null.settings import NullSettings

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from anyio.abc import ByteStream, TaskStatus
    from balchat_host.api.types import Check, OnionKey, Secret, ServiceState

    from balchat_network_sample.settings import SampleSettings


class SampleNetwork(Network):
    """Reaches accounts that use the same directory."""

    def __init__(self, context: NetworkContext, settings: SampleSettings) -> None:
        self._below = NullNetwork(context, NullSettings(directory=settings.directory))

    @property
    def state(self) -> ServiceState:
        return self._below.state

    async def run(self, *, task_status: TaskStatus[None]) -> None:
        await self._below.run(task_status=task_status)

    async def publish(self, key: Secret, port: int, *, on_state: Callable[[ServiceState], None]) -> PublishedService:
        return await self._below.publish(key, port, on_state=on_state)

    async def dial(self, address: OnionKey, port: int, *, isolation: str) -> ByteStream:
        return await self._below.dial(address, port, isolation=isolation)

    async def checks(self) -> Sequence[Check]:
        return await self._below.checks()
