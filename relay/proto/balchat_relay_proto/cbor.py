"""CBOR (RFC 8949) as strict as the relay's formats need it, and as cheap to read whatever its author wrote.

One item, definite lengths, no tags, no maps, bounded depth, a bounded number of items. All of this is seen by a walk
over the items' heads, which ends at the first item too many, before anything is built: a decoder makes an object of
each octet, and compares the keys of a map, of which the author can have thousands with one hash. Whoever decodes
checks the shape.
"""

from functools import lru_cache
from typing import Any, Final, cast

import cbor2

MAX_DEPTH: Final = 6
"""Arrays inside of each other; the deepest message has four."""

MAX_ITEMS: Final = 4096
"""CBOR items in one message; the largest has some 1,300."""

_UNSIGNED, _NEGATIVE, _OCTETS, _TEXT, _ARRAY, _MAP, _TAG = range(7)
"""Major types (RFC 8949, section 3.1)."""
_ONE_OCTET, _EIGHT_OCTETS = 24, 27
"""Additional information (RFC 8949, section 3): from 24 to 27, the argument is in the next 1, 2, 4 or 8 octets."""

_LARGE: Final = 1024


class Malformed(ValueError):
    """These octets do not have the form that docs/spec/relay.md gives them."""


def decode(octets: bytes) -> Any:  # the caller checks the shape
    """Decode exactly one item. Raises Malformed."""
    _walk(octets)
    try:
        return cbor2.loads(octets, max_depth=MAX_DEPTH, allow_indefinite=False)
    except (cbor2.CBORError, ValueError, TypeError, OverflowError, RecursionError, MemoryError) as error:
        raise Malformed(f"not well-formed CBOR: {type(error).__name__}") from error


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


def _walk(octets: bytes) -> None:
    """Raise Malformed unless the items' heads say that these octets are one item as `decode` takes it."""
    position = count = 0
    missing = [1]  # for each array that is open: how many items are still to come in it
    while missing:
        if missing[-1] == 0:
            missing.pop()
            continue
        missing[-1] -= 1
        count += 1
        if count > MAX_ITEMS:
            raise Malformed(f"more than {MAX_ITEMS} items")
        major, argument, position = _head_at(octets, position)
        if major in (_OCTETS, _TEXT):
            position += argument
        elif major == _ARRAY:
            if len(missing) > MAX_DEPTH:
                raise Malformed("too deep")
            missing.append(argument)
        elif major in (_MAP, _TAG):
            # Tags decode into rich types, and some of them (bignum, bigfloat, shared references) into huge ones.
            raise Malformed("a map or a tag where none is allowed")
    if position != len(octets):
        raise Malformed("something follows the end" if position < len(octets) else "not well-formed CBOR: cut short")


def _head_at(octets: bytes, position: int) -> tuple[int, int, int]:
    """Return an item's major type, its argument, and where what follows its head begins. Raises Malformed."""
    if position >= len(octets):
        raise Malformed("not well-formed CBOR: cut short")
    major, argument = octets[position] >> 5, octets[position] & 0x1F
    position += 1
    if argument < _ONE_OCTET:
        return major, argument, position
    if argument > _EIGHT_OCTETS:
        raise Malformed("an indefinite length where none is allowed")
    end = position + (1 << argument - _ONE_OCTET)
    return major, int.from_bytes(octets[position:end]), end
