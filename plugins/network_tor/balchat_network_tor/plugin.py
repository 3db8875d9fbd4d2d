"""Registers the Tor network. Everything expensive is imported when it is made, not when it is registered."""

from collections.abc import Sequence

from balchat_host.api.descriptors import NetworkDescriptor
from balchat_host.api.hookspecs import hookimpl
from balchat_host.api.network import Network, NetworkContext
from balchat_network_tor.settings import TorSettings


def make(context: NetworkContext, settings: TorSettings) -> Network:
    """Make the network for one profile."""
    from balchat_network_tor.network import TorNetwork  # noqa: PLC0415  # stem and the rest take a tenth of a second

    return TorNetwork(context, settings)


@hookimpl
def balchat_networks() -> Sequence[NetworkDescriptor]:
    """Register `network_tor`."""
    return [
        NetworkDescriptor(
            name="network_tor",
            summary="Reaches peers through Tor onion services",
            api_version=1,
            settings=TorSettings,
            factory=make,
        )
    ]
