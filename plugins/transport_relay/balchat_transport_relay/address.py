"""The address of a route: where a contact's queue is and what opens its way in (docs/spec/relay.md, Routes)."""

from dataclasses import dataclass, field
from typing import Final

from balchat_relay_proto.capabilities import CAPABILITY, Capability
from balchat_relay_proto.codec import DIGEST, Malformed, Message, octets, optional
from balchat_relay_proto.sealing import SealingKey
from balchat_relay_proto.sizes import ONION_KEY_SIZE

from balchat_host.api.types import Route

NAME: Final = "transport_relay"


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class QueueAddress(Message):
    """`relay_key` is the relay's onion key; an inbox has no `send` capability."""

    relay_key: bytes = field(metadata=octets(ONION_KEY_SIZE).field)
    queue: bytes = field(metadata=DIGEST)
    send: Capability | None = field(metadata=optional(CAPABILITY).field)


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class Destination:
    """A decoded route: the queue to put into, and the key to seal to."""

    address: QueueAddress
    sealing_key: SealingKey

    @classmethod
    def of(cls, route: Route) -> "Destination":
        """Decode a route that a contact gave us. Raise Malformed."""
        if route.transport != NAME or route.sealing_key is None:
            raise Malformed("not a route of this transport")
        try:
            sealing_key = SealingKey(route.sealing_key)
        except ValueError as error:
            raise Malformed(str(error)) from error
        return cls(address=QueueAddress.from_octets(route.address), sealing_key=sealing_key)

    @property
    def route(self) -> Route:
        """The encoded route."""
        return Route(transport=NAME, address=self.address.to_octets(), sealing_key=self.sealing_key.octets)
