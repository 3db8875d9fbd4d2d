"""CBOR (RFC 8949) as strict as the relay's formats need it.

One item, definite lengths, no tags, no duplicate keys, bounded depth. Whoever decodes checks the shape.
"""

import io
from functools import lru_cache
from typing import Any, Final, NoReturn, cast

import cbor2

MAX_DEPTH: Final = 6
"""Arrays inside of each other; the deepest message has four."""

_OCTETS: Final = 2
_ARRAY: Final = 4
"""Major types (RFC 8949, section 3.1)."""

_LARGE: Final = 1024

# Tags decode into rich types, and some of them (bignum, bigfloat, shared references) into huge ones. None occurs here.
_KNOWN_TAGS: Final = (*range(6), 25, 28, 29, 30, 35, 36, 37, 52, 54, 100, 256, 258, 260, 261, 1004, 43000, 55799)


class Malformed(ValueError):
    """These octets do not have the form that docs/spec/relay.md gives them."""


def _refuse_tag(*_: object) -> NoReturn:
    raise ValueError("a tag where none is allowed")


_REFUSED_TAGS: Final = dict.fromkeys(_KNOWN_TAGS, _refuse_tag)


def decode(octets: bytes) -> Any:  # the caller checks the shape
    """Decode exactly one item. Raises Malformed."""
    stream = io.BytesIO(octets)
    decoder = cbor2.CBORDecoder(
        stream,
        tag_hook=_refuse_tag,
        semantic_decoders=_REFUSED_TAGS,
        max_depth=MAX_DEPTH,
        allow_indefinite=False,
        allow_duplicate_keys=False,
    )
    try:
        item = decoder.decode()
    except (cbor2.CBORError, ValueError, TypeError, OverflowError, RecursionError, MemoryError) as error:
        raise Malformed(f"not well-formed CBOR: {type(error).__name__}") from error
    if stream.tell() != len(octets):
        raise Malformed("something follows the end")
    return item


def encode(item: object) -> bytes:
    """Encode deterministically (RFC 8949, section 4.2). No map occurs in these formats, so nothing is to be sorted."""
    return b"".join(pieces(item))


def pieces(item: object) -> list[bytes | bytearray]:
    """Encode into pieces to be sent one after the other. What is large is not copied: cbor2 would, and slowly."""
    found: list[bytes | bytearray] = [bytearray()]
    _write(item, found)
    return found


def _write(item: object, found: list[bytes | bytearray]) -> None:
    """Append to the last piece, which is a bytearray."""
    match item:
        case list():
            values = cast("list[object]", item)
            found[-1] += _head(_ARRAY, len(values))
            for value in values:
                _write(value, found)
        case bytes() if len(item) >= _LARGE:
            found[-1] += _head(_OCTETS, len(item))
            found += [item, bytearray()]
        case _:
            found[-1] += cbor2.dumps(item)


@lru_cache(maxsize=256)
def _head(major: int, count: int) -> bytes:
    """Write what stands in front of `count` octets or items: the number, under another major type (RFC 8949, 3.1)."""
    head = cbor2.dumps(count)
    return bytes([major << 5 | head[0], *head[1:]])
