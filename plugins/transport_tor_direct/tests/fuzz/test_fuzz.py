"""Whatever octets come: a machine takes them, or says which rule they break. It never fails otherwise, nor holds much.

Run with many more examples by `make fuzz`. The octets are built from frames that are almost right, from the vectors
with octets changed, and from nothing at all.
"""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from balchat_transport_tor_direct.device_route import NAME, RouteReader
from balchat_transport_tor_direct.faults import NoCommonVersion
from balchat_transport_tor_direct.frames import CHUNK_SIZE, HEADER_SIZE, Frame, FrameReader, FrameType
from balchat_transport_tor_direct.handshake import Acceptor, Challenged, Dialler, Proof
from balchat_transport_tor_direct.link import Answered, Link
from balchat_transport_tor_direct.settings import DirectSettings
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from hypothesis import given
from hypothesis import strategies as st

from balchat_host.api.errors import ProtocolViolation
from balchat_host.api.transport import MAX_ENVELOPE_SIZE, Disposition, Outcome, Verdict
from balchat_host.api.types import DeviceIdentity, PeerId, Route
from balchat_host.testing.fake_transport_context import FakeTransportContext
from balchat_host.testing.virtual_network import VirtualNetwork

pytestmark = pytest.mark.fuzz

VECTORS = [
    b"".join((bytes.fromhex(part["hex"]) + bytes(part["zeros"])) * min(part["times"], 5) for part in vector["receive"])
    for path in sorted(Path(__file__).parent.parent.joinpath("vectors").glob("*.json"))
    for vector in [json.loads(path.read_text())]
]
US = DeviceIdentity(peer=PeerId(bytes(32)), device_id=bytes(16))
BOB = PeerId(Ed25519PrivateKey.from_private_bytes(bytes([2]) * 32).public_key().public_bytes_raw())
"""Whom the vectors name."""
LENGTHS = st.sampled_from(
    [0, 1, 4, 5, 64, 68, 113, 122, 137, CHUNK_SIZE - 1, CHUNK_SIZE, CHUNK_SIZE + 1]
) | st.integers(0, 0xFFFFFF)
NUMBERS = st.integers(0, 6) | st.sampled_from([65_536, 70_000, 2**32, 2**64 - 1]) | st.integers(0, 2**64 - 1)


@st.composite
def almost_frame(draw: st.DrawFn) -> bytes:
    """A header that may lie about what follows it."""
    kind = draw(st.sampled_from([int(kind) for kind in FrameType]) | st.integers(0, 255))
    length = draw(LENGTHS)
    payload = draw(st.binary(max_size=100))
    honest = draw(st.booleans())
    body = (payload * (length // max(len(payload), 1) + 1))[:length] if honest and length <= CHUNK_SIZE else payload
    return bytes([kind]) + length.to_bytes(3) + draw(NUMBERS).to_bytes(8) + body


@st.composite
def changed_vector(draw: st.DrawFn) -> bytes:
    """A vector with octets changed, cut out and put in."""
    octets = bytearray(draw(st.sampled_from(VECTORS)))
    for _ in range(draw(st.integers(0, 4))):
        at = draw(st.integers(0, len(octets)))
        octets[at : at + draw(st.integers(0, 8))] = draw(st.binary(max_size=8))
    return bytes(octets)


STREAMS = st.lists(almost_frame() | changed_vector() | st.binary(max_size=50), max_size=8).map(b"".join)
CUTS = st.lists(st.integers(1, 40_000), min_size=1, max_size=5)


def pieces(octets: bytes, cuts: list[int]) -> list[bytes]:
    found: list[bytes] = []
    while octets:
        size = cuts[len(found) % len(cuts)]
        found.append(octets[:size])
        octets = octets[size:]
    return found


@given(STREAMS, CUTS)
def test_frames(octets: bytes, cuts: list[int]) -> None:
    reader, taken, broken = FrameReader(), 0, None
    try:
        for piece in pieces(octets, cuts):
            reader.feed(piece)
            while frame := reader.next():
                assert octets[taken : taken + frame.size] == frame.encode()
                taken += frame.size
    except ProtocolViolation as error:
        broken = error.fields["clause"]
    # What was not given and breaks no rule is less than one frame.
    assert broken in ("F1", "F2", "F3") or len(octets) - taken < HEADER_SIZE + CHUNK_SIZE


@given(STREAMS)
def test_acceptor(octets: bytes) -> None:
    machine, reader = Acceptor(us=US, onion=BOB.identity_onion, nonce=bytes(32)), FrameReader()
    reader.feed(octets)
    try:
        while frame := reader.next():
            if isinstance(machine.receive(frame), Proof):
                machine.admit()
    except (ProtocolViolation, NoCommonVersion):
        pass


@given(STREAMS)
def test_dialler(octets: bytes) -> None:
    machine = Dialler(us=US, peer=BOB, device_id=None, onion=BOB.identity_onion, nonce=bytes(32))
    reader = FrameReader()
    machine.start()
    reader.feed(octets)
    try:
        while frame := reader.next():
            if isinstance(machine.receive(frame), Challenged):
                machine.prove(bytes(64))
    except ProtocolViolation:
        pass


@given(STREAMS, CUTS, st.lists(st.integers(1, 100_000), max_size=5), st.sampled_from(Verdict))
def test_link(octets: bytes, cuts: list[int], sizes: list[int], verdict: Verdict) -> None:
    limits = DirectSettings(window=65_536)
    link = Link(limits, FrameReader(), 0.0)
    final: list[int] = []

    def take(reports: object) -> None:
        final.extend(report.ticket for report in reports if report.outcome is not Outcome.SENT)

    for ticket, size in enumerate(sizes):
        link.submit(ticket, bytes(size), 0.0)
    try:
        for now, piece in enumerate(pieces(octets, cuts)):
            link.feed(piece, now)
            while event := link.next_event():
                if isinstance(event, Answered):
                    take(event.reports)
            take(link.left(link.output(65_536), now))
            batch = link.take_batch(envelopes=3, octets=100_000)
            link.answer(batch, [Disposition(verdict=verdict)] * len(batch), now)
            take(link.tick(now))
            assert link.held <= 2 * (MAX_ENVELOPE_SIZE + 64 * HEADER_SIZE) + limits.window
    except ProtocolViolation:
        pass
    take(link.end())
    # Whatever a peer says, every envelope has exactly one final report.
    assert sorted(final) == list(range(len(sizes)))


ADDRESSES = [
    bytes.fromhex(vector["address"])
    for path in sorted(Path(__file__).parent.parent.joinpath("vectors").glob("route-*.json"))
    for vector in [json.loads(path.read_text())]
]


@given(st.sampled_from(ADDRESSES), st.integers(0, 96), st.binary(max_size=40), st.binary(max_size=600))
def test_routes(address: bytes, at: int, put: bytes, anything: bytes) -> None:
    """Whatever a contact names leads to an onion that has signed for it, to their identity onion, or nowhere."""
    reader = RouteReader(FakeTransportContext(VirtualNetwork().node()))
    for octets in (address, address[:at] + put + address[at + len(put) :], anything):
        found = reader.read(BOB, Route(transport=NAME, address=octets, device_id=bytes([0xB]) * 16))
        assert found is None or octets in (BOB.octets, *ADDRESSES)


def test_the_smallest_frame_that_is_right_passes() -> None:
    reader = FrameReader()
    reader.feed(Frame(FrameType.PING).encode())
    assert reader.next() == Frame(FrameType.PING)
