"""Envelopes: what a transport carries. The law is docs/spec/envelope.md.

An envelope is the CBOR array [version, kind, payload]. It has exactly one encoding, so its id, the SHA-256 of
its octets, names its content.
"""

import hashlib
from dataclasses import dataclass
from enum import IntEnum
from typing import Final, cast

from balchat_host.api.errors import MalformedEnvelope
from balchat_host.api.frontend import MAX_INTRODUCTION_SIZE
from balchat_host.api.transport import MAX_ENVELOPE_SIZE
from balchat_host.core import cbor

VERSION: Final = 1
MAX_CODE_SIZE: Final = 2048
"""Octets of the longest chat code."""


class Kind(IntEnum):
    """What an envelope's payload is."""

    MLS_MESSAGE = 1
    """An MLSMessage (RFC 9420, section 6): a PrivateMessage of a group that both are in."""
    KEY_PACKAGE_REQUEST = 2
    """Asks for a KeyPackage. Empty."""
    KEY_PACKAGE = 3
    """An MLSMessage with a KeyPackage, for whoever asked."""
    CONTACT_REQUEST = 4
    """A `ContactRequest`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Envelope:
    """A decoded envelope."""

    kind: Kind
    payload: bytes

    def encode(self) -> bytes:
        """Give the octets that go over the wire. Raises ValueError where they are too many."""
        octets = cbor.encode([VERSION, int(self.kind), self.payload])
        if len(octets) > MAX_ENVELOPE_SIZE:
            raise ValueError(f"an envelope of {len(octets)} octets; at most {MAX_ENVELOPE_SIZE} are allowed")
        return octets

    @classmethod
    def decode(cls, octets: bytes) -> "Envelope":
        """Read an envelope. Raises MalformedEnvelope."""
        if len(octets) > MAX_ENVELOPE_SIZE:
            raise MalformedEnvelope(problem="it is too large")
        item = _array(octets, 3)
        version, kind, payload = item
        # True and 1.0 equal 1, and are written otherwise: they would be further spellings of the same envelope.
        if version != VERSION or type(version) is not int:
            raise MalformedEnvelope(problem="its version is not known here")
        try:
            known = Kind(kind if type(kind) is int else 0)
        except ValueError:
            raise MalformedEnvelope(problem="its kind is not known here") from None
        if not isinstance(payload, bytes):
            raise MalformedEnvelope(problem="its payload is no byte string")
        return cls(kind=known, payload=payload)


def envelope_id(octets: bytes) -> bytes:
    """Name an envelope: the SHA-256 of its octets."""
    return hashlib.sha256(octets).digest()


@dataclass(frozen=True, slots=True, kw_only=True)
class ContactRequest:
    """Asks to become a contact.

    A Welcome to a group of two, the sender's own chat code, a word of introduction, and the ways by which the answer
    reaches them (the body of a ROUTES message).
    """

    welcome: bytes
    code: str
    introduction: str
    routes: bytes

    def encode(self) -> bytes:
        """Give the payload."""
        return cbor.encode([self.welcome, self.code, self.introduction, self.routes])

    @classmethod
    def decode(cls, octets: bytes) -> "ContactRequest":
        """Read a payload. Raises MalformedEnvelope."""
        welcome, code, introduction, routes = _array(octets, 4)
        if not isinstance(welcome, bytes) or not isinstance(routes, bytes):
            raise MalformedEnvelope(problem="the Welcome or the routes are no byte string")
        return cls(
            welcome=welcome,
            code=_text(code, MAX_CODE_SIZE),
            introduction=_text(introduction, MAX_INTRODUCTION_SIZE),
            routes=routes,
        )


def _array(octets: bytes, length: int) -> list[object]:
    try:
        item = cbor.decode(octets)
    except ValueError as error:
        raise MalformedEnvelope(problem=str(error)) from error
    if not isinstance(item, list) or len(cast("list[object]", item)) != length:
        raise MalformedEnvelope(problem=f"it is no array of {length}")
    # One value, one encoding: or two envelopes with two ids could say the same.
    if cbor.encode(cast("object", item)) != octets:
        raise MalformedEnvelope(problem="its encoding is not deterministic")
    return cast("list[object]", item)


def _text(item: object, limit: int) -> str:
    if not isinstance(item, str) or len(item.encode()) > limit:
        raise MalformedEnvelope(problem=f"a text is no text string of at most {limit} octets")
    return item
