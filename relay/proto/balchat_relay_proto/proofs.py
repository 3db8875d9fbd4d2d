"""How the owner of an inbox proves it: a signature by the onion's key (docs/spec/relay.md, The inbox).

What is signed names the relay, so that a relay cannot pass another's challenge on, and the operation, so that leave to
read is none to delete. The challenge is fresh on each connection and counts once.
"""

from enum import StrEnum
from typing import Final

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

PROOF_DOMAIN: Final = "balchat-relay-inbox-v1"
"""Printable ASCII; an identity key signs `domain ‖ 0x00 ‖ message`."""


class BadProof(Exception):
    """The inbox's key did not sign this."""


class Purpose(StrEnum):
    """What a signature allows."""

    CREATE = "create"
    FETCH = "fetch"
    ACKNOWLEDGE = "acknowledge"
    DELETE = "delete"
    STATUS = "status"
    PUBLISH = "publish"
    SUBSCRIBE = "subscribe"


def proof_message(*, relay_key: bytes, challenge: bytes, purpose: Purpose) -> bytes:
    """Give what the owner signs, without domain: relay's onion key ‖ challenge ‖ purpose."""
    return relay_key + challenge + purpose.encode()


def check_proof(onion_key: bytes, signature: bytes, *, relay_key: bytes, challenge: bytes, purpose: Purpose) -> None:
    """Raise BadProof unless the holder of `onion_key` signed exactly this."""
    signed = PROOF_DOMAIN.encode() + b"\x00" + proof_message(relay_key=relay_key, challenge=challenge, purpose=purpose)
    try:
        Ed25519PublicKey.from_public_bytes(onion_key).verify(signature, signed)
    except (InvalidSignature, ValueError):
        raise BadProof from None
