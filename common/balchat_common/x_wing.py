"""Sealing to an X-Wing key: what is sealed stays closed as long as either X25519 or ML-KEM-768 holds.

HPKE base mode (RFC 9180) with KEM MLKEM768_X25519 (draft-connolly-cfrg-xwing-kem), KDF HKDF-SHA256 and AEAD
AES-128-GCM, all from pyca/cryptography. Each use has an `info` of its own, so that what is sealed for one opens in no
other.
"""

import secrets
from dataclasses import dataclass
from typing import Final, Self

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.asymmetric.mlkem import MLKEM768PrivateKey, MLKEM768PublicKey
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey, X25519PublicKey
from cryptography.hazmat.primitives.hpke import AEAD, KDF, KEM, MLKEM768X25519PrivateKey, MLKEM768X25519PublicKey, Suite

_MLKEM_PUBLIC: Final = 1184
_MLKEM_SEED: Final = 64
_X25519: Final = 32
_TAG_SIZE: Final = 16

SEALING_KEY_SIZE: Final = _MLKEM_PUBLIC + _X25519
OPENING_KEY_SIZE: Final = _MLKEM_SEED + _X25519

SEAL_OVERHEAD: Final = KEM.MLKEM768_X25519.enc_length() + _TAG_SIZE
"""Octets that sealing adds: `enc` in front, and a tag at the end."""


class CannotOpen(Exception):
    """It was not sealed to this key, for this use, or was altered. Trying again is useless."""


@dataclass(frozen=True, slots=True, repr=False)
class SealingKey:
    """A public key: ML-KEM-768 ‖ X25519, 1,216 octets. That its halves are keys shows when it is used."""

    octets: bytes

    def __post_init__(self) -> None:
        if len(self.octets) != SEALING_KEY_SIZE:
            raise ValueError(f"a sealing key has {SEALING_KEY_SIZE} octets, not {len(self.octets)}")

    def seal(self, content: bytes, *, info: bytes) -> bytes:
        """Return `enc ‖ ct`. Raise ValueError where the key's halves are no keys."""
        public = MLKEM768X25519PublicKey(
            MLKEM768PublicKey.from_public_bytes(self.octets[:_MLKEM_PUBLIC]),
            X25519PublicKey.from_public_bytes(self.octets[_MLKEM_PUBLIC:]),
        )
        return _suite().encrypt(content, public, info=info)

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
        return cls(secrets.token_bytes(OPENING_KEY_SIZE))

    @property
    def sealing_key(self) -> SealingKey:
        """The public key."""
        mlkem, x25519 = self._halves()
        return SealingKey(mlkem.public_key().public_bytes_raw() + x25519.public_key().public_bytes_raw())

    def unseal(self, sealed: bytes, *, info: bytes) -> bytes:
        """Return what was sealed to this key for that use. Raise CannotOpen."""
        try:
            return _suite().decrypt(sealed, MLKEM768X25519PrivateKey(*self._halves()), info=info)
        except InvalidTag:
            raise CannotOpen("it was not sealed to this key for this use, or was altered") from None

    def _halves(self) -> tuple[MLKEM768PrivateKey, X25519PrivateKey]:
        mlkem, x25519 = self.octets[:_MLKEM_SEED], self.octets[_MLKEM_SEED:]
        return MLKEM768PrivateKey.from_seed_bytes(mlkem), X25519PrivateKey.from_private_bytes(x25519)

    def __repr__(self) -> str:
        return "OpeningKey(…)"


def _suite() -> Suite:
    return Suite(KEM.MLKEM768_X25519, KDF.HKDF_SHA256, AEAD.AES_128_GCM)
