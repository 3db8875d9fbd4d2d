"""Signatures of the identity key and of onions' keys: Ed25519 (RFC 8032) over `domain ‖ 0x00 ‖ message`."""

from typing import Final

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from balchat_host.api.errors import BadCredential, BadInput
from balchat_host.api.types import OnionKey, PeerId

SIGNATURE_SIZE: Final = 64


def peer_id(seed: bytes) -> PeerId:
    """Return the public half of the identity key with this seed."""
    return PeerId(public_key(seed))


def public_key(seed: bytes) -> bytes:
    """Return the public half of the Ed25519 key with this seed, 32 octets."""
    return Ed25519PrivateKey.from_private_bytes(seed).public_key().public_bytes_raw()


def sign(seed: bytes, *, domain: str, message: bytes) -> bytes:
    """Sign for one use. Raise BadInput for a domain that is not printable ASCII."""
    return Ed25519PrivateKey.from_private_bytes(seed).sign(_separated(domain, message))


def verify(signer: PeerId | OnionKey, *, domain: str, message: bytes, signature: bytes) -> None:
    """Raise BadCredential unless `signature` is by this key."""
    try:
        Ed25519PublicKey.from_public_bytes(signer.octets).verify(signature, _separated(domain, message))
    except InvalidSignature:
        raise BadCredential(problem="its key did not sign it") from None


def _separated(domain: str, message: bytes) -> bytes:
    if not (domain and domain.isascii() and domain.isprintable()):
        raise BadInput(what="domain", problem="a signature's domain is printable ASCII")
    return domain.encode() + b"\x00" + message
