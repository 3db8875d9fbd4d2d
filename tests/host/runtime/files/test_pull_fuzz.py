"""Whatever octets come on a bulk stream: they are read, or break a named rule, and little is held.

Run with many more examples by `make fuzz`.
"""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from balchat_host.api.errors import ProtocolViolation
from balchat_host.core.files.shape import Shape
from balchat_host.runtime.files.pull_protocol import (
    HEADER_SIZE,
    LENGTHS,
    AnswerReader,
    Asked,
    BusyCame,
    FrameType,
    ManifestCame,
    PartCame,
    RequestReader,
)

pytestmark = pytest.mark.fuzz

_FILE = json.loads((Path(__file__).parent / "vectors" / "file-pull.json").read_text())
VECTORS = [
    b"".join(bytes.fromhex(octets) * times for octets, times in vector["octets"])
    for kind in ("requests", "answers")
    for vector in _FILE[kind]
]
ROOT = bytes(32)
LONGEST_REQUEST = HEADER_SIZE + max(LENGTHS[kind][1] for kind in FrameType if kind < FrameType.MANIFEST)
SIZES = st.sampled_from([0, 1, 65_536, 100_000, 2**20 + 1])


@st.composite
def almost_frame(draw: st.DrawFn) -> bytes:
    """A header that may lie about what follows it."""
    kind = draw(st.sampled_from([int(kind) for kind in FrameType]) | st.integers(0, 255))
    length = draw(st.sampled_from([0, 4, 32, 36, 40, 64, 34_516, 65_540]) | st.integers(0, 2**24 - 1))
    body = draw(st.binary(max_size=60))
    if draw(st.booleans()) and length <= 70_000:
        body = body[:length].ljust(length, b"\0")
    return bytes([kind]) + length.to_bytes(3) + body


@st.composite
def changed_vector(draw: st.DrawFn) -> bytes:
    """A vector with octets changed, cut out and put in."""
    octets = bytearray(draw(st.sampled_from(VECTORS)))
    for _ in range(draw(st.integers(0, 4))):
        at = draw(st.integers(0, len(octets)))
        octets[at : at + draw(st.integers(0, 8))] = draw(st.binary(max_size=8))
    return bytes(octets)


STREAMS = st.lists(almost_frame() | changed_vector() | st.binary(max_size=50), max_size=6).map(b"".join)
CUTS = st.integers(1, 70_000)


@given(STREAMS, CUTS)
def test_requests(octets: bytes, cut: int) -> None:
    reader, taken, broken = RequestReader(), 0, None
    for start in range(0, len(octets), cut):
        reader.feed(octets[start : start + cut])
        try:
            while request := reader.next():
                encoded = request.encode()
                assert octets[taken : taken + len(encoded)] == encoded
                taken += len(encoded)
        except ProtocolViolation as violation:
            broken = violation.fields["clause"]
            break
        assert reader.held < LONGEST_REQUEST
    assert broken in (None, "P1", "P2", "P3")


@st.composite
def asked(draw: st.DrawFn) -> list[Asked]:
    found: list[Asked] = []
    for _ in range(draw(st.integers(0, 4))):
        shape = Shape(draw(SIZES))
        parts = None
        if draw(st.booleans()):
            first = draw(st.integers(0, shape.parts - 1))
            parts = range(first, draw(st.integers(first + 1, shape.parts)))
        found.append(Asked("a file", shape, parts))
    return found


@given(STREAMS, CUTS, asked())
def test_answers(octets: bytes, cut: int, open_requests: list[Asked]) -> None:
    reader, came, broken = AnswerReader(), 0, None
    for each in open_requests:
        reader.ask(ROOT, each)
    most = HEADER_SIZE + max([0, *(each.length for each in open_requests), 65_540])
    allowed = reader.octets + HEADER_SIZE
    for start in range(0, len(octets), cut):
        reader.feed(octets[start : start + cut])
        try:
            while answer := reader.next():
                match answer:
                    case ManifestCame(of, manifest):
                        assert len(manifest) == of.shape.manifest_size
                        came += len(manifest)
                    case PartCame(of, index, part):
                        assert len(part) == of.shape.length(index)
                        came += len(part)
                    case BusyCame(_, seconds):
                        assert 1 <= seconds <= 600
                    case _:
                        pass
        except ProtocolViolation as violation:
            broken = violation.fields["clause"]
            break
        assert reader.held < most
        assert came < allowed
    assert broken in (None, "P1", "P2", "P4", "P5")
