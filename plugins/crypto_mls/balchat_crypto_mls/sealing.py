"""Welcomes are sealed to an X-Wing key of the KeyPackage that they answer (docs/spec/mls.md, Sealed Welcomes).

MLS here is classical. Whoever records a Welcome and breaks X25519 later would have the group's secrets, and with them
every message in it. The seal, HPKE base mode (RFC 9180), keeps it closed to them as long as ML-KEM-768 holds.
"""

import secrets
from dataclasses import dataclass
from typing import Final, Self

from balchat_common import cbor
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.asymmetric.mlkem import MLKEM768PrivateKey, MLKEM768PublicKey
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey, X25519PublicKey
from cryptography.hazmat.primitives.hpke import AEAD, KDF, KEM, MLKEM768X25519PrivateKey, MLKEM768X25519PublicKey, Suite

from balchat_host.api.errors import CryptoRejected

EXTENSION_TYPE: Final = 0xF0BB
"""Of the KeyPackage extension with the public key; of the range for private use (RFC 9420, section 17.3)."""
PUBLIC_KEY_SIZE: Final = 1216
"""Octets of an X-Wing public key: ML-KEM-768 ‖ X25519 (draft-connolly-cfrg-xwing-kem)."""
OPENING_KEY_SIZE: Final = 96
"""Octets of a private key as it is stored: the seed of the ML-KEM key (64) ‖ X25519 (32)."""
REFERENCE_SIZE: Final = 32

_INFO: Final = b"balchat-welcome-seal-v1\x00"
_VERSION: Final = 1
_FIELDS: Final = 4
"""CBOR items of a sealed Welcome: an array of three."""
_MLKEM_PUBLIC: Final = 1184
_MLKEM_SEED: Final = 64


def new_opening_key() -> bytes:
    """Return a new private key."""
    return MLKEM768PrivateKey.generate().private_bytes_raw() + secrets.token_bytes(OPENING_KEY_SIZE - _MLKEM_SEED)


def public_key(opening_key: bytes) -> bytes:
    """Return the public half of a private key."""
    mlkem, x25519 = _halves(opening_key)
    return mlkem.public_key().public_bytes_raw() + x25519.public_key().public_bytes_raw()


@dataclass(frozen=True, slots=True, kw_only=True)
class SealedWelcome:
    """A Welcome as it travels: `[1, KeyPackage reference, enc ‖ ct]`."""

    reference: bytes
    sealed: bytes

    @classmethod
    def seal(cls, welcome: bytes, public: bytes, *, reference: bytes) -> Self:
        """Seal an MLSMessage with a Welcome to the public key of a KeyPackage. Raise CryptoRejected for a bad key."""
        try:
            key = MLKEM768X25519PublicKey(
                MLKEM768PublicKey.from_public_bytes(public[:_MLKEM_PUBLIC]),
                X25519PublicKey.from_public_bytes(public[_MLKEM_PUBLIC:]),
            )
            sealed = _suite().encrypt(welcome, key, info=_INFO + reference)
        except ValueError as error:
            raise CryptoRejected(problem="the key package's X-Wing key is malformed") from error
        return cls(reference=reference, sealed=sealed)

    def unseal(self, opening_key: bytes) -> bytes:
        """Return the MLSMessage with the Welcome. Raise CryptoRejected."""
        try:
            return _suite().decrypt(
                self.sealed, MLKEM768X25519PrivateKey(*_halves(opening_key)), info=_INFO + self.reference
            )
        except (InvalidTag, ValueError) as error:
            raise CryptoRejected(problem="a Welcome that is not sealed to the key package that it names") from error

    def encode(self) -> bytes:
        """Return the octets that go into a contact request."""
        return cbor.encode([_VERSION, self.reference, self.sealed])

    @classmethod
    def decode(cls, octets: bytes) -> Self:
        """Read a sealed Welcome. Raise CryptoRejected."""
        try:
            item = cbor.decode(octets, max_items=_FIELDS, max_depth=1)
        except ValueError as error:
            raise CryptoRejected(problem=f"a sealed Welcome: {error}") from error
        match item:
            case [_, bytes(reference), bytes(sealed)] if len(reference) == REFERENCE_SIZE:
                welcome = cls(reference=reference, sealed=sealed)
            case _:
                raise CryptoRejected(problem="a sealed Welcome of a wrong shape")
        # One value, one encoding, of this version.
        if welcome.encode() != octets:
            raise CryptoRejected(problem="a sealed Welcome of another version, or with a longer spelling")
        return welcome


def _halves(opening_key: bytes) -> tuple[MLKEM768PrivateKey, X25519PrivateKey]:
    mlkem, x25519 = opening_key[:_MLKEM_SEED], opening_key[_MLKEM_SEED:]
    return MLKEM768PrivateKey.from_seed_bytes(mlkem), X25519PrivateKey.from_private_bytes(x25519)


def _suite() -> Suite:
    return Suite(KEM.MLKEM768_X25519, KDF.HKDF_SHA256, AEAD.AES_256_GCM)
