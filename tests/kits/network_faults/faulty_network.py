"""The network in memory, made of nodes that have a fault."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from balchat_host.testing.virtual_network import VirtualNetwork, VirtualNode, VirtualService
from balchat_host.testing.virtual_stream import VirtualStream

if TYPE_CHECKING:
    from pathlib import Path


class FaultyStream(VirtualStream):
    """No fault."""

    def __init__(self, stream) -> None:
        self.stream = stream

    async def send(self, item) -> None:
        await self.stream.send(item)

    async def receive(self, max_bytes=65536):
        return await self.stream.receive(max_bytes)

    async def send_eof(self) -> None:
        await self.stream.send_eof()

    async def aclose(self) -> None:
        await self.stream.aclose()


class FaultyNode(VirtualNode):
    """No fault."""

    caught_by: ClassVar[str]
    audited: ClassVar[bool] = False
    Stream: ClassVar[type[FaultyStream] | None] = None
    """What is wrong with the streams that it dials."""
    folder: Path
    """Where it may write."""

    async def dial(self, address, port, *, isolation):
        stream = await super().dial(address, port, isolation=isolation)
        return stream if self.Stream is None else self.Stream(stream)


class FaultyNetwork(VirtualNetwork):
    """A network whose nodes have a fault."""

    def __init__(self, make: type[FaultyNode], folder: Path) -> None:
        super().__init__()
        self.make = make
        self.folder = folder
        self.gone: list[VirtualService] = []
        """What was published and is closed, where a fault notes it."""

    def node(self, *, on_state=lambda state: None, online=True) -> FaultyNode:
        node = self.make(self, on_state=on_state, online=online)
        node.folder = self.folder
        return node
