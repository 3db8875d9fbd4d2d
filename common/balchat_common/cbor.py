"""CBOR (RFC 8949) as strict as our formats need it, and as cheap to read whatever its author wrote.

One item, definite lengths, no tags, bounded depth, a bounded number of items; maps only where a format has them, with
keys that are numbers or texts, each once. `decode` sees all of this by a walk over the items' heads, which ends at the
first item too many, before anything is built: cbor2 makes an object of each octet, and compares keys of which the
author can have thousands with one hash. Whoever decodes checks the shape.
"""

from functools import lru_cache
from operator import itemgetter
from typing import Any, Final, cast

import cbor2

_UNSIGNED, _NEGATIVE, _OCTETS, _TEXT, _ARRAY, _MAP, _TAG = range(7)
"""Major types (RFC 8949, section 3.1)."""
_ONE_OCTET, _EIGHT_OCTETS = 24, 27
"""Additional information (RFC 8949, section 3): from 24 to 27, the argument is in the next 1, 2, 4 or 8 octets."""
_LARGE: Final = 4096
_CUT_SHORT: Final = "it is not well-formed CBOR: cut short"


def decode(octets: bytes, *, max_items: int, max_depth: int, maps: bool = False) -> Any:  # the caller checks the shape
    """Decode exactly one item. Raise ValueError.

    It holds at most `max_items` items, itself and keys included, and arrays and maps at most `max_depth` deep.
    """
    _walk(octets, max_items, max_depth, maps=maps)
    try:
        return cbor2.loads(octets, max_depth=max_depth, allow_indefinite=False, allow_duplicate_keys=False)
    except (cbor2.CBORError, ValueError, TypeError, OverflowError, RecursionError, MemoryError) as error:
        raise ValueError(f"it is not well-formed CBOR: {type(error).__name__}") from error


def encode(item: object) -> bytes:
    """Return the deterministic encoding (RFC 8949, section 4.2)."""
    return b"".join(encode_pieces(item))


def encode_pieces(item: object) -> list[bytes]:
    """Return the deterministic encoding in pieces. Large byte strings are among them as they are, not copied."""
    # cbor2 alone would copy large byte strings again and again, for each array that they are in.
    pieces: list[bytes] = []
    _write(item, pieces)
    return pieces


def head_of_octets(length: int) -> bytes:
    """Return what stands in front of a byte string of `length` octets, in its only deterministic form."""
    return _head(_OCTETS, length)


def _write(item: object, pieces: list[bytes]) -> None:
    match item:
        case list() if _holds_apart(values := cast("list[object]", item)):
            pieces.append(_head(_ARRAY, len(values)))
            for value in values:
                _write(value, pieces)
        case dict():
            entries = cast("dict[object, object]", item)
            pieces.append(_head(_MAP, len(entries)))
            # By their octets, which is not the older order of RFC 7049 that cbor2 has.
            for key, value in sorted(((encode(key), entries[key]) for key in entries), key=itemgetter(0)):
                pieces.append(key)
                _write(value, pieces)
        case bytes() if len(item) >= _LARGE:
            pieces += [head_of_octets(len(item)), item]
        case _:
            pieces.append(cbor2.dumps(item, canonical=True))


def _holds_apart(values: list[object]) -> bool:
    """Return whether what is not left to cbor2 stands in an array, or in one inside it: a large byte string, a map."""
    for value in values:
        if isinstance(value, bytes):
            if len(value) >= _LARGE:
                return True
        elif isinstance(value, dict) or (isinstance(value, list) and _holds_apart(cast("list[object]", value))):
            return True
    return False


@lru_cache(maxsize=256)
def _head(major: int, argument: int) -> bytes:
    """Write a head as that of a number, under another major type (RFC 8949, section 3.1)."""
    head = cbor2.dumps(argument)
    return bytes([major << 5 | head[0], *head[1:]])


def _walk(octets: bytes, max_items: int, max_depth: int, *, maps: bool) -> None:  # noqa: C901  # a hot loop
    """Raise ValueError unless the items' heads say that these octets are one item as `decode` takes it."""
    position = count = 0
    # How many items are still to come in the array or map that we are in, and whether it is a map; and those around it.
    missing, is_map = 1, False
    around: list[tuple[int, bool]] = []
    while missing or around:
        if not missing:
            missing, is_map = around.pop()
            continue
        count += 1
        if count > max_items:
            raise ValueError(f"it has more than {max_items} items")
        if position >= len(octets):
            raise ValueError(_CUT_SHORT)
        major, argument = octets[position] >> 5, octets[position] & 0x1F
        position += 1
        if argument >= _ONE_OCTET:
            argument, position = _argument_at(octets, position, argument)
        # Keys and values take turns, a key first.
        if is_map and missing % 2 == 0 and major not in (_UNSIGNED, _NEGATIVE, _TEXT):
            raise ValueError("a key of a map is neither a number nor a text")
        missing -= 1
        if major in (_OCTETS, _TEXT):
            position += argument
        elif major == _ARRAY or (major == _MAP and maps):
            if len(around) >= max_depth:
                raise ValueError(f"it nests too deep: more than {max_depth} arrays and maps")
            around.append((missing, is_map))
            missing, is_map = (argument * 2, True) if major == _MAP else (argument, False)
        elif major in (_MAP, _TAG):
            # Tags decode into rich types, and some of them (bignum, bigfloat, shared references) into huge ones.
            raise ValueError("it has a map or a tag where none is allowed")
    if position != len(octets):
        raise ValueError("something follows the end" if position < len(octets) else _CUT_SHORT)


def _argument_at(octets: bytes, position: int, argument: int) -> tuple[int, int]:
    """Return the argument that follows the first octet of a head, and where the head ends. Raise ValueError."""
    if argument > _EIGHT_OCTETS:
        raise ValueError("it has an indefinite length where none is allowed")
    end = position + (1 << argument - _ONE_OCTET)
    return int.from_bytes(octets[position:end]), end
