"""Frames: the only thing on a direct stream (docs/spec/direct-transport.md, "Frames").

A header says type, length and a number; the table `SHAPES` says which lengths and numbers each type may have. A reader
is fed what the stream gives, in pieces of any size, and gives whole frames. It judges a header before it keeps any
payload, so an unfinished frame never takes more room than the largest one that the table allows.
"""

import struct
from dataclasses import dataclass
from enum import IntEnum
from typing import Final

from balchat_transport_tor_direct.faults import LocalMisuse, violation

HEADER_SIZE: Final = 12
CHUNK_SIZE: Final = 16_384
"""Octets of a full piece of an envelope."""
MAX_NUMBER: Final = 2**64 - 1

_HEADER: Final = struct.Struct(">IQ")
_LENGTH_MASK: Final = 0xFFFFFF
_TYPE_SHIFT: Final = 24


class FrameType(IntEnum):
    """What a frame is."""

    HELLO = 0x01
    CHALLENGE = 0x02
    PROOF = 0x03
    READY = 0x04
    CLOSE = 0x0F
    FRAGMENT = 0x10
    ENVELOPE = 0x11
    ACK = 0x12
    REFUSE = 0x13
    WINDOW = 0x14
    PING = 0x15
    PONG = 0x16


class CloseReason(IntEnum):
    """Why a stream is closed."""

    GOING_AWAY = 1
    REPLACED = 2
    VIOLATION = 3
    UNSUPPORTED_VERSION = 4
    OVERLOADED = 5


@dataclass(frozen=True, slots=True)
class Shape:
    """What a type's header may say."""

    shortest: int
    longest: int
    numbered: bool = True


SHAPES: Final = {
    FrameType.HELLO: Shape(122, 137, numbered=False),
    FrameType.CHALLENGE: Shape(113, 113, numbered=False),
    FrameType.PROOF: Shape(64, 64, numbered=False),
    FrameType.READY: Shape(0, 0, numbered=False),
    FrameType.CLOSE: Shape(0, 0),
    FrameType.FRAGMENT: Shape(CHUNK_SIZE, CHUNK_SIZE),
    FrameType.ENVELOPE: Shape(1, CHUNK_SIZE),
    FrameType.ACK: Shape(4, 4),
    FrameType.REFUSE: Shape(4, 68),
    FrameType.WINDOW: Shape(0, 0),
    FrameType.PING: Shape(0, 0),
    FrameType.PONG: Shape(0, 0),
}
_BY_CODE: Final = {int(kind): (kind, shape) for kind, shape in SHAPES.items()}


@dataclass(frozen=True, slots=True)
class Frame:
    """One frame, whole."""

    type: FrameType
    number: int = 0
    payload: bytes = b""

    def __repr__(self) -> str:
        return f"Frame({self.type.name}, {self.number}, {len(self.payload)} octets)"

    @property
    def size(self) -> int:
        """Octets on the wire."""
        return HEADER_SIZE + len(self.payload)

    def encode(self) -> bytes:
        """Return the octets for the wire. Raise LocalMisuse for a frame that the table does not allow."""
        shape = SHAPES[self.type]
        length = len(self.payload)
        if not shape.shortest <= length <= shape.longest:
            raise LocalMisuse(f"{self.type.name} with {length} octets")
        if not 0 <= self.number <= (MAX_NUMBER if shape.numbered else 0):
            raise LocalMisuse(f"{self.type.name} with the number {self.number}")
        return _HEADER.pack(self.type << _TYPE_SHIFT | length, self.number) + self.payload


class FrameReader:
    """Makes frames of octets."""

    def __init__(self) -> None:
        self._buffer = bytearray()
        self._position = 0
        self.count = 0
        """Frames given so far."""

    def feed(self, octets: bytes) -> None:
        """Take what the stream gave."""
        del self._buffer[: self._position]
        self._position = 0
        self._buffer += octets

    def rest(self) -> bytes:
        """Return what was fed and is not read yet, and keep nothing of it."""
        rest = bytes(self._buffer[self._position :])
        self._buffer.clear()
        self._position = 0
        return rest

    def next(self) -> Frame | None:
        """Return the next whole frame, or None until more is fed. Raise ProtocolViolation (F1, F2, F3)."""
        start = self._position + HEADER_SIZE
        if len(self._buffer) < start:
            return None
        word, number = _HEADER.unpack_from(self._buffer, self._position)
        known = _BY_CODE.get(word >> _TYPE_SHIFT)
        if known is None:
            raise violation("F1", "a frame of an unknown type")
        kind, shape = known
        length = word & _LENGTH_MASK
        if not shape.shortest <= length <= shape.longest:
            raise violation("F2", f"{kind.name} of {length} octets")
        if number and not shape.numbered:
            raise violation("F3", f"{kind.name} with a number")
        if len(self._buffer) < start + length:
            return None
        self._position = start + length
        self.count += 1
        return Frame(kind, number, bytes(self._buffer[start : start + length]))
