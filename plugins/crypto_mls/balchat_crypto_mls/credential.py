"""The MLS credential that binds a leaf to an account's identity key and one device (docs/spec/credential.md).

    version (1) ‖ peer id (32) ‖ device id (16) ‖ not-after (4) ‖ Ed25519 signature (64)

The identity key, whose public half is the peer id, signs `DOMAIN ‖ 0x00 ‖ MLS signature public key ‖ all before the
signature`. Not-after is the last day on which the credential is valid, in days since 1970-01-01, big-endian.
"""

from dataclasses import dataclass
from typing import Final, Self

from balchat_crypto_mls import signatures
from balchat_host.api.errors import BadCredential
from balchat_host.api.types import DEVICE_ID_SIZE, PEER_ID_SIZE, DeviceIdentity, PeerId

CREDENTIAL_TYPE: Final = 0xF0BA
"""Of the range for private use (RFC 9420, section 17.5)."""

DOMAIN: Final = "balchat-mls-credential-v2"
VERSION: Final = 2
DAY: Final = 24 * 3600

MAX_LIFETIME: Final = 400
"""Days that a credential of ours is valid for, at most."""
MAX_LIFETIME_TAKEN: Final = MAX_LIFETIME + 1
"""Days that one of others may still be valid for where we add them: clocks differ."""
_GRID: Final = 30
_DAY_SIZE: Final = 4
_DEVICE_AT: Final = 1 + PEER_ID_SIZE
_NOT_AFTER_AT: Final = _DEVICE_AT + DEVICE_ID_SIZE
_SIGNATURE_AT: Final = _NOT_AFTER_AT + _DAY_SIZE
SIZE: Final = _SIGNATURE_AT + signatures.SIGNATURE_SIZE


@dataclass(frozen=True, slots=True, kw_only=True)
class Credential:
    """An account's word that an MLS signature key is that of one of its devices until the day `not_after`.

    Not yet checked.
    """

    device: DeviceIdentity
    not_after: int
    signature: bytes

    @classmethod
    def issue(cls, identity_seed: bytes, device_id: bytes, mls_key: bytes, *, not_after: int) -> Self:
        """Bind `mls_key`, an MLS signature public key, to a device of the account with this identity key's seed."""
        device = DeviceIdentity(peer=signatures.peer_id(identity_seed), device_id=device_id)
        signed = mls_key + _signed_part(device, not_after)
        signature = signatures.sign(identity_seed, domain=DOMAIN, message=signed)
        return cls(device=device, not_after=not_after, signature=signature)

    @staticmethod
    def until(*, now: int) -> int:
        """Return until which day a credential that is made now is valid: 370 to 400 days.

        It ends on one of few days, the same for everybody, so that it tells nobody when the account was made.
        """
        return (now // DAY + MAX_LIFETIME) // _GRID * _GRID

    @classmethod
    def decode(cls, encoded: bytes) -> Self:
        """Read a credential. Raise BadCredential."""
        if encoded[:1] != bytes([VERSION]):
            raise BadCredential(problem="its version is not known here")
        if len(encoded) != SIZE:
            raise BadCredential(problem=f"it has {len(encoded)} octets, not {SIZE}")
        device = DeviceIdentity(peer=PeerId(encoded[1:_DEVICE_AT]), device_id=encoded[_DEVICE_AT:_NOT_AFTER_AT])
        not_after = int.from_bytes(encoded[_NOT_AFTER_AT:_SIGNATURE_AT])
        return cls(device=device, not_after=not_after, signature=encoded[_SIGNATURE_AT:])

    def encode(self) -> bytes:
        """Return the octets that go into the leaf."""
        return _signed_part(self.device, self.not_after) + self.signature

    def check(self, mls_key: bytes) -> None:
        """Raise BadCredential unless the account has bound `mls_key` to this device."""
        signed = mls_key + _signed_part(self.device, self.not_after)
        signatures.verify(self.device.peer, domain=DOMAIN, message=signed, signature=self.signature)

    def days_left(self, *, now: int) -> int:
        """Return for how many days after that of `now` (Unix seconds) it is valid; negative if it is expired."""
        return self.not_after - now // DAY

    def check_date(self, *, now: int) -> None:
        """Raise BadCredential unless it is valid at `now`, and not for too long."""
        left = self.days_left(now=now)
        if left < 0:
            raise BadCredential(problem="it is expired")
        if left > MAX_LIFETIME_TAKEN:
            raise BadCredential(problem="it is valid for too long")


def _signed_part(device: DeviceIdentity, not_after: int) -> bytes:
    return bytes([VERSION]) + device.peer.octets + device.device_id + not_after.to_bytes(_DAY_SIZE)
