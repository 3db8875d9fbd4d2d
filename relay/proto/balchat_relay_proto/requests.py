"""The requests: `POST /v1/<operation>`, with the array of the request's fields as body.

`OPERATIONS` has them all. A client proves that a queue is its own with the receive capability, or that an inbox is its
own with a signature of the onion's key over the connection's challenge.
"""

from dataclasses import dataclass, field
from typing import ClassVar, Final, TypeAlias

from balchat_relay_proto.capabilities import CAPABILITY, Capability
from balchat_relay_proto.codec import DIGEST, Message, nested, octets, one_of, optional, several, text, uint
from balchat_relay_proto.sizes import (
    BLOB_SIZES,
    CARD_SIZE,
    DIGEST_SIZE,
    ENVELOPE_SIZES,
    MAX_ACKNOWLEDGED,
    MAX_BLOBS_DELETED,
    MAX_CARDS,
    MAX_PERMIT,
    MAX_TOKENS,
    ONION_KEY_SIZE,
    SIGNATURE_SIZE,
)

MAX_SEQUENCE: Final = 2**63 - 1


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class Holder(Message):
    """The authority of somebody who has a queue's receive capability."""

    capability: Capability = field(metadata=CAPABILITY.field)


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class Owner(Message):
    """The authority of somebody who has the key of an onion, shown by its signature (`proofs`)."""

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
    """Ask for a challenge. It is valid on this connection, for the next signature only. Reply: Challenge."""

    OPERATION = "challenge"


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class Create(Request):
    """Create the queue of these verifiers. Repeating it changes nothing. Reply: Created."""

    OPERATION = "create"
    send_verifier: bytes = field(metadata=DIGEST)
    receive_verifier: bytes = field(metadata=DIGEST)
    permit: str | None = field(default=None, metadata=_PERMIT)


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class CreateInbox(Request):
    """Create the inbox of the onion that signs. Repeating it changes nothing. Reply: Created."""

    OPERATION = "create-inbox"
    owner: Owner = field(metadata=one_of({1: Owner}).field)
    permit: str | None = field(default=None, metadata=_PERMIT)


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class Put(Request):
    """Store an envelope. An inbox needs no capability. Repeating it changes nothing. Reply: Done, when on the disk."""

    OPERATION = "put"
    queue: bytes = field(metadata=DIGEST)
    send: Capability | None = field(metadata=optional(CAPABILITY).field)
    envelope: bytes = field(metadata=octets(*ENVELOPE_SIZES).field)


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class Fetch(Request):
    """Return the envelopes after the cursor `after`, oldest first; delete nothing. Reply: Fetched."""

    OPERATION = "fetch"
    queue: bytes = field(metadata=DIGEST)
    authority: Authority = field(metadata=AUTHORITY)
    after: int = field(default=0, metadata=uint(MAX_SEQUENCE).field)


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class Acknowledge(Request):
    """Delete envelopes by their ids. Ids that do not exist are ignored. Reply: Done, when on the disk."""

    OPERATION = "acknowledge"
    queue: bytes = field(metadata=DIGEST)
    authority: Authority = field(metadata=AUTHORITY)
    envelope_ids: tuple[bytes, ...] = field(metadata=several(octets(DIGEST_SIZE), MAX_ACKNOWLEDGED).field)


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class Delete(Request):
    """Delete a queue and everything in it. Reply: Done."""

    OPERATION = "delete"
    queue: bytes = field(metadata=DIGEST)
    authority: Authority = field(metadata=AUTHORITY)


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class GetStatus(Request):
    """Return how full a queue is. Reply: QueueStatus."""

    OPERATION = "status"
    queue: bytes = field(metadata=DIGEST)
    authority: Authority = field(metadata=AUTHORITY)


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class Publish(Request):
    """Add cards to the pool, replace the last resort, register one-time tokens by their SHA-256. Reply: Published."""

    OPERATION = "publish"
    queue: bytes = field(metadata=DIGEST)
    authority: Authority = field(metadata=AUTHORITY)
    cards: tuple[bytes, ...] = field(metadata=several(octets(CARD_SIZE), MAX_CARDS).field)
    last_resort: bytes | None = field(default=None, metadata=optional(octets(CARD_SIZE)).field)
    token_verifiers: tuple[bytes, ...] = field(default=(), metadata=several(octets(DIGEST_SIZE), MAX_TOKENS).field)


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class Claim(Request):
    """Take a card out of a queue's pool. `send` is as in Put; `token` is one of the owner's. Reply: Claimed."""

    OPERATION = "claim"
    queue: bytes = field(metadata=DIGEST)
    send: Capability | None = field(default=None, metadata=optional(CAPABILITY).field)
    token: Capability | None = field(default=None, metadata=optional(CAPABILITY).field)


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class PutBlob(Request):
    """Keep a part of a file at the expense of a queue of ours. Repeating it changes nothing. Reply: BlobsKept."""

    OPERATION = "blob-put"
    queue: bytes = field(metadata=DIGEST)
    holder: Holder = field(metadata=one_of({0: Holder}).field)
    read_verifier: bytes = field(metadata=DIGEST)
    delete_verifier: bytes = field(metadata=DIGEST)
    blob: bytes = field(metadata=octets(*BLOB_SIZES).field)


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class GetBlob(Request):
    """Return a part of a file. Reply: BlobFound."""

    OPERATION = "blob-get"
    read: Capability = field(metadata=CAPABILITY.field)


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class BlobDeletion(Message):
    """One blob to delete: its id, and what allows it."""

    blob: bytes = field(metadata=DIGEST)
    delete: Capability = field(metadata=CAPABILITY.field)


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class DeleteBlobs(Request):
    """Delete parts of files. What is not there, or has another capability, is passed over. Reply: Done."""

    OPERATION = "blob-delete"
    blobs: tuple[BlobDeletion, ...] = field(metadata=several(nested(BlobDeletion), MAX_BLOBS_DELETED).field)


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class RenewBlobs(Request):
    """Keep for longer what was put at the expense of a queue of ours. Reply: BlobsKept."""

    OPERATION = "blob-renew"
    queue: bytes = field(metadata=DIGEST)
    holder: Holder = field(metadata=one_of({0: Holder}).field)


_ALL: Final[tuple[type[Request], ...]] = (
    GetChallenge, Create, CreateInbox, Put, Fetch, Acknowledge, Delete, GetStatus, Publish, Claim,
    PutBlob, GetBlob, DeleteBlobs, RenewBlobs,
)  # fmt: skip

OPERATIONS: Final[dict[str, type[Request]]] = {request.OPERATION: request for request in _ALL}
"""Every request by the last part of its path."""
