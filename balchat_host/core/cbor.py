"""CBOR (RFC 8949) as strict as our formats need it.

One item, definite lengths, no tags, no duplicate keys, bounded depth.
"""

import io
from typing import Any, Final, NoReturn

import cbor2

_MAX_DEPTH: Final = 8
# Tags decode into rich types, and some of them (bignum, bigfloat, shared references) into huge ones. None occurs in
# our formats.
_KNOWN_TAGS: Final = (*range(6), 25, 28, 29, 30, 35, 36, 37, 52, 54, 100, 256, 258, 260, 261, 1004, 43000, 55799)


def _refuse_tag(*_: object) -> NoReturn:
    raise ValueError("a tag where none is allowed")


_REFUSALS: Final = dict.fromkeys(_KNOWN_TAGS, _refuse_tag)


def decode(octets: bytes) -> Any:  # the caller checks the shape
    """Decode exactly one item. Raises ValueError."""
    stream = io.BytesIO(octets)
    decoder = cbor2.CBORDecoder(
        stream,
        tag_hook=_refuse_tag,
        semantic_decoders=_REFUSALS,
        max_depth=_MAX_DEPTH,
        allow_indefinite=False,
        allow_duplicate_keys=False,
    )
    try:
        item = decoder.decode()
    except (cbor2.CBORError, ValueError, TypeError, OverflowError, RecursionError) as error:
        raise ValueError("it is not CBOR as this format allows it") from error
    if stream.tell() != len(octets):
        raise ValueError("something follows the end")
    return item


def encode(item: object) -> bytes:
    """Encode deterministically (RFC 8949, section 4.2)."""
    return cbor2.dumps(item, canonical=True)
