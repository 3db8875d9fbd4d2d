"""Blobs: the parts of files at a relay, each sealed to the same size as others (docs/spec/relay.md, Blobs).

Who puts parts keeps one secret, the deletion secret. From it follows the reading secret, which is told to whoever may
fetch them, and each part's capabilities and key follow from the two. So whoever reads can delete nothing, and the relay
keeps verifiers only.
"""

import hashlib
from dataclasses import dataclass
from typing import Final

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from balchat_relay_proto.capabilities import Capability
from balchat_relay_proto.sizes import BLOB_OVERHEAD, BLOB_SIZES, CAPABILITY_SIZE

MAX_PART: Final = BLOB_SIZES[-1] - BLOB_OVERHEAD
"""Octets of the largest part."""
MAX_INDEX: Final = 2**32 - 1

_BLOB_LABEL: Final = b"balchat-relay-blob-v1\x00"
_READING: Final = b"balchat-relay-blob-reading-v1"
_READ: Final = b"balchat-relay-blob-read-v1"
_DELETE: Final = b"balchat-relay-blob-delete-v1"
_KEY: Final = b"balchat-relay-blob-key-v1"
_INDEX_SIZE: Final = 4
_KEY_SIZE: Final = 16
_NONCE: Final = bytes(12)
"""A key seals one part, always the same octets, so one nonce is enough, and a part that is put again is the same."""


class BadBlob(Exception):
    """The blob is not the part that was put: the relay, or its disk, has altered it or given another one."""


@dataclass(frozen=True, slots=True, repr=False)
class ReadingSecret:
    """What lets somebody fetch and open parts: 32 octets. `repr` hides them."""

    octets: bytes

    def capability(self, index: int) -> Capability:
        """Return what allows to get a part, by its number from 0 to MAX_INDEX."""
        return Capability(_derive(self.octets, _READ, index, CAPABILITY_SIZE))

    def unseal(self, index: int, blob: bytes, size: int) -> bytes:
        """Return the part that a blob holds, of `size` octets. Raise BadBlob."""
        if len(blob) != blob_size(size):
            raise BadBlob
        try:
            padded = AESGCM(self._key(index)).decrypt(_NONCE, blob, None)
        except InvalidTag:
            raise BadBlob from None
        if any(padded[size:]):
            raise BadBlob
        return padded[:size]

    def seal(self, index: int, part: bytes) -> bytes:
        """Return the blob of a part. Raise ValueError where the part is too large."""
        padding = bytes(blob_size(len(part)) - BLOB_OVERHEAD - len(part))
        return AESGCM(self._key(index)).encrypt(_NONCE, part + padding, None)

    def _key(self, index: int) -> bytes:
        return _derive(self.octets, _KEY, index, _KEY_SIZE)

    def __repr__(self) -> str:
        return "ReadingSecret(…)"


@dataclass(frozen=True, slots=True, repr=False)
class DeletionSecret:
    """What lets somebody put and delete parts: 32 random octets. `repr` hides them."""

    octets: bytes

    @property
    def reading(self) -> ReadingSecret:
        """What is told to whoever may fetch them."""
        return ReadingSecret(_hkdf(self.octets, _READING, CAPABILITY_SIZE))

    def capability(self, index: int) -> Capability:
        """Return what allows to delete a part, by its number from 0 to MAX_INDEX."""
        return Capability(_derive(self.octets, _DELETE, index, CAPABILITY_SIZE))

    def __repr__(self) -> str:
        return "DeletionSecret(…)"


def blob_id(read_verifier: bytes) -> bytes:
    """Return the id of a blob. It follows from the verifier, so that nobody else can take it first or guess it."""
    return hashlib.sha256(_BLOB_LABEL + read_verifier).digest()


def blob_size(part: int) -> int:
    """Return the octets of the blob of a part of so many octets. Raise ValueError where it is too large."""
    for size in BLOB_SIZES:
        if part + BLOB_OVERHEAD <= size:
            return size
    raise ValueError(f"a part has at most {MAX_PART} octets, not {part}")


def _derive(secret: bytes, info: bytes, index: int, size: int) -> bytes:
    return _hkdf(secret, info + index.to_bytes(_INDEX_SIZE), size)


def _hkdf(secret: bytes, info: bytes, size: int) -> bytes:
    return HKDF(SHA256(), size, salt=None, info=info).derive(secret)
