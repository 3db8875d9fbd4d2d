"""Public keys of Ed25519 that are no keys of anybody.

The curve has eight points of small order. Signatures under such a key are made without any private key, so it proves
nothing. rend-spec-v3, section 6 [ONIONADDRESS], has a client look that a key has no part of small order; of those that
can be told by their octets there are fourteen: the eight points, and six further spellings of them, as listed by
libsodium (`ge25519_has_small_order`) and by C2SP/CCTV.
"""

from typing import Final

_SIGN: Final = 0x80
"""The bit of the last octet that tells a point from its negative, whose order is the same."""
_SMALL_ORDER: Final = frozenset(
    map(
        bytes.fromhex,
        (
            # 0, 1, the two of order 8, and -1
            "0000000000000000000000000000000000000000000000000000000000000000",
            "0100000000000000000000000000000000000000000000000000000000000000",
            "26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05",
            "c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a",
            "ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
            # 0 and 1 again, not reduced
            "edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
            "eeffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
        ),
    )
)


def is_of_small_order(public_key: bytes) -> bool:
    """Return whether 32 octets are a point of small order, under which anybody can sign."""
    return public_key[:-1] + bytes([public_key[-1] & ~_SIGN & 0xFF]) in _SMALL_ORDER
