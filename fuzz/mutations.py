"""Changes to octets and to CBOR items: small ones, large ones, and ones that keep everything else well-formed."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, cast

import cbor2

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from random import Random

_OCTETS: Final = (0x00, 0x01, 0x3F, 0x40, 0x7F, 0x80, 0xBF, 0xC0, 0xFF)
_LENGTHS: Final = (0, 1, 2, 15, 16, 17, 31, 32, 33, 63, 64, 255, 256, 1024, 1025, 2048, 2049, 8192, 32768, 32769)
_NUMBERS: Final = (
    *(-(2**64), -(2**63), -(2**32), -1, 0, 1, 2, 3, 4, 23, 24, 255, 256, 65535, 65536),
    *(2**31, 2**32 - 1, 2**32, 2**53 - 1, 2**53, 2**62, 2**63 - 1, 2**63, 2**64 - 1, 2**64, 2**200),
)
_CHARACTERS: Final = "a/;=\0\n\x1b\u202e\u200b\u00ad\u0301\U0001f600\ufffd\U000e0041"


def change_octets(octets: bytes, others: Sequence[bytes], rng: Random) -> bytes:
    """Return `octets` with a few of them changed, cut out, doubled, or replaced by a piece of one of the others."""
    changed = bytearray(octets)
    for _ in range(rng.choice((1, 1, 1, 2, 4, 16))):
        at = rng.randrange(len(changed) + 1)
        match rng.randrange(8):
            case 0 if at < len(changed):
                changed[at] ^= 1 << rng.randrange(8)
            case 1 if at < len(changed):
                changed[at] = rng.choice(_OCTETS)
            case 2:
                del changed[at:]
            case 3:
                del changed[at : at + rng.choice((1, 2, 4, 32))]
            case 4:
                changed[at:at] = rng.randbytes(rng.choice((1, 2, 4, 32, 4096)))
            case 5:
                other = rng.choice(others)
                changed[at:] = other[rng.randrange(len(other) + 1) :]
            case 6:
                # The head of a length (RFC 9420, section 2.1.2; RFC 8949, section 3), often far too large.
                changed[at : at + 4] = rng.choice(
                    (b"\xbf\xff\xff\xff", b"\x80\x00\xff\xff", b"\x7f\xff", b"\x5b\xff", b"\x00")
                )
            case _:
                changed[at : at + 8] = changed[at : at + 8] * 2
    return bytes(changed)


def change_item(item: object, rng: Random) -> object:
    """Return a CBOR item with one of its parts replaced, removed, doubled or moved."""
    if isinstance(item, list) and item and rng.randrange(6):
        parts = list(cast("list[object]", item))
        at = rng.randrange(len(parts))
        match rng.randrange(8):
            case 0:
                del parts[at]
            case 1:
                parts.insert(at, parts[at])
            case 2:
                parts.insert(at, any_item(rng))
            case 3:
                parts *= rng.choice((2, 100))
            case _:
                parts[at] = change_item(parts[at], rng)
        return parts
    if isinstance(item, dict) and rng.randrange(4):
        entries = dict(cast("dict[Any, object]", item))
        if entries and rng.randrange(3):
            key = rng.choice(list(entries))
            entries[key] = change_item(entries[key], rng)
        else:
            entries[_any_key(rng)] = any_item(rng)
        return entries
    if isinstance(item, bytes | str) and item and rng.randrange(2):
        return _of_length(item, rng)
    return any_item(rng)


def any_item(rng: Random, depth: int = 0) -> object:
    """Return any CBOR item, often one that a careless reader would stumble over."""
    return rng.choice(_MAKERS if depth < 12 else _LEAVES)(rng, depth)


def encode(item: object, rng: Random) -> bytes:
    """Return the item's octets, now and then in another encoding than the deterministic one."""
    return cbor2.dumps(item, canonical=rng.randrange(8) != 0)


def _of_length(value: bytes | str, rng: Random) -> bytes | str:
    length = rng.choice(_LENGTHS)
    return (value * (length // len(value) + 1))[:length]


def _any_text(rng: Random) -> str:
    return "".join(rng.choices(_CHARACTERS, k=rng.choice((0, 1, 5, 41, 300, 3000))))


def _any_key(rng: Random) -> object:
    return rng.choice((rng.choice(_NUMBERS), _any_text(rng), b"key", "balchat.sent-at", "balchat.sequence", True, None))


def _any_list(rng: Random, depth: int) -> object:
    if rng.randrange(4) == 0:
        return [rng.choice(_LEAVES[:2])(rng, depth)] * rng.choice((100, 1025, 20_000))
    return [any_item(rng, depth + 1) for _ in range(rng.choice((0, 1, 2, 4, 9)))]


def _any_map(rng: Random, depth: int) -> object:
    return {_any_key(rng): any_item(rng, depth + 1) for _ in range(rng.choice((0, 1, 2, 5)))}


def _deep(rng: Random, _: int) -> object:
    item: object = 0
    for _ in range(rng.choice((7, 8, 9, 40, 900))):
        item = [item]
    return item


_LEAVES: Final[Sequence[Callable[[Random, int], object]]] = (
    lambda rng, _: rng.choice(_NUMBERS),
    lambda rng, _: rng.choice((True, False, None, 0.0, 1.0, float("nan"), float("inf"), cbor2.undefined)),
    lambda rng, _: rng.randbytes(rng.choice(_LENGTHS)),
    lambda rng, _: _any_text(rng),
)
_MAKERS: Final[Sequence[Callable[[Random, int], object]]] = (
    *_LEAVES,
    *_LEAVES,
    _any_list,
    _any_map,
    _deep,
    lambda rng, _: cbor2.CBORTag(rng.choice((0, 1, 2, 28, 29, 37, 258, 4711)), rng.choice((0, b"\xff" * 64, "x"))),
)
