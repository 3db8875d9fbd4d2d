"""Registers the transport. What it needs is imported when it is made, not when it is registered."""

from __future__ import annotations

from typing import TYPE_CHECKING

from balchat_host.api.descriptors import TransportDescriptor
from balchat_host.api.hookspecs import hookimpl
from balchat_host.api.transport import Latency

from balchat_transport_sample.settings import SampleSettings

if TYPE_CHECKING:
    from collections.abc import Sequence

    from balchat_host.api.transport import Transport, TransportContext


def make(context: TransportContext, settings: SampleSettings) -> Transport:
    """Make the transport for one account."""
    from balchat_transport_sample.transport import SampleTransport  # noqa: PLC0415  # see the module's docstring

    return SampleTransport(context, settings)


@hookimpl
def balchat_transports() -> Sequence[TransportDescriptor]:
    """Register `transport_sample`."""
    return [
        TransportDescriptor(
            name="transport_sample",
            summary="Carries envelopes over streams of its own",
            api_version=1,
            settings=SampleSettings,
            latency=Latency.INTERACTIVE,
            factory=make,
        )
    ]
