"""Welcomes are sealed to an X-Wing key of the KeyPackage that they answer (docs/spec/mls.md, Sealed Welcomes).

MLS here is classical. Whoever records a Welcome and breaks X25519 later would have the group's secrets, and with them
every message in it. The seal keeps it closed to them as long as ML-KEM-768 holds.
"""

from dataclasses import dataclass
from typing import Final, Self

from balchat_common import cbor
from balchat_common.x_wing import CannotOpen, OpeningKey, SealingKey

from balchat_host.api.errors import CryptoRejected

EXTENSION_TYPE: Final = 0xF0BB
"""Of the KeyPackage extension with the sealing key; of the range for private use (RFC 9420, section 17.3)."""
REFERENCE_SIZE: Final = 32

_INFO: Final = b"balchat-welcome-seal-v1\x00"
_VERSION: Final = 1
_FIELDS: Final = 4
"""CBOR items of a sealed Welcome: an array of three."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SealedWelcome:
    """A Welcome as it travels: `[1, KeyPackage reference, enc ‖ ct]`."""

    reference: bytes
    sealed: bytes

    @classmethod
    def seal(cls, welcome: bytes, key: SealingKey, *, reference: bytes) -> Self:
        """Seal an MLSMessage with a Welcome to the key of a KeyPackage. Raise CryptoRejected where that is no key."""
        try:
            return cls(reference=reference, sealed=key.seal(welcome, info=_INFO + reference))
        except ValueError as error:
            raise CryptoRejected(problem="the key package's X-Wing key is malformed") from error

    def unseal(self, key: OpeningKey) -> bytes:
        """Return the MLSMessage with the Welcome. Raise CryptoRejected."""
        try:
            return key.unseal(self.sealed, info=_INFO + self.reference)
        except CannotOpen as error:
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
