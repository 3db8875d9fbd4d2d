"""Key packages: how long ours are valid, and which ones of others can be used (docs/spec/mls.md)."""

from typing import Final

from balchat_common.x_wing import SealingKey
from mls_rs_py import KeyPackage, Limits

from balchat_crypto_mls import known_eras
from balchat_crypto_mls.credential import DAY
from balchat_crypto_mls.members import credential_of
from balchat_crypto_mls.sealing import EXTENSION_TYPE
from balchat_host.api.errors import BadCredential, CryptoRejected, UnsupportedMls
from balchat_host.api.types import PeerId

MAX_KEY_PACKAGE_LIFETIME: Final = 90 * DAY
"""Seconds that a key package may be valid for (RFC 9420, section 7.2 asks for a maximum)."""
MAX_KEY_PACKAGE: Final = 8 * 1024
"""Octets of a key package."""

_CLOCK_TOLERANCE: Final = 3600
_LONG: Final = 7 * DAY
"""Seconds from which on a key package's lifetime ends with a day."""
LONGEST_LIFETIME_TAKEN: Final = MAX_KEY_PACKAGE_LIFETIME + DAY + 2 * _CLOCK_TOLERANCE
"""Seconds from the beginning of a key package's lifetime to its end: it begins with a day, at least an hour before it
was made, and may end with an hour."""

_WIRE_FORMAT: Final = slice(2, 4)
_KEY_PACKAGE: Final = bytes.fromhex("0005")
"""The wire format of an MLSMessage with a KeyPackage (RFC 9420, section 6): mls_key_package."""
_KEY_PACKAGE_OF_OURS: Final = bytes.fromhex("0001 0005 0001 0001")
"""How one begins that we can use: MLS 1.0 twice, and the suite MLS_128_DHKEMX25519_AES128GCM_SHA256_Ed25519."""


def rounded(now: int, lifetime: int) -> tuple[int, int]:
    """Return from when on and for how many seconds a key package is valid, so that it does not tell our clock.

    mls-rs-py has it begin an hour earlier: that is the beginning of a day, at least an hour ago. It ends with a day,
    less than one before its time, since its private half goes then; or, if its lifetime is short, with an hour.
    """
    begin = (now - _CLOCK_TOLERANCE) // DAY * DAY + _CLOCK_TOLERANCE
    end = now + lifetime
    end = end // DAY * DAY if lifetime >= _LONG else -(-end // _CLOCK_TOLERANCE) * _CLOCK_TOLERANCE
    return begin, end - begin


def key_package_of(peer: PeerId, encoded: bytes, *, limits: Limits) -> KeyPackage:
    """Read a key package that says it is `peer`'s; that it truly is, mls-rs asks Members when it adds it.

    Raise UnsupportedMls, BadCredential, and what mls-rs-py raises.
    """
    if encoded[_WIRE_FORMAT] == _KEY_PACKAGE and not encoded.startswith(_KEY_PACKAGE_OF_OURS):
        raise UnsupportedMls(problem="the key package is of another version or cipher suite")
    key_package = KeyPackage.from_bytes(encoded, limits=limits)
    if credential_of(key_package.signing_identity).device.peer != peer:
        raise BadCredential(problem="the key package is somebody else's")
    if known_eras.EXTENSION_TYPE not in key_package.capabilities.extensions:
        raise UnsupportedMls(problem="its client cannot read which eras a group knows")
    return key_package


def sealing_key_of(key_package: KeyPackage) -> SealingKey:
    """Return the X-Wing key to which a key package's Welcome is sealed. Raise UnsupportedMls, CryptoRejected."""
    if EXTENSION_TYPE not in key_package.capabilities.extensions:
        raise UnsupportedMls(problem="its client does not open sealed Welcomes")
    found = [each.data for each in key_package.extensions if each.extension_type == EXTENSION_TYPE]
    if not found:
        raise UnsupportedMls(problem="the key package has no X-Wing key to seal a Welcome to")
    try:
        return SealingKey(found[0])
    except ValueError as error:
        raise CryptoRejected(problem=f"the key package's X-Wing key: {error}") from error
