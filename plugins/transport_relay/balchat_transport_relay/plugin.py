"""Registers the relay transport."""

from collections.abc import Sequence
from contextlib import AbstractAsyncContextManager

from balchat_host.api.descriptors import TransportDescriptor
from balchat_host.api.hookspecs import hookimpl
from balchat_host.api.network import Network
from balchat_host.api.transport import Latency, Transport, TransportCapability, TransportContext
from balchat_transport_relay.settings import RelaySettings


def make(context: TransportContext, settings: RelaySettings) -> Transport:
    """Make the transport. Its modules are imported only now."""
    from balchat_transport_relay.transport import RelayTransport  # noqa: PLC0415  # not imported to be listed

    return RelayTransport(context, settings)


def trial_relay(network: Network) -> AbstractAsyncContextManager[str]:
    """Run a relay that goes afterwards."""
    from balchat_transport_relay.testing.trial_relay import running_relay  # noqa: PLC0415  # only trials need it

    return running_relay(network)


@hookimpl
def balchat_transports() -> Sequence[TransportDescriptor]:
    """Register the transport."""
    return [
        TransportDescriptor(
            name="transport_relay",
            summary="Envelopes for who is away, sealed and left at a relay",
            api_version=1,
            settings=RelaySettings,
            latency=Latency.STORE_AND_FORWARD,
            capabilities=frozenset({TransportCapability.BLOBS}),
            factory=make,
            trial_relay=trial_relay,
        )
    ]
