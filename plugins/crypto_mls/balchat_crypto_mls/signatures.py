"""The identity key's signatures: Ed25519 (RFC 8032) over `domain ‖ 0x00 ‖ message`."""

from typing import Final

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from balchat_host.api.errors import BadCredential, BadInput
from balchat_host.api.types import PeerId

SIGNATURE_SIZE: Final = 64


def peer_id(seed: bytes) -> PeerId:
    """Give the public half of the identity key with this seed."""
    return PeerId(Ed25519PrivateKey.from_private_bytes(seed).public_key().public_bytes_raw())


def sign(seed: bytes, *, domain: str, message: bytes) -> bytes:
    """Sign for one use. Raises BadInput for a domain that is not printable ASCII."""
    return Ed25519PrivateKey.from_private_bytes(seed).sign(_separated(domain, message))


def verify(peer: PeerId, *, domain: str, message: bytes, signature: bytes) -> None:
    """Raise BadCredential unless `signature` is `peer`'s."""
    try:
        Ed25519PublicKey.from_public_bytes(peer.octets).verify(signature, _separated(domain, message))
    except InvalidSignature:
        raise BadCredential(problem="its identity key did not sign it") from None


def _separated(domain: str, message: bytes) -> bytes:
    if not (domain and domain.isascii() and domain.isprintable()):
        raise BadInput(what="domain", problem="a signature's domain is printable ASCII")
    return domain.encode() + b"\x00" + message
