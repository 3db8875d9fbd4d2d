from __future__ import annotations

import pytest
from balchat_transport_tor_direct.faults import LocalMisuse
from balchat_transport_tor_direct.frames import SHAPES, Frame, FrameReader, FrameType
from hypothesis import given
from hypothesis import strategies as st


@st.composite
def frames(draw: st.DrawFn) -> Frame:
    kind = draw(st.sampled_from(FrameType))
    shape = SHAPES[kind]
    length = draw(st.integers(shape.shortest, shape.longest))
    number = draw(st.integers(0, 2**64 - 1)) if shape.numbered else 0
    return Frame(kind, number, bytes([draw(st.integers(0, 255))]) * length)


@given(st.lists(frames(), max_size=6), st.lists(st.integers(1, 20_000), min_size=1))
def test_frames_come_out_as_they_went_in_wherever_the_stream_cuts_them(sent: list[Frame], cuts: list[int]) -> None:
    octets = b"".join(frame.encode() for frame in sent)
    reader, got, position = FrameReader(), list[Frame](), 0
    while position < len(octets):
        size = cuts[position % len(cuts)]
        reader.feed(octets[position : position + size])
        position += size
        got += iter(reader.next, None)
    assert got == sent
    assert reader.count == len(sent)


@pytest.mark.parametrize(
    "frame",
    [
        Frame(FrameType.ENVELOPE, 0, b""),
        Frame(FrameType.ENVELOPE, 0, bytes(16_385)),
        Frame(FrameType.FRAGMENT, 0, b"x"),
        Frame(FrameType.PROOF, 1, bytes(64)),
        Frame(FrameType.PING, 2**64),
        Frame(FrameType.PING, -1),
    ],
    ids=repr,
)
def test_a_frame_that_the_law_forbids_never_leaves(frame: Frame) -> None:
    with pytest.raises(LocalMisuse):
        frame.encode()


def test_a_frame_shows_no_contents() -> None:
    assert "secret" not in repr(Frame(FrameType.ENVELOPE, 1, b"secret"))
