"""The network in memory, made of nodes that have a fault."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from balchat_host.testing.virtual_network import VirtualNetwork, VirtualNode

if TYPE_CHECKING:
    from pathlib import Path


class FaultyNode(VirtualNode):
    """No fault."""

    caught_by: ClassVar[str]
    audited: ClassVar[bool] = False
    folder: Path
    """Where it may write."""


class FaultyNetwork(VirtualNetwork):
    """A network whose nodes have a fault."""

    def __init__(self, make: type[FaultyNode], folder: Path) -> None:
        super().__init__()
        self.make = make
        self.folder = folder

    def node(self, *, on_state=lambda state: None, online=True) -> FaultyNode:
        node = self.make(self, on_state=on_state, online=online)
        node.folder = self.folder
        return node
