"""The MLS credential that binds a leaf to an account's identity key (docs/spec/credential.md).

    peer id (32) ‖ not-after (8, big-endian Unix seconds) ‖ Ed25519 signature (64)

The identity key, whose public half is the peer id, signs `DOMAIN ‖ 0x00 ‖ MLS signature public key ‖ not-after`.
"""

from dataclasses import dataclass
from typing import Final, Self

from balchat_crypto_mls import signatures
from balchat_host.api.errors import BadCredential
from balchat_host.api.types import PEER_ID_SIZE, PeerId

CREDENTIAL_TYPE: Final = 0xF0BA
"""Of the range for private use (RFC 9420, section 17.5)."""

DOMAIN: Final = "balchat-mls-credential-v1"

MAX_LIFETIME: Final = 400 * 24 * 3600
"""Seconds that a credential may still be valid for."""

_CLOCK_TOLERANCE: Final = 24 * 3600
_GRID: Final = 30 * 24 * 3600
_SIZE: Final = PEER_ID_SIZE + 8 + signatures.SIGNATURE_SIZE


@dataclass(frozen=True, slots=True, kw_only=True)
class Credential:
    """A peer's word that an MLS signature key is its own until `not_after` (Unix seconds). Not yet checked."""

    peer: PeerId
    not_after: int
    signature: bytes

    @classmethod
    def issue(cls, identity_seed: bytes, mls_key: bytes, *, not_after: int) -> Self:
        """Bind `mls_key`, an MLS signature public key, to the identity key with this seed."""
        signature = signatures.sign(identity_seed, domain=DOMAIN, message=_message(mls_key, not_after))
        return cls(peer=signatures.peer_id(identity_seed), not_after=not_after, signature=signature)

    @staticmethod
    def until(*, now: int) -> int:
        """Return until when a credential that is made now is valid: 370 to 400 days.

        It ends on one of few days, the same for everybody, so that it tells nobody when the account was made.
        """
        return (now + MAX_LIFETIME) // _GRID * _GRID

    @classmethod
    def decode(cls, encoded: bytes) -> Self:
        """Read a credential. Raises BadCredential."""
        if len(encoded) != _SIZE:
            raise BadCredential(problem=f"it has {len(encoded)} octets, not {_SIZE}")
        peer, rest = encoded[:PEER_ID_SIZE], encoded[PEER_ID_SIZE:]
        return cls(peer=PeerId(peer), not_after=int.from_bytes(rest[:8]), signature=rest[8:])

    def encode(self) -> bytes:
        """Give the octets that go into the leaf."""
        return self.peer.octets + self.not_after.to_bytes(8) + self.signature

    def check(self, mls_key: bytes) -> None:
        """Raise BadCredential unless the peer has bound `mls_key` to itself."""
        signatures.verify(self.peer, domain=DOMAIN, message=_message(mls_key, self.not_after), signature=self.signature)

    def check_date(self, *, now: int) -> None:
        """Raise BadCredential unless it is valid at `now`, and not for too long."""
        if self.not_after < now:
            raise BadCredential(problem="it is expired")
        if self.not_after > now + MAX_LIFETIME + _CLOCK_TOLERANCE:
            raise BadCredential(problem="it is valid for too long")


def _message(mls_key: bytes, not_after: int) -> bytes:
    return mls_key + not_after.to_bytes(8)
