"""Registers the loopback network as a plugin, for tests that start whole accounts in processes of their own.

No distribution announces it. A test that wants it writes an entry point for `tests.support.loopback_plugin`
into a directory on the path of the process that it starts.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from balchat_host.api import API_VERSION
from balchat_host.api.descriptors import NetworkDescriptor
from balchat_host.api.errors import BadInput
from balchat_host.api.hookspecs import hookimpl
from balchat_host.api.network import Network, NetworkContext


@dataclass(frozen=True, slots=True, kw_only=True)
class LoopbackSettings:
    """`directory` is where all accounts of the test meet; private, with a short path. Nothing works without it."""

    directory: str = ""

    def __post_init__(self) -> None:
        # The defaults of a plugin's settings must make settings, or the host takes the plugin for broken.
        if self.directory and not self.directory.startswith("/"):
            raise ValueError("directory: it is not absolute; the path of a private directory that all accounts share")


def make(context: NetworkContext, settings: LoopbackSettings) -> Network:
    """Make the network. Raise BadInput."""
    from tests.support.loopback_network import LoopbackNetwork  # noqa: PLC0415  # a plugin imports when used

    if not settings.directory:
        raise BadInput(what="settings.network_loopback.directory", problem="it is not set")
    return LoopbackNetwork(Path(settings.directory), on_state=context.on_state)


@hookimpl
def balchat_networks() -> Sequence[NetworkDescriptor]:
    """Register the network."""
    return [
        NetworkDescriptor(
            name="network_loopback",
            summary="Reaches accounts on this machine through sockets, for tests",
            api_version=API_VERSION,
            settings=LoopbackSettings,
            factory=make,
        )
    ]
