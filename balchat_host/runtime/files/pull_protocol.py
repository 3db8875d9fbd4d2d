"""What passes on a bulk stream, without the stream (docs/spec/file-pull.md).

Rules
-----
- No I/O and no clock. Octets are fed; then `next` gives what came, until it gives None.
- What a frame may be is known from its first four octets. Nothing of one that may not be is kept.
- After ProtocolViolation a reader is fed no more.

`RequestReader` is the side that serves, `AnswerReader` the side that pulls: it knows what it has asked for, and takes
nothing else.
"""

from collections import deque
from dataclasses import dataclass
from enum import IntEnum
from typing import Final

from balchat_host.api.errors import ProtocolViolation
from balchat_host.core.files.shape import HASH_SIZE, MAX_PART_SIZE, MAX_SIZE, ROOT_SIZE, Shape

HEADER_SIZE: Final = 4
INDEX_SIZE: Final = 4
MAX_COUNT: Final = 1024
"""Parts of one request."""
LEAST_WAIT: Final = 1.0
LONGEST_WAIT: Final = 600.0
"""Seconds between which a BUSY counts."""
_NUMBER: Final = 4
_LENGTH_SIZE: Final = 3
_MAX_NUMBER: Final = 2**32 - 1


class FrameType(IntEnum):
    """What a frame is."""

    GET_MANIFEST = 0x01
    GET_PARTS = 0x02
    CONFIRM = 0x03
    MANIFEST = 0x11
    PART = 0x12
    NONE = 0x13
    BUSY = 0x14


LENGTHS: Final = {
    FrameType.GET_MANIFEST: (ROOT_SIZE, ROOT_SIZE),
    FrameType.GET_PARTS: (ROOT_SIZE + 2 * _NUMBER, ROOT_SIZE + 2 * _NUMBER),
    FrameType.CONFIRM: (ROOT_SIZE + _NUMBER, ROOT_SIZE + _NUMBER),
    FrameType.MANIFEST: (HASH_SIZE, Shape(MAX_SIZE).manifest_size),
    FrameType.PART: (INDEX_SIZE + 1, INDEX_SIZE + MAX_PART_SIZE),
    FrameType.NONE: (0, 0),
    FrameType.BUSY: (_NUMBER, _NUMBER),
}
"""The least and the most octets of payload."""
_PREFIXES: Final = {
    FrameType.GET_MANIFEST: ROOT_SIZE,
    FrameType.GET_PARTS: ROOT_SIZE,
    FrameType.CONFIRM: ROOT_SIZE,
    FrameType.PART: INDEX_SIZE,
}
"""Octets with which a payload begins: root or index."""
_REQUESTS: Final = frozenset((FrameType.GET_MANIFEST, FrameType.GET_PARTS, FrameType.CONFIRM))
_ANSWERS: Final = frozenset(FrameType) - _REQUESTS


def _violation(clause: str, problem: str) -> ProtocolViolation:
    return ProtocolViolation(problem=f"{problem} ({clause})", clause=clause)


# -- what is sent


@dataclass(frozen=True, slots=True)
class GetManifest:
    """Asks for the manifest of a file."""

    root: bytes

    def encode(self) -> bytes:
        """Return its octets."""
        return _header(FrameType.GET_MANIFEST, ROOT_SIZE) + self.root


@dataclass(frozen=True, slots=True)
class GetParts:
    """Asks for `count` parts of a file, from `first` on."""

    root: bytes
    first: int
    count: int

    def encode(self) -> bytes:
        """Return its octets."""
        return (
            _header(FrameType.GET_PARTS, ROOT_SIZE + 2 * _NUMBER)
            + self.root
            + self.first.to_bytes(_NUMBER)
            + self.count.to_bytes(_NUMBER)
        )


@dataclass(frozen=True, slots=True)
class Confirm:
    """Says how many parts of a file are durable here."""

    root: bytes
    parts: int

    def encode(self) -> bytes:
        """Return its octets."""
        return _header(FrameType.CONFIRM, ROOT_SIZE + _NUMBER) + self.root + self.parts.to_bytes(_NUMBER)


NONE: Final = bytes([FrameType.NONE, 0, 0, 0])


def manifest_header(length: int) -> bytes:
    """Return what stands before a manifest."""
    return _header(FrameType.MANIFEST, length)


def part_header(index: int, length: int) -> bytes:
    """Return what stands before a part of `length` octets."""
    return _header(FrameType.PART, INDEX_SIZE + length) + index.to_bytes(INDEX_SIZE)


def busy(seconds: float) -> bytes:
    """Return BUSY."""
    wait = min(max(round(seconds * 1000), 0), _MAX_NUMBER)
    return _header(FrameType.BUSY, _NUMBER) + wait.to_bytes(_NUMBER)


def _header(kind: FrameType, length: int) -> bytes:
    return bytes([kind]) + length.to_bytes(_LENGTH_SIZE)


# -- what is received


class _FrameReader:
    """Makes frames of octets. `_allow` looks at the header of each before its payload is kept."""

    def __init__(self, kinds: frozenset[FrameType]) -> None:
        self._kinds = kinds
        self._buffer = bytearray()

    @property
    def held(self) -> int:
        """Octets that are held and not yet given."""
        return len(self._buffer)

    def feed(self, octets: bytes) -> None:
        """Take what the stream gave."""
        self._buffer += octets

    def _frame(self) -> tuple[FrameType, bytes, bytes] | None:
        """Return the next frame: its type, its root or index, and the rest of its payload."""
        if len(self._buffer) < HEADER_SIZE:
            return None
        kind, length = self._buffer[0], int.from_bytes(self._buffer[1:HEADER_SIZE])
        if kind not in self._kinds:
            raise _violation("P1", "a frame that it may not send")
        kind = FrameType(kind)
        least, most = LENGTHS[kind]
        if not least <= length <= most:
            raise _violation("P2", f"{kind.name} of {length} octets")
        self._allow(kind, length)
        end = HEADER_SIZE + length
        if len(self._buffer) < end:
            return None
        begin = HEADER_SIZE + _PREFIXES.get(kind, 0)
        with memoryview(self._buffer) as view:  # a part is copied once
            prefix, rest = bytes(view[HEADER_SIZE:begin]), bytes(view[begin:end])
        del self._buffer[:end]
        return kind, prefix, rest

    def _allow(self, kind: FrameType, length: int) -> None:
        """Raise ProtocolViolation where this frame may not come now."""


Request = GetManifest | GetParts | Confirm


class RequestReader(_FrameReader):
    """Reads what the side that pulls sends."""

    def __init__(self) -> None:
        super().__init__(_REQUESTS)

    def next(self) -> Request | None:
        """Return what came next, or None until more is fed. Raise ProtocolViolation (P1, P2, P3)."""
        if (frame := self._frame()) is None:
            return None
        kind, root, numbers = frame
        if kind is FrameType.GET_MANIFEST:
            return GetManifest(root)
        if kind is FrameType.CONFIRM:
            return Confirm(root, int.from_bytes(numbers))
        first, count = int.from_bytes(numbers[:_NUMBER]), int.from_bytes(numbers[_NUMBER:])
        if not 1 <= count <= MAX_COUNT:
            raise _violation("P3", "GET_PARTS with no parts, or with too many")
        return GetParts(root, first, count)


@dataclass(slots=True)
class Asked:
    """A request that is open: for the manifest where `parts` is None, else for the parts that have not come yet.

    `tag` is whatever the one who asks knows it by.
    """

    tag: object
    shape: Shape
    parts: range | None

    @property
    def length(self) -> int:
        """Octets of the payload that comes next."""
        if self.parts is None:
            return self.shape.manifest_size
        return INDEX_SIZE + self.shape.length(self.parts[0])


@dataclass(frozen=True, slots=True)
class ManifestCame:
    """The manifest that was asked for, as the other side says."""

    asked: Asked
    octets: bytes


@dataclass(frozen=True, slots=True)
class PartCame:
    """A part that was asked for, as the other side says."""

    asked: Asked
    index: int
    octets: bytes


@dataclass(frozen=True, slots=True)
class NoneCame:
    """The file is not offered to us. `asked` holds what did not come."""

    asked: Asked


@dataclass(frozen=True, slots=True)
class BusyCame:
    """Not now, but after so many seconds. `asked` holds what did not come."""

    asked: Asked
    seconds: float


Answer = ManifestCame | PartCame | NoneCame | BusyCame


class AnswerReader(_FrameReader):
    """Reads what the side that serves sends. `asked` are the open requests, the oldest first."""

    def __init__(self) -> None:
        super().__init__(_ANSWERS)
        self.asked: deque[Asked] = deque()

    def ask(self, root: bytes, asked: Asked) -> bytes:
        """Open a request for a file with this root; return the octets that ask it."""
        self.asked.append(asked)
        if asked.parts is None:
            return GetManifest(root).encode()
        return GetParts(root, asked.parts[0], len(asked.parts)).encode()

    @property
    def octets(self) -> int:
        """Octets that the open requests ask for, at most."""
        return sum(
            each.shape.manifest_size if each.parts is None else len(each.parts) * each.shape.part_size
            for each in self.asked
        )

    def next(self) -> Answer | None:
        """Return what came next, or None until more is fed. Raise ProtocolViolation (P1, P2, P4, P5)."""
        if (frame := self._frame()) is None:
            return None
        kind, prefix, payload = frame
        asked = self.asked[0]
        match kind:
            case FrameType.PART:
                return self._part(asked, int.from_bytes(prefix), payload)
            case FrameType.MANIFEST:
                self.asked.popleft()
                return ManifestCame(asked, payload)
            case FrameType.BUSY:
                self.asked.popleft()
                seconds = int.from_bytes(payload) / 1000
                return BusyCame(asked, min(max(seconds, LEAST_WAIT), LONGEST_WAIT))
            case _:
                self.asked.popleft()
                return NoneCame(asked)

    def _part(self, asked: Asked, index: int, octets: bytes) -> PartCame:
        assert asked.parts is not None, "_allow has looked"
        if index != asked.parts[0]:
            raise _violation("P5", "another part than the next one that was asked for")
        asked.parts = asked.parts[1:]
        if not asked.parts:
            self.asked.popleft()
        return PartCame(asked, index, octets)

    def _allow(self, kind: FrameType, length: int) -> None:
        if not self.asked:
            raise _violation("P4", "an answer that nobody asked for")
        asked = self.asked[0]
        if kind in (FrameType.NONE, FrameType.BUSY):
            return
        expected = FrameType.MANIFEST if asked.parts is None else FrameType.PART
        if kind is not expected or length != asked.length:
            raise _violation("P4", "another answer than the one that was asked for")
