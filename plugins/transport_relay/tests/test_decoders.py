"""The client's decoders of what a relay, or a contact, says: whatever it is, it is taken or refused, and no more."""

from __future__ import annotations

import json
from pathlib import Path

import anyio
import pytest
from anyio.abc import ByteStream
from balchat_common import settings
from balchat_common.settings import Unfit
from balchat_relay_proto.capabilities import Capability
from balchat_relay_proto.codec import Malformed
from balchat_relay_proto.errors import Refused
from balchat_relay_proto.frames import Hello, encode_from_relay
from balchat_relay_proto.sealing import SEALING_KEY_SIZE, SealingKey
from balchat_transport_relay.address import NAME, Destination, QueueAddress
from balchat_transport_relay.errors import RelayMisbehaved, RelayUnavailable
from balchat_transport_relay.http import HttpConnection
from balchat_transport_relay.settings import RelaySettings
from balchat_transport_relay.websocket import PushConnection
from hypothesis import given
from hypothesis import strategies as st
from wsproto import ConnectionType, WSConnection
from wsproto.events import AcceptConnection

from balchat_host.api.types import Route

VECTORS = json.loads((Path(__file__).parent / "vectors" / "route-address.json").read_text())
LIMIT = 4096


class Said(ByteStream):
    """A stream on which the other side has said this, in pieces, and then ended. `answer` may depend on what we say."""

    def __init__(self, pieces: list[bytes], answer=lambda heard: []) -> None:
        self._pieces = list(pieces)
        self._answer = answer

    async def receive(self, max_bytes: int = 65536) -> bytes:
        if not self._pieces:
            raise anyio.EndOfStream
        return self._pieces.pop(0)

    async def send(self, item: bytes) -> None:
        self._pieces = self._answer(item) + self._pieces
        self._answer = lambda heard: []

    async def send_eof(self) -> None: ...

    async def aclose(self) -> None: ...


HTTP = st.sampled_from(
    [
        b"HTTP/1.1 200 OK\r\n",
        b"HTTP/1.1 403 X\r\n",
        b"HTTP/1.0 200\r\n",
        b"content-length: 3\r\n",
        b"content-length: -1\r\n",
        b"transfer-encoding: chunked\r\n",
        b"connection: close\r\n",
        b"\r\n",
        b"3\r\nabc\r\n",
        b"0\r\n\r\n",
        b"ffffffffffffffff\r\n",
        b"x: \xff\r\n",
        b"abc",
    ]
)
FRAMES = st.sampled_from(
    [
        b"\x82\x00",
        b"\x82\x03abc",
        b"\x02\x01a",
        b"\x80\x01b",
        b"\x00\x00",
        b"\x89\x00",
        b"\x8a\x02hi",
        b"\x88\x02\x03\xe8",
        b"\x81\x01x",
        b"\x82\x7f\x7f\xff\xff\xff\xff\xff\xff\xff",
        b"\xf2\x00",
        b"\x82\x80\x00\x00\x00\x00",
    ]
)


def pieces(known):
    return st.lists(known | st.binary(min_size=1, max_size=300), max_size=12)


@pytest.mark.fuzz
@given(pieces(HTTP))
def test_whatever_comes_instead_of_an_answer_is_bounded_and_ends(said: list[bytes]) -> None:
    async def ask() -> None:
        http = HttpConnection(Said(said), name="relay.onion")
        for _ in range(3):
            try:
                status, body = await http.exchange("POST", "/v1/status", [b"ask"], limit=LIMIT)
            except (RelayUnavailable, RelayMisbehaved):
                assert not http.usable
                return
            assert 200 <= status < 600
            assert len(body) <= LIMIT

    anyio.run(ask)


@pytest.mark.fuzz
@given(pieces(HTTP))
def test_whatever_comes_instead_of_a_handshake_ends(said: list[bytes]) -> None:
    async def ask() -> None:
        connection = PushConnection(Said(said), name="relay.onion", silence=5)
        with pytest.raises((RelayUnavailable, RelayMisbehaved, Refused)):
            await connection.open()

    anyio.run(ask)


@pytest.mark.fuzz
@given(pieces(FRAMES))
def test_whatever_comes_instead_of_frames_ends(said: list[bytes]) -> None:
    def accept(heard: bytes) -> list[bytes]:
        server = WSConnection(ConnectionType.SERVER)
        server.receive_data(heard)
        list(server.events())
        return [server.send(AcceptConnection())]

    async def ask() -> None:
        connection = PushConnection(Said(said, accept), name="relay.onion", silence=5)
        await connection.open()

        async def receive_all() -> None:
            for _ in range(100):
                await connection.receive()

        with pytest.raises((RelayUnavailable, RelayMisbehaved)):
            await receive_all()

    anyio.run(ask)


def test_pieces_of_a_frame_make_a_frame() -> None:
    octets = encode_from_relay(Hello(challenge=bytes(32)))
    framed = bytes([0x82, len(octets)]) + octets

    def accept(heard: bytes) -> list[bytes]:
        server = WSConnection(ConnectionType.SERVER)
        server.receive_data(heard)
        list(server.events())
        return [bytes([octet]) for octet in server.send(AcceptConnection()) + framed]

    async def ask() -> None:
        connection = PushConnection(Said([], accept), name="relay.onion", silence=5)
        await connection.open()
        assert await connection.receive() == Hello(challenge=bytes(32))

    anyio.run(ask)


# -- the route address (docs/spec/relay.md, Routes)


@pytest.mark.parametrize("vector", VECTORS["valid"], ids=lambda vector: vector["name"])
def test_a_route_address_is_read_and_written(vector) -> None:
    octets = bytes.fromhex(vector["address"])
    address = QueueAddress.from_octets(octets)
    assert address.relay_key.hex() == vector["relay_key"]
    assert address.queue.hex() == vector["queue"]
    assert (address.send and address.send.octets.hex()) == vector["send"]
    assert address.to_octets() == octets


@pytest.mark.parametrize("vector", VECTORS["invalid"], ids=lambda vector: vector["name"])
def test_what_is_no_route_address_is_refused(vector) -> None:
    with pytest.raises(Malformed):
        QueueAddress.from_octets(bytes.fromhex(vector["address"]))


@pytest.mark.fuzz
@given(st.binary(max_size=200), st.none() | st.binary(max_size=40) | st.binary(min_size=1216, max_size=1216))
def test_whatever_a_contact_calls_a_route_is_read_or_refused(address: bytes, sealing_key: bytes | None) -> None:
    try:
        destination = Destination.of(Route(transport=NAME, address=address, sealing_key=sealing_key))
    except Malformed:
        return
    assert destination.route.address == address


def test_a_route_says_nothing_when_it_is_printed() -> None:
    address = QueueAddress(relay_key=bytes(32), queue=b"q" * 32, send=Capability(b"s" * 32))
    shown = repr(address) + repr(Destination(address=address, sealing_key=SealingKey(bytes(SEALING_KEY_SIZE))))
    assert not any(each in shown for each in ("qqq", "sss", "\\x00", "7373"))


# -- settings


@pytest.mark.parametrize(
    ("name", "value"),
    [("circuits", 0), ("max_relays", 4), ("poll_seconds", 1.0), ("redundancy", "two"), ("rotate_days", 0)],
)
def test_a_setting_out_of_bounds_is_named(name: str, value: object) -> None:
    with pytest.raises(Unfit) as caught:
        settings.read(RelaySettings, {name: value})
    assert caught.value.key == name
