"""Bitmaps of a file's parts at relays: a `shape.Bitmap` with one bit more at the end, for the manifest."""

from typing import Final

from balchat_host.core.files.shape import Bitmap, Shape

MANIFEST: Final = 2**32 - 1
"""The number of the manifest's blob."""


def bitmap(shape: Shape, octets: bytes) -> Bitmap:
    """Return a bitmap of a file's parts and manifest; empty where there are no octets."""
    return Bitmap(shape.parts + 1, octets or None)


def fits(shape: Shape, octets: bytes) -> bool:
    """Return whether octets of others may be such a bitmap, or one of the parts alone."""
    return len(octets) <= shape.parts // 8 + 1 and not any(
        index in Bitmap(0, octets) for index in range(shape.parts + 1, len(octets) * 8)
    )


def union(one: bytes, other: bytes) -> bytes:
    """Return the parts that are in either."""
    size = max(len(one), len(other))
    return (int.from_bytes(one, "little") | int.from_bytes(other, "little")).to_bytes(size, "little")


def without(one: bytes, other: bytes) -> bytes:
    """Return the parts that are in the first and not in the other."""
    return (int.from_bytes(one, "little") & ~int.from_bytes(other, "little")).to_bytes(len(one), "little")


def blob_of(parts: int, index: int) -> int:
    """Return the number of a part's blob; the manifest has the number of `parts`."""
    return MANIFEST if index == parts else index
