"""From an Ed25519 seed to what ADD_ONION takes, and to the address that it gives."""

import hashlib
from base64 import b64encode

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from balchat_host.api.types import OnionKey, Secret


def expanded_key(seed: Secret) -> Secret:
    """Return the base64 of the 64 octets that tor calls an ED25519-V3 key (control-spec, ADD_ONION).

    They are the secret scalar and the prefix that RFC 8032, section 5.1.5, makes from the seed.
    """
    expanded = bytearray(hashlib.sha512(seed.reveal()).digest())
    expanded[0] &= 0b1111_1000
    expanded[31] &= 0b0111_1111
    expanded[31] |= 0b0100_0000
    return Secret(b64encode(expanded))


def onion_of(seed: Secret) -> OnionKey:
    """Return the public half of a seed. Raise ValueError unless it has 32 octets."""
    return OnionKey(Ed25519PrivateKey.from_private_bytes(seed.reveal()).public_key().public_bytes_raw())
