"""The bodies that hold a blob, for who does not have all of it in memory: what stands before the blob's octets.

`PutBlob` and `BlobFound` are these octets and the blob. CBOR is written in one way only, and every size of a blob takes
four octets to say, so what stands before it is always as long.
"""

from dataclasses import dataclass, field
from typing import Final

from balchat_relay_proto.codec import DIGEST, Malformed, Message, one_of
from balchat_relay_proto.requests import Holder
from balchat_relay_proto.sizes import BLOB_SIZES

_PUT_FIELDS: Final = b"\x85"
_FOUND_FIELDS: Final = b"\x81"
_FIELDS: Final = b"\x84"
_OCTETS: Final = b"\x5a"
_LENGTH_SIZE: Final = 4


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class BlobHead(Message):
    """The fields of PutBlob but the blob."""

    queue: bytes = field(metadata=DIGEST)
    holder: Holder = field(metadata=one_of({0: Holder}).field)
    read_verifier: bytes = field(metadata=DIGEST)
    delete_verifier: bytes = field(metadata=DIGEST)


PUT_HEAD_SIZE: Final = 144
"""Octets of PutBlob before those of the blob."""


def read_put_head(octets: bytes) -> tuple[BlobHead, int]:
    """Return what the first PUT_HEAD_SIZE octets of PutBlob say, and the blob's size. Raise Malformed."""
    length = octets[-_LENGTH_SIZE - len(_OCTETS) :]
    size = int.from_bytes(length[len(_OCTETS) :])
    if len(octets) != PUT_HEAD_SIZE or not octets.startswith(_PUT_FIELDS) or not length.startswith(_OCTETS):
        raise Malformed("a request to put a blob is needed")
    if size not in BLOB_SIZES:
        raise Malformed(f"octets of size {' or '.join(map(str, BLOB_SIZES))} are needed")
    return BlobHead.from_octets(_FIELDS + octets[len(_PUT_FIELDS) : -len(length)]), size


def found_head(size: int) -> bytes:
    """Return the octets of BlobFound before those of a blob of this size."""
    return _FOUND_FIELDS + _OCTETS + size.to_bytes(_LENGTH_SIZE)
