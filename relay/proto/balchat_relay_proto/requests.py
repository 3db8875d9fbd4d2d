"""What a client asks for: `POST /v1/<operation>` with the array of the request's fields as body.

`OPERATIONS` names them all. Two ways prove that a queue is one's own: its receive capability, or for an inbox the
onion key's signature over the connection's challenge.
"""

from dataclasses import dataclass, field
from typing import ClassVar, Final, TypeAlias

from balchat_relay_proto.capabilities import CAPABILITY, Capability
from balchat_relay_proto.codec import DIGEST, Message, octets, one_of, optional, several, text, uint
from balchat_relay_proto.proofs import Purpose
from balchat_relay_proto.sizes import (
    CARD_SIZE,
    DIGEST_SIZE,
    ENVELOPE_SIZES,
    MAX_ACKNOWLEDGED,
    MAX_CARDS,
    MAX_PERMIT,
    MAX_TOKENS,
    ONION_KEY_SIZE,
    SIGNATURE_SIZE,
)

MAX_SEQUENCE: Final = 2**63 - 1


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class Holder(Message):
    """Whoever holds a queue's receive capability."""

    capability: Capability = field(metadata=CAPABILITY.field)


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class Owner(Message):
    """Whoever holds the key of an onion, as its signature shows (`proofs`)."""

    onion_key: bytes = field(metadata=octets(ONION_KEY_SIZE).field)
    signature: bytes = field(metadata=octets(SIGNATURE_SIZE).field)


Authority: TypeAlias = Holder | Owner
AUTHORITY: Final = one_of({0: Holder, 1: Owner}).field
_PERMIT: Final = optional(text(MAX_PERMIT)).field


class Request(Message):
    """One operation. `OPERATION` is the last part of its path."""

    __slots__ = ()
    OPERATION: ClassVar[str]


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class GetChallenge(Request):
    """Ask for a challenge: it belongs to this connection, and the next signature uses it up. Reply: Challenge."""

    OPERATION = "challenge"


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class Create(Request):
    """Create the queue of these verifiers. Twice is once. Reply: Created."""

    OPERATION = "create"
    send_verifier: bytes = field(metadata=DIGEST)
    receive_verifier: bytes = field(metadata=DIGEST)
    permit: str | None = field(default=None, metadata=_PERMIT)


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class CreateInbox(Request):
    """Create the inbox of the onion that signs. Twice is once. Reply: Created."""

    OPERATION = "create-inbox"
    owner: Owner = field(metadata=one_of({1: Owner}).field)
    permit: str | None = field(default=None, metadata=_PERMIT)


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class Put(Request):
    """Store an envelope; an inbox needs no capability. Twice is once. Reply: Done, when it is on the disk."""

    OPERATION = "put"
    queue: bytes = field(metadata=DIGEST)
    send: Capability | None = field(metadata=optional(CAPABILITY).field)
    envelope: bytes = field(metadata=octets(*ENVELOPE_SIZES).field)


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class Fetch(Request):
    """Read what came after the cursor `after`, oldest first. Deletes nothing. Reply: Fetched."""

    OPERATION = "fetch"
    PURPOSE: ClassVar = Purpose.FETCH
    queue: bytes = field(metadata=DIGEST)
    authority: Authority = field(metadata=AUTHORITY)
    after: int = field(default=0, metadata=uint(MAX_SEQUENCE).field)


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class Acknowledge(Request):
    """Delete envelopes by their ids; those that are not there are no error. Reply: Done, when the disk has it."""

    OPERATION = "acknowledge"
    PURPOSE: ClassVar = Purpose.ACKNOWLEDGE
    queue: bytes = field(metadata=DIGEST)
    authority: Authority = field(metadata=AUTHORITY)
    envelope_ids: tuple[bytes, ...] = field(metadata=several(octets(DIGEST_SIZE), MAX_ACKNOWLEDGED).field)


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class Delete(Request):
    """Delete a queue and all that is in it. Reply: Done."""

    OPERATION = "delete"
    PURPOSE: ClassVar = Purpose.DELETE
    queue: bytes = field(metadata=DIGEST)
    authority: Authority = field(metadata=AUTHORITY)


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class GetStatus(Request):
    """Ask how full one's queue is. Reply: QueueStatus."""

    OPERATION = "status"
    PURPOSE: ClassVar = Purpose.STATUS
    queue: bytes = field(metadata=DIGEST)
    authority: Authority = field(metadata=AUTHORITY)


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class Publish(Request):
    """Add cards to one's pool, replace its last resort, and name one-time tokens by their SHA-256. Reply: Published."""

    OPERATION = "publish"
    PURPOSE: ClassVar = Purpose.PUBLISH
    queue: bytes = field(metadata=DIGEST)
    authority: Authority = field(metadata=AUTHORITY)
    cards: tuple[bytes, ...] = field(metadata=several(octets(CARD_SIZE), MAX_CARDS).field)
    last_resort: bytes | None = field(default=None, metadata=optional(octets(CARD_SIZE)).field)
    token_verifiers: tuple[bytes, ...] = field(default=(), metadata=several(octets(DIGEST_SIZE), MAX_TOKENS).field)


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class Claim(Request):
    """Take one card out of a queue's pool. `send` as with Put; `token` is one of the owner's. Reply: Claimed."""

    OPERATION = "claim"
    queue: bytes = field(metadata=DIGEST)
    send: Capability | None = field(default=None, metadata=optional(CAPABILITY).field)
    token: Capability | None = field(default=None, metadata=optional(CAPABILITY).field)


_ALL: Final[tuple[type[Request], ...]] = (
    GetChallenge, Create, CreateInbox, Put, Fetch, Acknowledge, Delete, GetStatus, Publish, Claim,
)  # fmt: skip

OPERATIONS: Final[dict[str, type[Request]]] = {request.OPERATION: request for request in _ALL}
"""Every request by the last part of its path."""
