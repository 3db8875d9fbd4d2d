"""Carries envelopes through a folder that both can reach. `carrier` does the work."""

from dataclasses import dataclass
from typing import Annotated

from balchat_common.settings import Doc
from msgspec import Meta

from balchat_host.api.descriptors import TransportDescriptor
from balchat_host.api.hookspecs import hookimpl
from balchat_host.api.transport import Latency


@dataclass(frozen=True)
class DropSettings:
    folder: Annotated[str, Doc("The folder that both can reach.")]
    look_every: Annotated[float, Meta(ge=0.01, le=3600), Doc("How many seconds pass between two looks into it.")] = 30.0


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
