"""The replies that come with status 200. Refusals are in `errors`."""

from dataclasses import dataclass, field
from enum import StrEnum
from typing import Final

from balchat_relay_proto.codec import DIGEST, Codec, Malformed, Message, flag, nested, octets, several, uint
from balchat_relay_proto.requests import MAX_SEQUENCE
from balchat_relay_proto.sizes import BLOB_SIZES, CARD_SIZE, CHALLENGE_SIZE, ENVELOPE_SIZES, MAX_FETCHED, ONION_KEY_SIZE

_COUNT: Final = uint(MAX_SEQUENCE).field
_MAX_VERSION: Final = 2**16 - 1
_MAX_VERSIONS: Final = 16


class Creation(StrEnum):
    """What creating a queue requires. The operator decides."""

    OPEN = "open"
    INVITATION = "invitation"
    PASSWORD = "password"  # noqa: S105  # the name of a policy


def _read_creation(item: object) -> Creation:
    try:
        return Creation(str(item))
    except ValueError:
        raise Malformed("no known way of creating queues") from None


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class About(Message):
    """The relay itself (`GET /`): its protocol versions, its onion key, and what creating a queue requires.

    A client goes on only if `relay_key` is the key of the onion that it dialled.
    """

    versions: tuple[int, ...] = field(metadata=several(uint(_MAX_VERSION), _MAX_VERSIONS, least=1).field)
    relay_key: bytes = field(metadata=octets(ONION_KEY_SIZE).field)
    creation: Creation = field(metadata=Codec(str, _read_creation).field)
    max_age: int = field(metadata=_COUNT)
    """Seconds after which the relay deletes an envelope."""


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class Done(Message):
    """The operation is done, and its effect is on the disk."""


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class Challenge(Message):
    """The challenge that the next signature on this connection must cover."""

    challenge: bytes = field(metadata=octets(CHALLENGE_SIZE).field)


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class Created(Message):
    """The queue exists."""

    queue: bytes = field(metadata=DIGEST)


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class Stored(Message):
    """An envelope in a queue. `sequence` is the cursor to continue after. It grows within a queue, and may skip."""

    sequence: int = field(metadata=_COUNT)
    envelope: bytes = field(metadata=octets(*ENVELOPE_SIZES).field)


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class Fetched(Message):
    """Envelopes, oldest first. `more`: another fetch after them would find something."""

    stored: tuple[Stored, ...] = field(metadata=several(nested(Stored), MAX_FETCHED).field)
    more: bool = field(metadata=flag().field)


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class QueueStatus(Message):
    """How full a queue is, and its limits. `cards` does not count the last resort."""

    envelopes: int = field(metadata=_COUNT)
    octets: int = field(metadata=_COUNT)
    max_envelopes: int = field(metadata=_COUNT)
    max_octets: int = field(metadata=_COUNT)
    cards: int = field(metadata=_COUNT)
    last_resort: bool = field(metadata=flag().field)


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class Published(Message):
    """How many cards the pool has now. The last resort does not count."""

    cards: int = field(metadata=_COUNT)


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class Claimed(Message):
    """A card. `last_resort`: others may get the same one."""

    card: bytes = field(metadata=octets(CARD_SIZE).field)
    last_resort: bool = field(metadata=flag().field)


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class BlobsKept(Message):
    """Until when everything is kept that was put at the expense of this queue, in seconds from now."""

    seconds: int = field(metadata=_COUNT)


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class BlobFound(Message):
    """A part of a file."""

    blob: bytes = field(metadata=octets(*BLOB_SIZES).field)
