"""Envelopes: what a transport carries. The law is docs/spec/envelope.md.

An envelope is the CBOR array [version, kind, payload]. It has exactly one encoding, so its id, the SHA-256 of
its octets, names its content; and because there is one only, it is read by comparing: nothing of a stranger's octets is
decoded before their kind, and so their largest size, is known.
"""

import hashlib
from dataclasses import dataclass
from enum import IntEnum
from typing import Final, cast

from balchat_common import cbor

from balchat_host.api.crypto import ERA_ID_SIZE
from balchat_host.api.errors import MalformedEnvelope
from balchat_host.api.frontend import MAX_INTRODUCTION_SIZE
from balchat_host.api.transport import MAX_ENVELOPE_SIZE

VERSION: Final = 1
HEAD_SIZE: Final = 8
"""Octets, at most, in front of an envelope's payload."""
MAX_CODE_SIZE: Final = 2048
"""Octets of the longest chat code."""
_ARRAY_OF_THREE: Final = 0x83
_VERSION_AT, _KIND_AT, _PAYLOAD_AT = 1, 2, 3
_LENGTH_SIZES: Final = (1, 2, 3, 5)
"""In how many octets CBOR writes how long a payload is."""
_ERA_HEAD: Final = bytes([0x82]) + cbor.head_of_octets(ERA_ID_SIZE)
"""How the payload of an MLS_MESSAGE begins: an array of two, and a byte string of 16 octets."""
_MESSAGE_AT: Final = len(_ERA_HEAD) + ERA_ID_SIZE
_FIELDS: Final = 6
"""CBOR items of a contact request: an array of five."""
_MAX_TIME: Final = 2**53 - 1


class Kind(IntEnum):
    """What an envelope's payload is."""

    MLS_MESSAGE = 1
    """An `EraMessage`."""
    KEY_PACKAGE_REQUEST = 2
    """Asks for a KeyPackage. Empty."""
    KEY_PACKAGE = 3
    """An MLSMessage with a KeyPackage, for whoever asked."""
    CONTACT_REQUEST = 4
    """A `ContactRequest`."""
    ERA = 5
    """A sealed Welcome to an era that a contact has founded."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Envelope:
    """A decoded envelope."""

    kind: Kind
    payload: bytes

    def encode(self) -> bytes:
        """Return the octets that go over the wire. Raise ValueError where they are too many."""
        octets = _head(self.kind, len(self.payload)) + self.payload
        if len(octets) > MAX_ENVELOPE_SIZE:
            raise ValueError(f"an envelope of {len(octets)} octets; at most {MAX_ENVELOPE_SIZE} are allowed")
        return octets

    @classmethod
    def decode(cls, octets: bytes) -> "Envelope":
        """Read an envelope. Raise MalformedEnvelope."""
        if len(octets) > MAX_ENVELOPE_SIZE:
            raise MalformedEnvelope(problem="it is too large")
        if len(octets) <= _PAYLOAD_AT or octets[0] != _ARRAY_OF_THREE:
            raise MalformedEnvelope(problem="it is not an array of three")
        if octets[_VERSION_AT] != VERSION:
            raise MalformedEnvelope(problem="its version is not known here")
        try:
            kind = Kind(octets[_KIND_AT])
        except ValueError:
            raise MalformedEnvelope(problem="its kind is not known here") from None
        payload = _last_octets(octets, at=_PAYLOAD_AT)
        if payload is None:
            raise MalformedEnvelope(
                problem="its payload is not a byte string, does not end with it, or has a longer spelling"
            )
        return cls(kind=kind, payload=payload)


def _head(kind: Kind, length: int) -> bytes:
    """Return what stands in front of a payload of `length` octets."""
    return bytes([_ARRAY_OF_THREE, VERSION, kind]) + cbor.head_of_octets(length)


def _last_octets(octets: bytes, *, at: int) -> bytes | None:
    """Return the byte string that begins at `at` and ends with `octets`, or None where there is none."""
    for size in _LENGTH_SIZES:
        start = at + size
        if start <= len(octets) and octets[at:start] == cbor.head_of_octets(len(octets) - start):
            return octets[start:]
    return None


def envelope_id(octets: bytes) -> bytes:
    """Name an envelope: the SHA-256 of its octets."""
    return hashlib.sha256(octets).digest()


@dataclass(frozen=True, slots=True, kw_only=True)
class EraMessage:
    """An MLSMessage with a PrivateMessage (RFC 9420, section 6), and the id of the era whose group it is for.

    It is read as an envelope is: nothing is decoded before the era is known.
    """

    era_id: bytes
    message: bytes

    def encode(self) -> bytes:
        """Return the payload."""
        return _ERA_HEAD + self.era_id + cbor.head_of_octets(len(self.message)) + self.message

    @classmethod
    def decode(cls, octets: bytes) -> "EraMessage":
        """Read a payload. Raise MalformedEnvelope."""
        if octets[: len(_ERA_HEAD)] != _ERA_HEAD:
            raise MalformedEnvelope(problem="it is not an array of two that begins with an era's id")
        message = _last_octets(octets, at=_MESSAGE_AT)
        if message is None:
            raise MalformedEnvelope(
                problem="its message is not a byte string, does not end with it, or has a longer spelling"
            )
        return cls(era_id=octets[len(_ERA_HEAD) : _MESSAGE_AT], message=message)


@dataclass(frozen=True, slots=True, kw_only=True)
class ContactRequest:
    """Asks to become a contact.

    A Welcome to a group of two, the sender's own chat code, a word of introduction, the ways by which the answer
    reaches them (the body of a ROUTES message), and when it was made by the sender's clock (Unix milliseconds).
    """

    welcome: bytes
    code: str
    introduction: str
    routes: bytes
    made_at: int

    def encode(self) -> bytes:
        """Return the payload."""
        return cbor.encode([self.welcome, self.code, self.introduction, self.routes, self.made_at])

    @classmethod
    def decode(cls, octets: bytes) -> "ContactRequest":
        """Read a payload. Raise MalformedEnvelope."""
        try:
            item = cbor.decode(octets, max_items=_FIELDS, max_depth=1)
        except ValueError as error:
            raise MalformedEnvelope(problem=str(error)) from error
        # One value, one encoding: or two envelopes with two ids could say the same.
        if not isinstance(item, list) or cbor.encode(cast("object", item)) != octets:
            raise MalformedEnvelope(problem="it is not an array, or its encoding is not deterministic")
        fields = cast("list[object]", item)
        if len(fields) != _FIELDS - 1:
            raise MalformedEnvelope(problem=f"it is not an array of {_FIELDS - 1}")
        welcome, code, introduction, routes, made_at = fields
        if not isinstance(welcome, bytes) or not isinstance(routes, bytes):
            raise MalformedEnvelope(problem="the Welcome or the routes are no byte string")
        if not isinstance(made_at, int) or isinstance(made_at, bool) or not 0 <= made_at <= _MAX_TIME:
            raise MalformedEnvelope(problem="the time at which it was made is none")
        return cls(
            welcome=welcome,
            code=_text(code, MAX_CODE_SIZE),
            introduction=_text(introduction, MAX_INTRODUCTION_SIZE),
            routes=routes,
            made_at=made_at,
        )


def _text(item: object, limit: int) -> str:
    if not isinstance(item, str) or len(item.encode()) > limit:
        raise MalformedEnvelope(problem=f"a text is no text string of at most {limit} octets")
    return item
