"""Every vector: what must pass passes, what must fail fails by the rule that it breaks and no other."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from balchat_transport_tor_direct.device_route import NAME, RouteReader
from balchat_transport_tor_direct.faults import NoCommonVersion, violation
from balchat_transport_tor_direct.frames import Frame, FrameReader, FrameType
from balchat_transport_tor_direct.handshake import DOMAIN, Acceptor, Answer, Challenged, Dialler, Proof, Purpose
from balchat_transport_tor_direct.link import Answered, Link
from balchat_transport_tor_direct.settings import DirectSettings

from balchat_host.api.errors import BadCredential, ProtocolViolation
from balchat_host.api.types import DeviceIdentity, OnionKey, PeerId, Route, Secret
from balchat_host.testing.fake_transport_context import FakeTransportContext, peer_of, sign
from balchat_host.testing.virtual_network import VirtualNetwork

VECTORS = sorted(Path(__file__).parent.joinpath("vectors").glob("*.json"))
Vector = dict[str, Any]


def parts(vector: Vector) -> list[bytes]:
    return [(bytes.fromhex(part["hex"]) + bytes(part["zeros"])) * part["times"] for part in vector["receive"]]


def frames_of(octets: bytes) -> list[Frame]:
    reader = FrameReader()
    reader.feed(octets)
    return list(iter(reader.next, None))


def run_frames(vector: Vector) -> None:
    found = [[int(frame.type), frame.number, frame.payload.hex()] for frame in frames_of(b"".join(parts(vector)))]
    assert found == vector["frames"]


def run_dialler(vector: Vector) -> None:
    key = Secret(bytes.fromhex(vector["seed"]))
    machine = Dialler(
        us=DeviceIdentity(peer=peer_of(key), device_id=bytes.fromhex(vector["device"])),
        peer=PeerId(bytes.fromhex(vector["peer"])),
        device_id=bytes.fromhex(vector["peer_device"]) if vector["peer_device"] else None,
        onion=OnionKey(bytes.fromhex(vector["onion"])),
        nonce=bytes.fromhex(vector["nonce"]),
        purpose=Purpose[vector["purpose"].upper()],
        versions=tuple(vector["versions"]),
    )
    sent = [machine.start()]
    try:
        for frame in frames_of(b"".join(parts(vector))):
            match machine.receive(frame):
                case Challenged(transcript, _):
                    sent.append(machine.prove(sign(key, domain=DOMAIN, message=transcript)))
                case _:
                    pass
    finally:
        assert [octets.hex() for octets in sent] == vector["send"]


def run_acceptor(vector: Vector) -> None:
    host = FakeTransportContext(VirtualNetwork().node(), key=Secret(bytes.fromhex(vector["seed"])))
    machine = Acceptor(
        us=DeviceIdentity(peer=host.identity, device_id=bytes.fromhex(vector["device"])),
        onion=OnionKey(bytes.fromhex(vector["onion"])),
        nonce=bytes.fromhex(vector["nonce"]),
        versions=tuple(vector["versions"]),
    )
    sent: list[bytes] = []
    proven: Proof | None = None
    try:
        for frame in frames_of(b"".join(parts(vector))):
            match machine.receive(frame):
                case Answer(octets):
                    sent.append(octets)
                case Proof() as proven:
                    try:
                        signer, signature = proven.device.peer, proven.signature
                        host.verify(signer, domain=DOMAIN, message=proven.transcript, signature=signature)
                    except BadCredential as error:
                        raise violation("H8", "PROOF does not verify") from error
                case _:
                    pass
        if proven:
            sent.append(machine.admit())
    except NoCommonVersion as error:
        raise violation("H5", "no common version") from error
    finally:
        assert [octets.hex() for octets in sent] == vector["send"]
    who = proven.device.peer.octets.hex() + proven.device.device_id.hex() if proven else None
    assert who == vector.get("proven")
    assert machine.purpose is Purpose[vector["purpose"].upper()] or not proven


def run_link(vector: Vector) -> None:
    link = Link(DirectSettings(), FrameReader(), 0.0)
    for ticket in range(vector["sent"]):
        link.submit(ticket, b"x", 0.0)
    if vector["sent"]:
        link.left(link.output(1_000_000), 0.0)
    sent: list[str] = []
    answers = 0
    try:
        for octets in parts(vector):
            # As from a stream: in pieces, with our windows going out in between.
            for start in range(0, len(octets), 65_536):
                link.feed(octets[start : start + 65_536], 0.0)
                while event := link.next_event():
                    answers += isinstance(event, Answered) and bool(event.reports)
                if vector["announce"]:
                    output = frames_of(link.output(1_000_000).octets)
                    sent += [frame.encode().hex() for frame in output if frame.type is not FrameType.WINDOW]
    finally:
        arrived = [len(arrival.envelope) for arrival in link.take_batch(envelopes=100, octets=10_000_000)]
        assert arrived == vector["arrived"]
        assert sent == vector["send"]
    # An envelope that is answered twice is reported once.
    assert answers == min(vector["sent"], 1)


def run_route(vector: Vector) -> None:
    peer, device = PeerId(bytes.fromhex(vector["peer"])), vector["device"]
    named = Route(
        transport=NAME, address=bytes.fromhex(vector["address"]), device_id=bytes.fromhex(device) if device else None
    )
    found = RouteReader(FakeTransportContext(VirtualNetwork().node())).read(peer, named)
    assert (found.onion.octets.hex() if found else None) == vector["leads"]


RUN = {"frames": run_frames, "dialler": run_dialler, "acceptor": run_acceptor, "link": run_link, "route": run_route}


@pytest.mark.parametrize("path", VECTORS, ids=lambda path: path.stem)
def test_vector(path: Path) -> None:
    vector = json.loads(path.read_text())
    run = RUN[vector["machine"]]
    if vector["rule"] is None:
        run(vector)
        return
    with pytest.raises(ProtocolViolation) as raised:
        run(vector)
    assert raised.value.fields["clause"] == vector["rule"]


def test_every_rule_that_octets_can_break_has_a_vector() -> None:
    rules = {json.loads(path.read_text())["rule"] for path in VECTORS} - {None}
    # H9 is a time-out, H10 is found as H1.
    assert rules == {
        *(f"F{n}" for n in (1, 2, 3)),
        *(f"H{n}" for n in (*range(1, 9), 11)),
        *(f"L{n}" for n in range(1, 10)),
    }
