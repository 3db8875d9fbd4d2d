"""How a sealed file is cut into parts, and by what it is named: docs/spec/files.md, Parts."""

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from balchat_host.api.errors import PartRefused

MAX_SIZE: Final = 64 * 2**30
"""Octets of the largest file."""
HASH_SIZE: Final = 32
ROOT_SIZE: Final = 32

_CHUNK: Final = 64 * 1024
"""Octets of a file that age seals at a time (C2SP age, Payload)."""
_NONCE: Final = 16
_TAG: Final = 16
_KIB, _MIB = 2**10, 2**20
_PART_SIZES: Final = ((_MIB, 64 * _KIB), (16 * _MIB, 256 * _KIB), (1024 * _MIB, _MIB), (MAX_SIZE, 4 * _MIB))
"""How large a file may be for parts of a size."""
MAX_PART_SIZE: Final = _PART_SIZES[-1][1]
_ROOT: Final = b"balchat-file-v1\x00"


@dataclass(frozen=True, slots=True)
class Shape:
    """What follows from a file's size alone. `size`: octets of the file, 0 to MAX_SIZE."""

    size: int

    @property
    def part_size(self) -> int:
        """Octets of each part but the last."""
        return next(part for largest, part in _PART_SIZES if self.size <= largest)

    @property
    def sealed_size(self) -> int:
        """Octets of the sealed file: the payload of the age format."""
        return _NONCE + self.size + _TAG * max(1, -(-self.size // _CHUNK))

    @property
    def parts(self) -> int:
        """How many parts there are: 1 or more."""
        return -(-self.sealed_size // self.part_size)

    @property
    def manifest_size(self) -> int:
        """Octets of the manifest."""
        return HASH_SIZE * self.parts

    def length(self, index: int) -> int:
        """Return the octets of a part. Raise PartRefused where there is none with that number."""
        if not 0 <= index < self.parts:
            raise PartRefused(problem="there is no part with that number")
        return min(self.part_size, self.sealed_size - index * self.part_size)

    def root(self, manifest: bytes) -> bytes:
        """Return the name of the file with this manifest, 32 octets."""
        return hashlib.sha256(
            _ROOT + self.size.to_bytes(8) + self.part_size.to_bytes(4) + manifest,
        ).digest()

    def check_manifest(self, root: bytes, manifest: bytes) -> None:
        """See that a manifest is that of the file with this root. Raise PartRefused."""
        if len(manifest) != self.manifest_size or self.root(manifest) != root:
            raise PartRefused(problem="the manifest is not that of the file")

    def check_part(self, index: int, octets: bytes, expected: bytes) -> None:
        """See that octets are a part, by its hash in the manifest. Raise PartRefused."""
        if len(octets) != self.length(index):
            raise PartRefused(problem="a part has the wrong size")
        if hashlib.sha256(octets).digest() != expected:
            raise PartRefused(problem="a part has the wrong hash")


class ManifestWriter:
    """Makes the manifest of a sealed file while that is written, in pieces of any size."""

    def __init__(self, shape: Shape) -> None:
        self._part_size = shape.part_size
        self._manifest = bytearray()
        self._part = hashlib.sha256()
        self._room = self._part_size

    def write(self, octets: bytes) -> None:
        """Take the next octets."""
        view = memoryview(octets)
        while view:
            piece, view = view[: self._room], view[self._room :]
            self._part.update(piece)
            self._room -= len(piece)
            if not self._room:
                self._end_part()

    def finish(self) -> bytes:
        """Return the manifest."""
        if self._room < self._part_size:
            self._end_part()
        return bytes(self._manifest)

    def _end_part(self) -> None:
        self._manifest += self._part.digest()
        self._part = hashlib.sha256()
        self._room = self._part_size


class Bitmap:
    """Which parts of a file are here: one bit for each, the lowest of the first octet for part 0."""

    def __init__(self, parts: int, octets: bytes | None = None) -> None:
        self._parts = parts
        self._octets = bytearray(-(-parts // 8) if octets is None else octets)

    def __contains__(self, index: int) -> bool:
        return index // 8 < len(self._octets) and bool(self._octets[index // 8] >> index % 8 & 1)

    def add(self, index: int) -> None:
        """Note that a part is here."""
        self._octets[index // 8] |= 1 << index % 8

    def remove(self, index: int) -> None:
        """Note that a part is not here, or not any more."""
        if index in self:
            self._octets[index // 8] &= ~(1 << index % 8)

    @property
    def count(self) -> int:
        """How many parts are here."""
        return int.from_bytes(self._octets).bit_count()

    @property
    def bits(self) -> int:
        """All of it as one number, in which bit *i* says whether part *i* is here: of many parts, quick to combine."""
        return int.from_bytes(self._octets, "little")

    def missing(self) -> Iterator[range]:
        """Return the runs of parts that are not here, in order."""
        begin = None
        for index in range(self._parts):
            if index in self:
                if begin is not None:
                    yield range(begin, index)
                begin = None
            elif begin is None:
                begin = index
        if begin is not None:
            yield range(begin, self._parts)

    def encode(self) -> bytes:
        """Return it as it is stored."""
        return bytes(self._octets)


def indexes(bits: int) -> Iterator[int]:
    """Yield which bits of a number are set, the lowest first."""
    while bits:
        lowest = bits & -bits
        yield lowest.bit_length() - 1
        bits ^= lowest


def bits_of(parts: range) -> int:
    """Return a number in which the bits of these parts are set."""
    return ((1 << len(parts)) - 1) << parts.start
