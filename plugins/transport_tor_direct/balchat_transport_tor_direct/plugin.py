"""Registers the direct transport."""

from collections.abc import Sequence

from balchat_host.api.descriptors import TransportDescriptor
from balchat_host.api.hookspecs import hookimpl
from balchat_host.api.transport import Latency, Transport, TransportCapability, TransportContext
from balchat_transport_tor_direct.settings import DirectSettings


def make(context: TransportContext, settings: DirectSettings) -> Transport:
    """Make the transport; its modules are imported only now."""
    from balchat_transport_tor_direct.transport import DirectTransport  # noqa: PLC0415  # not imported to be listed

    return DirectTransport(context, settings)


@hookimpl
def balchat_transports() -> Sequence[TransportDescriptor]:
    """Register the transport."""
    return [
        TransportDescriptor(
            name="transport_tor_direct",
            summary="Envelopes from onion to onion, while both are online",
            api_version=1,
            settings=DirectSettings,
            latency=Latency.INTERACTIVE,
            capabilities=frozenset({TransportCapability.BULK}),
            factory=make,
        )
    ]
