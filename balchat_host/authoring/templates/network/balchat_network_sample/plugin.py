"""Registers the network. What it needs is imported when it is made, not when it is registered."""

from __future__ import annotations

from typing import TYPE_CHECKING

from balchat_host.api.descriptors import NetworkDescriptor
from balchat_host.api.hookspecs import hookimpl

from balchat_network_sample.settings import SampleSettings

if TYPE_CHECKING:
    from collections.abc import Sequence

    from balchat_host.api.network import Network, NetworkContext


def make(context: NetworkContext, settings: SampleSettings) -> Network:
    """Make the network for one profile."""
    from balchat_network_sample.network import SampleNetwork  # noqa: PLC0415  # see the module's docstring

    return SampleNetwork(context, settings)


@hookimpl
def balchat_networks() -> Sequence[NetworkDescriptor]:
    """Register `network_sample`. Once it hides what Tor does, it need not be `exclusive`."""
    return [
        NetworkDescriptor(
            name="network_sample",
            summary="At first without any anonymity: reaches your own accounts on this machine, for trials",
            api_version=1,
            settings=SampleSettings,
            factory=make,
            exclusive=True,
        )
    ]
