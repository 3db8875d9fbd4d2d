"""The frames on the WebSocket at `GET /v1/subscribe`, one in each binary message (docs/spec/relay.md, Push).

A client numbers its subscriptions. Every frame about a subscription carries its number.
"""

from dataclasses import dataclass, field
from typing import Final, TypeAlias

from balchat_relay_proto.codec import DIGEST, Message, octets, one_of, optional, several, text, uint
from balchat_relay_proto.errors import CODE, Code, Refused
from balchat_relay_proto.requests import AUTHORITY, MAX_SEQUENCE, Authority
from balchat_relay_proto.sizes import (
    CHALLENGE_SIZE,
    DIGEST_SIZE,
    ENVELOPE_SIZES,
    MAX_ACKNOWLEDGED,
    MAX_RETRY_AFTER,
)

NUMBER: Final = uint(2**32 - 1).field


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class Hello(Message):
    """The first frame of the relay. The challenge is valid for all subscriptions on this connection."""

    challenge: bytes = field(metadata=octets(CHALLENGE_SIZE).field)


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class Subscribe(Message):
    """Push everything in a queue after the cursor `after`, and then what arrives."""

    number: int = field(metadata=NUMBER)
    queue: bytes = field(metadata=DIGEST)
    authority: Authority = field(metadata=AUTHORITY)
    after: int = field(default=0, metadata=uint(MAX_SEQUENCE).field)


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class Subscribed(Message):
    """The subscription has begun."""

    number: int = field(metadata=NUMBER)


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class Push(Message):
    """An envelope. It may come again."""

    number: int = field(metadata=NUMBER)
    sequence: int = field(metadata=uint(MAX_SEQUENCE).field)
    envelope: bytes = field(metadata=octets(*ENVELOPE_SIZES).field)


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class Acknowledged(Message):
    """From the client: delete these. From the relay, with the same ids: they are deleted, and the disk has it."""

    number: int = field(metadata=NUMBER)
    envelope_ids: tuple[bytes, ...] = field(metadata=several(octets(DIGEST_SIZE), MAX_ACKNOWLEDGED, least=1).field)


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class Unsubscribe(Message):
    """End a subscription. Ended without a code follows."""

    number: int = field(metadata=NUMBER)


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class Ended(Message):
    """A subscription has ended: refused, evicted by a newer one, or its queue deleted. No code: the client ended it."""

    number: int = field(metadata=NUMBER)
    code: Code | None = field(metadata=optional(CODE).field)
    detail: str = field(default="", metadata=text(200).field)
    retry_after: int | None = field(default=None, metadata=optional(uint(MAX_RETRY_AFTER)).field)


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class NotAcknowledged(Message):
    """An acknowledgement failed. The envelopes are still there, and the subscription goes on."""

    number: int = field(metadata=NUMBER)
    code: Code = field(metadata=CODE.field)
    detail: str = field(default="", metadata=text(200).field)
    retry_after: int | None = field(default=None, metadata=optional(uint(MAX_RETRY_AFTER)).field)


FromClient: TypeAlias = Subscribe | Acknowledged | Unsubscribe
FromRelay: TypeAlias = Hello | Subscribed | Push | Acknowledged | Ended | NotAcknowledged

_FROM_CLIENT: Final = one_of({1: Subscribe, 4: Acknowledged, 5: Unsubscribe})
_FROM_RELAY: Final = one_of({0: Hello, 2: Subscribed, 3: Push, 4: Acknowledged, 6: Ended, 7: NotAcknowledged})


def encode_from_client(frame: FromClient) -> bytes:
    """Encode a client's frame."""
    return _FROM_CLIENT.to_octets(frame)


def decode_from_client(octets: bytes) -> FromClient:
    """Decode a client's frame. Raise Malformed."""
    return _FROM_CLIENT.from_octets(octets)


def encode_from_relay(frame: FromRelay) -> bytes:
    """Encode a relay's frame."""
    return _FROM_RELAY.to_octets(frame)


def decode_from_relay(octets: bytes) -> FromRelay:
    """Decode a relay's frame. Raise Malformed."""
    return _FROM_RELAY.from_octets(octets)


def ended(number: int, refused: Refused) -> Ended:
    """Return the frame that tells of a refusal."""
    return Ended(number=number, code=refused.code, detail=refused.detail[:200], retry_after=refused.retry_after)
