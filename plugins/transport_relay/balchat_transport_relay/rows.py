"""The rows that `RelayState` keeps in the vault."""

from dataclasses import dataclass, field
from typing import Final

from balchat_relay_proto.capabilities import CAPABILITY, Capability, queue_id
from balchat_relay_proto.codec import Message, flag, octets, optional, text, uint
from balchat_relay_proto.requests import Holder
from balchat_relay_proto.sealing import OPENING_KEY_SIZE, SEALING_KEY_SIZE, OpeningKey
from balchat_relay_proto.sizes import MAX_PERMIT, ONION_KEY_SIZE

from balchat_host.api.types import PEER_ID_SIZE, OnionKey
from balchat_transport_relay.address import Destination, QueueAddress

_TIME: Final = uint(2**53)


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class RelayRow(Message):
    """A relay of ours. The one with the lowest `position` is the default. Times are Unix seconds.

    `leaving_since`: since when we create nothing there. `cards_until`: when the first of the cards that we published
    there expires; we noted that at `cards_at`.
    """

    key: bytes = field(metadata=octets(ONION_KEY_SIZE).field)
    permit: str | None = field(metadata=optional(text(MAX_PERMIT)).field)
    position: int = field(metadata=_TIME.field)
    leaving_since: int | None = field(default=None, metadata=optional(_TIME).field)
    cards_until: int = field(default=0, metadata=_TIME.field)
    cards_at: int = field(default=0, metadata=_TIME.field)

    @property
    def onion_key(self) -> OnionKey:
        """The relay's onion."""
        return OnionKey(self.key)


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class QueueRow(Message):
    """A queue of ours at a relay, for one contact. `retired_at`: since when it only drains; 0 to delete it at once."""

    relay: bytes = field(metadata=octets(ONION_KEY_SIZE).field)
    peer: bytes = field(metadata=octets(PEER_ID_SIZE).field)
    send: Capability = field(metadata=CAPABILITY.field)
    receive: Capability = field(metadata=CAPABILITY.field)
    key: bytes = field(metadata=octets(OPENING_KEY_SIZE).field)
    made_at: int = field(metadata=_TIME.field)
    created: bool = field(default=False, metadata=flag().field)
    retired_at: int | None = field(default=None, metadata=optional(_TIME).field)

    @property
    def id(self) -> bytes:
        """The queue's id."""
        return queue_id(self.send.verifier, self.receive.verifier)

    @property
    def holder(self) -> Holder:
        """The authority that proves that it is ours."""
        return Holder(capability=self.receive)

    @property
    def destination(self) -> Destination:
        """Where and how to put into it."""
        address = QueueAddress(relay_key=self.relay, queue=self.id, send=self.send)
        return Destination(address=address, sealing_key=OpeningKey(self.key).sealing_key)


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class ClaimRow(Message):
    """Where we claimed somebody's KeyPackage: the relay, and the sealing key of their inbox."""

    relay: bytes = field(metadata=octets(ONION_KEY_SIZE).field)
    sealing_key: bytes = field(metadata=octets(SEALING_KEY_SIZE).field)


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class InboxRow(Message):
    """The key that opens what comes to our inboxes, at all relays."""

    key: bytes = field(metadata=octets(OPENING_KEY_SIZE).field)
