"""Proof that somebody owns an inbox: a signature by the onion's key (docs/spec/relay.md, The inbox).

The signature covers the relay, so that a relay cannot use another relay's challenge, and the operation, so that a proof
for reading does not allow deleting. The challenge is fresh on each connection and counts once.
"""

from enum import StrEnum
from typing import Final

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

PROOF_DOMAIN: Final = "balchat-relay-inbox-v1"
"""Printable ASCII. The identity key signs `domain ‖ 0x00 ‖ message`."""


class BadProof(Exception):
    """The signature is not by the inbox's key, or covers something else."""


class Purpose(StrEnum):
    """The operation that a signature allows."""

    CREATE = "create"
    FETCH = "fetch"
    ACKNOWLEDGE = "acknowledge"
    DELETE = "delete"
    STATUS = "status"
    PUBLISH = "publish"
    SUBSCRIBE = "subscribe"


def proof_message(*, relay_key: bytes, challenge: bytes, purpose: Purpose) -> bytes:
    """Return what the owner signs, without domain: relay's onion key ‖ challenge ‖ purpose."""
    return relay_key + challenge + purpose.encode()


def check_proof(onion_key: bytes, signature: bytes, *, relay_key: bytes, challenge: bytes, purpose: Purpose) -> None:
    """Raise BadProof unless the owner of `onion_key` signed exactly this."""
    signed = PROOF_DOMAIN.encode() + b"\x00" + proof_message(relay_key=relay_key, challenge=challenge, purpose=purpose)
    try:
        Ed25519PublicKey.from_public_bytes(onion_key).verify(signature, signed)
    except (InvalidSignature, ValueError):
        raise BadProof from None
