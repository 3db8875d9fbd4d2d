"""CBOR (RFC 8949) as strict as our formats need it, and as cheap to read whatever its author wrote.

One item, definite lengths, no tags, bounded depth, a bounded number of items, and map keys that are numbers or texts,
each once. All of this is seen by a walk over the items' heads, which ends at the first item too many, before anything
is built: a decoder makes an object of each octet, and compares keys of which the author can have thousands with one
hash.
"""

from typing import Any, Final

import cbor2

MAX_DEPTH: Final = 8
"""Arrays and maps inside of each other."""

_UNSIGNED, _NEGATIVE, _OCTETS, _TEXT, _ARRAY, _MAP, _TAG = range(7)
"""Major types (RFC 8949, section 3.1)."""
_ONE_OCTET, _EIGHT_OCTETS = 24, 27
"""Additional information (RFC 8949, section 3): from 24 to 27, the argument is in the next 1, 2, 4 or 8 octets."""
_REFUSED: Final = "it is not CBOR as this format allows it"


def decode(octets: bytes, *, max_items: int) -> Any:  # the caller checks the shape
    """Decode exactly one item, which holds at most `max_items` items, itself and keys included. Raise ValueError."""
    _walk(octets, max_items)
    try:
        return cbor2.loads(octets, max_depth=MAX_DEPTH, allow_indefinite=False, allow_duplicate_keys=False)
    except (cbor2.CBORError, ValueError, TypeError, OverflowError, RecursionError) as error:
        raise ValueError(_REFUSED) from error


def encode(item: object) -> bytes:
    """Return the deterministic encoding (RFC 8949, section 4.2)."""
    return cbor2.dumps(item, canonical=True)


def head_of_octets(length: int) -> bytes:
    """Return what stands in front of a byte string of `length` octets, in its only deterministic form."""
    head = cbor2.dumps(length)
    return bytes([_OCTETS << 5 | head[0], *head[1:]])


def _walk(octets: bytes, max_items: int) -> None:
    """Raise ValueError unless the items' heads say that these octets are one item as `decode` takes it."""
    position = count = 0
    # For each array or map that is open: how many items are still to come in it, and whether it is a map.
    containers: list[tuple[int, bool]] = [(1, False)]
    while containers:
        missing, is_map = containers.pop()
        if missing == 0:
            continue
        containers.append((missing - 1, is_map))
        count += 1
        if count > max_items:
            raise ValueError(f"it has more than {max_items} items")
        major, argument, position = _head(octets, position)
        # Keys and values take turns, a key first.
        if is_map and missing % 2 == 0 and major not in (_UNSIGNED, _NEGATIVE, _TEXT):
            raise ValueError("a key of a map is neither a number nor a text")
        if major in (_OCTETS, _TEXT):
            position += argument
        elif major in (_ARRAY, _MAP):
            if len(containers) > MAX_DEPTH:
                raise ValueError(_REFUSED)
            containers.append((argument * 2, True) if major == _MAP else (argument, False))
        elif major == _TAG:
            # Tags decode into rich types, and some of them (bignum, bigfloat, shared references) into huge ones.
            raise ValueError(_REFUSED)
    if position != len(octets):
        raise ValueError("something follows the end" if position < len(octets) else _REFUSED)


def _head(octets: bytes, position: int) -> tuple[int, int, int]:
    """Return an item's major type, its argument, and where what follows its head begins. Raise ValueError."""
    if position >= len(octets):
        raise ValueError(_REFUSED)
    major, argument = octets[position] >> 5, octets[position] & 0x1F
    position += 1
    if argument < _ONE_OCTET:
        return major, argument, position
    if argument > _EIGHT_OCTETS:
        raise ValueError(_REFUSED)
    end = position + (1 << argument - _ONE_OCTET)
    return major, int.from_bytes(octets[position:end]), end
