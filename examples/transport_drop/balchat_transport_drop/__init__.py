"""Carries envelopes through a folder that both can reach. `carrier` does the work."""

from dataclasses import dataclass
from typing import Annotated

from msgspec import Meta

from balchat_host.api.descriptors import TransportDescriptor
from balchat_host.api.hookspecs import hookimpl
from balchat_host.api.transport import Latency


@dataclass(frozen=True)
class DropSettings:
    folder: str
    look_every: Annotated[float, Meta(ge=0.01, le=3600)] = 30.0  # seconds


def make(context, settings):
    from balchat_transport_drop.carrier import Carrier

    return Carrier(context, settings)


@hookimpl
def balchat_transports():
    return [
        TransportDescriptor(
            name="transport_drop",
            summary="Leaves envelopes in a folder that both can reach",
            api_version=1,
            settings=DropSettings,
            latency=Latency.STORE_AND_FORWARD,
            factory=make,
        )
    ]
