"""The data key: 32 octets that SQLCipher encrypts the database with.

Its lasting copy can be overwritten. Copies that pass through Python's immutable bytes, on their way from and to the key
wrap, live for a moment only, but cannot be.
"""

from collections.abc import Generator
from contextlib import contextmanager
from secrets import token_bytes
from typing import Final, Self

from anyio import ClosedResourceError
from cryptography.hazmat.primitives.keywrap import aes_key_unwrap, aes_key_wrap

DATA_KEY_SIZE: Final = 32
"""Octets. SQLCipher uses AES-256."""

_HEX: Final = b"0123456789abcdef"


class DataKey:
    """A data key in memory, until `wipe`; then every use raises ClosedResourceError."""

    def __init__(self, octets: bytes) -> None:
        self._octets = bytearray(octets)
        self._wiped = False

    @classmethod
    def generate(cls) -> Self:
        """Make a new one."""
        return cls(token_bytes(DATA_KEY_SIZE))

    @classmethod
    def unwrap(cls, wrapping_key: bytes, wrapped: bytes) -> Self:
        """Take the key out of its wrap (RFC 3394). Raise InvalidUnwrap for another wrapping key."""
        return cls(aes_key_unwrap(wrapping_key, wrapped))

    def wrap(self, wrapping_key: bytes) -> bytes:
        """Wrap the key under a 32-octet wrapping key (RFC 3394): 40 octets."""
        self._refuse_wiped()
        return aes_key_wrap(wrapping_key, bytes(self._octets))

    @contextmanager
    def specification(self) -> Generator[bytearray]:
        """Return the key as SQLCipher takes a raw one, `x'…'`, for as long as the block runs."""
        self._refuse_wiped()
        text = bytearray(3 + 2 * len(self._octets))
        text[:2], text[-1:] = b"x'", b"'"
        for index, octet in enumerate(self._octets):
            text[2 + 2 * index], text[3 + 2 * index] = _HEX[octet >> 4], _HEX[octet & 15]
        try:
            yield text
        finally:
            text[:] = bytes(len(text))

    def wipe(self) -> None:
        """Overwrite the key. Calling it twice is harmless."""
        self._octets[:] = bytes(len(self._octets))
        self._wiped = True

    @property
    def wiped(self) -> bool:
        """Whether it is gone."""
        return self._wiped

    def _refuse_wiped(self) -> None:
        if self._wiped:
            raise ClosedResourceError

    def __repr__(self) -> str:
        return "DataKey(…)"
