"""Sealed envelopes: HPKE base mode (RFC 9180) to the queue owner's key, in four sizes (docs/spec/relay.md).

KEM MLKEM768_X25519 (X-Wing), KDF HKDF-SHA256, AEAD AES-128-GCM, all from pyca/cryptography. `info` holds the queue's
id, so an envelope opens only in the queue that it was sealed for.
"""

import secrets
from dataclasses import dataclass
from typing import Final, Self

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.asymmetric.mlkem import MLKEM768PrivateKey, MLKEM768PublicKey
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey, X25519PublicKey
from cryptography.hazmat.primitives.hpke import (
    AEAD,
    KDF,
    KEM,
    MLKEM768X25519PrivateKey,
    MLKEM768X25519PublicKey,
    Suite,
)

from balchat_relay_proto.sizes import DIGEST_SIZE, ENVELOPE_SIZES

_INFO: Final = b"balchat-relay-seal-v1\x00"
_LENGTH_SIZE: Final = 4
_TAG_SIZE: Final = 16
_MLKEM_PUBLIC: Final = 1184
_MLKEM_SEED: Final = 64
_X25519: Final = 32

OVERHEAD: Final = KEM.MLKEM768_X25519.enc_length() + _TAG_SIZE + _LENGTH_SIZE
"""Octets that sealing adds, without padding."""

SEALING_KEY_SIZE: Final = _MLKEM_PUBLIC + _X25519
OPENING_KEY_SIZE: Final = _MLKEM_SEED + _X25519

MAX_CONTENT: Final = ENVELOPE_SIZES[-1] - OVERHEAD
"""Octets of content that fit into the largest envelope."""


class CannotOpen(Exception):
    """The envelope was not sealed to this key and queue, was altered, or is padded wrongly. Trying again is useless."""


@dataclass(frozen=True, slots=True, repr=False)
class SealingKey:
    """A queue owner's public key: ML-KEM-768 ‖ X25519, 1,216 octets (draft-connolly-cfrg-xwing-kem)."""

    octets: bytes

    def __post_init__(self) -> None:
        if len(self.octets) != SEALING_KEY_SIZE:
            raise ValueError(f"a sealing key has {SEALING_KEY_SIZE} octets, not {len(self.octets)}")

    def __repr__(self) -> str:
        return "SealingKey(…)"


@dataclass(frozen=True, slots=True, repr=False)
class OpeningKey:
    """The private key of a sealing key: ML-KEM seed ‖ X25519, 96 octets. `repr` hides it."""

    octets: bytes

    def __post_init__(self) -> None:
        if len(self.octets) != OPENING_KEY_SIZE:
            raise ValueError(f"an opening key has {OPENING_KEY_SIZE} octets, not {len(self.octets)}")

    @classmethod
    def generate(cls) -> Self:
        """Return a new one."""
        return cls(MLKEM768PrivateKey.generate().private_bytes_raw() + secrets.token_bytes(_X25519))

    @property
    def sealing_key(self) -> SealingKey:
        """The public key."""
        mlkem, x25519 = _halves(self)
        return SealingKey(mlkem.public_key().public_bytes_raw() + x25519.public_key().public_bytes_raw())

    def __repr__(self) -> str:
        return "OpeningKey(…)"


def seal(content: bytes, key: SealingKey, *, queue: bytes) -> bytes:
    """Seal at most MAX_CONTENT octets for a queue. The result has the smallest of ENVELOPE_SIZES that holds them.

    Raises ValueError where the content is too large, or the key is not a key.
    """
    size = next((size for size in ENVELOPE_SIZES if len(content) + OVERHEAD <= size), None)
    if size is None:
        raise ValueError(f"{len(content)} octets do not fit into one envelope; at most {MAX_CONTENT} do")
    mlkem, x25519 = key.octets[:_MLKEM_PUBLIC], key.octets[_MLKEM_PUBLIC:]
    public = MLKEM768X25519PublicKey(
        MLKEM768PublicKey.from_public_bytes(mlkem), X25519PublicKey.from_public_bytes(x25519)
    )
    padding = bytes(size - OVERHEAD - len(content))
    plaintext = len(content).to_bytes(_LENGTH_SIZE) + content + padding
    return _suite().encrypt(plaintext, public, info=_info(queue))


def unseal(envelope: bytes, key: OpeningKey, *, queue: bytes) -> bytes:
    """Open an envelope that was sealed for a queue; return its content. Raises CannotOpen."""
    if len(envelope) not in ENVELOPE_SIZES:
        raise CannotOpen("no envelope has this size")
    try:
        plaintext = _suite().decrypt(envelope, MLKEM768X25519PrivateKey(*_halves(key)), info=_info(queue))
    except InvalidTag:
        raise CannotOpen("it was not sealed to this key and queue, or was altered") from None
    end = _LENGTH_SIZE + int.from_bytes(plaintext[:_LENGTH_SIZE])
    if end > len(plaintext) or plaintext.count(0, end) != len(plaintext) - end:
        raise CannotOpen("its padding is wrong")
    return plaintext[_LENGTH_SIZE:end]


def _halves(key: OpeningKey) -> tuple[MLKEM768PrivateKey, X25519PrivateKey]:
    mlkem, x25519 = key.octets[:_MLKEM_SEED], key.octets[_MLKEM_SEED:]
    return MLKEM768PrivateKey.from_seed_bytes(mlkem), X25519PrivateKey.from_private_bytes(x25519)


def _suite() -> Suite:
    return Suite(KEM.MLKEM768_X25519, KDF.HKDF_SHA256, AEAD.AES_128_GCM)


def _info(queue: bytes) -> bytes:
    if len(queue) != DIGEST_SIZE:
        raise ValueError(f"a queue's id has {DIGEST_SIZE} octets, not {len(queue)}")
    return _INFO + queue
