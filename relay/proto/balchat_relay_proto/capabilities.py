"""Capabilities of queues, their verifiers, and the ids of queues (docs/spec/relay.md, Queues).

A relay keeps verifiers only, so somebody who steals its database can neither read nor fill a queue.
"""

import hashlib
import secrets
from base64 import b32encode
from dataclasses import dataclass
from typing import Final, Self

from balchat_relay_proto.codec import Codec, Malformed
from balchat_relay_proto.sizes import CAPABILITY_SIZE

_QUEUE_LABEL: Final = b"balchat-relay-queue-v1\x00"
_INBOX_LABEL: Final = b"balchat-queue-v1\x00"
_ONION_VERSION: Final = b"\x03"


@dataclass(frozen=True, slots=True, repr=False)
class Capability:
    """32 random octets that allow either putting into one queue or receiving from it. `repr` hides them."""

    octets: bytes

    def __post_init__(self) -> None:
        if len(self.octets) != CAPABILITY_SIZE:
            raise Malformed(f"a capability has {CAPABILITY_SIZE} octets, not {len(self.octets)}")

    @classmethod
    def generate(cls) -> Self:
        """Return a new one, from the system's randomness."""
        return cls(secrets.token_bytes(CAPABILITY_SIZE))

    @property
    def verifier(self) -> bytes:
        """What the relay keeps: SHA-256, 32 octets. A capability has 256 random bits, so no slow hash is needed."""
        return hashlib.sha256(self.octets).digest()

    def __repr__(self) -> str:
        return "Capability(…)"


def _write(value: Capability) -> bytes:
    return value.octets


def _read(item: object) -> Capability:
    if not isinstance(item, bytes):
        raise Malformed("a capability is needed")
    return Capability(item)


CAPABILITY: Final = Codec(_write, _read)


def queue_id(send_verifier: bytes, receive_verifier: bytes) -> bytes:
    """Return the id of a queue. It follows from the verifiers, so that nobody else can take it first."""
    return hashlib.sha256(_QUEUE_LABEL + send_verifier + receive_verifier).digest()


def inbox_id(onion_key: bytes) -> bytes:
    """Return the id of the inbox of an onion by its key, 32 octets: SHA-256("balchat-queue-v1" ‖ 0x00 ‖ onion).

    `onion` is the address in lower case, 56 characters, without ".onion".
    """
    return hashlib.sha256(_INBOX_LABEL + onion_name(onion_key).encode()).digest()


def onion_name(onion_key: bytes) -> str:
    """Return the onion address of a key (rend-spec-v3, section 6 [ONIONADDRESS]), without ".onion"."""
    checksum = hashlib.sha3_256(b".onion checksum" + onion_key + _ONION_VERSION).digest()[:2]
    return b32encode(onion_key + checksum + _ONION_VERSION).decode().lower()


def envelope_id(envelope: bytes) -> bytes:
    """Return the id of a sealed envelope: the SHA-256 of its octets."""
    return hashlib.sha256(envelope).digest()
