"""Registers the null network. What is expensive is imported when it is made, not when it is registered."""

from collections.abc import Sequence

from balchat_host.api.descriptors import NetworkDescriptor
from balchat_host.api.hookspecs import hookimpl
from balchat_host.api.network import Network, NetworkContext
from balchat_network_null.settings import NullSettings


def make(context: NetworkContext, settings: NullSettings) -> Network:
    """Make the network for one profile."""
    from balchat_network_null.network import NullNetwork  # noqa: PLC0415  # see the module's docstring

    return NullNetwork(context, settings)


@hookimpl
def balchat_networks() -> Sequence[NetworkDescriptor]:
    """Register `network_null`."""
    return [
        NetworkDescriptor(
            name="network_null",
            summary="No Tor and no anonymity: reaches your own accounts on this machine, for trials",
            api_version=1,
            settings=NullSettings,
            factory=make,
            exclusive=True,
        )
    ]
