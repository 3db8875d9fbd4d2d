"""Envelopes and content from strangers: vectors, and octets that are almost right."""

import json
from pathlib import Path
from typing import Any

import pytest
from balchat_common import cbor
from hypothesis import given
from hypothesis import strategies as st

from balchat_host.api.errors import MalformedContent, MalformedEnvelope
from balchat_host.api.types import PeerId
from balchat_host.core import content, routes
from balchat_host.core.content import MessageStatus, MimiContent, shown, timer_body
from balchat_host.core.envelope import ContactRequest, Envelope, EraMessage, Kind, envelope_id
from balchat_host.core.identifiers import conversation_of_two, identify

HERE = Path(__file__).parent / "vectors"
ENVELOPES: dict[str, Any] = json.loads((HERE / "envelopes.json").read_text())
CONTENT: dict[str, Any] = json.loads((HERE / "content.json").read_text())


@pytest.mark.parametrize("vector", ENVELOPES["valid"])
def test_envelopes_are_written_and_read_as_the_vectors_say(vector: dict[str, Any]) -> None:
    octets = bytes.fromhex(vector["envelope"])
    envelope = Envelope(kind=Kind[vector["kind"]], payload=bytes.fromhex(vector["payload"]))
    assert envelope.encode() == octets
    assert Envelope.decode(octets) == envelope
    assert envelope_id(octets).hex() == vector["id"]


@pytest.mark.parametrize("vector", ENVELOPES["invalid"])
def test_a_wrong_envelope_is_refused_for_its_own_reason(vector: dict[str, Any]) -> None:
    with pytest.raises(MalformedEnvelope) as caught:
        Envelope.decode(bytes.fromhex(vector["envelope"]))
    assert caught.value.fields["problem"] == vector["problem"]


@pytest.mark.parametrize("one", [True, 1.0])
def test_an_envelope_has_no_second_spelling(one: object) -> None:
    for item in ([one, 1, b"payload"], [1, one, b"payload"]):
        with pytest.raises(MalformedEnvelope):
            Envelope.decode(cbor.encode(item))


def test_an_envelope_beyond_the_limit_is_neither_written_nor_read() -> None:
    with pytest.raises(ValueError, match="at most 1048576"):
        Envelope(kind=Kind.MLS_MESSAGE, payload=bytes(1024 * 1024)).encode()
    with pytest.raises(MalformedEnvelope, match="too large"):
        Envelope.decode(bytes(1024 * 1024 + 1))


def test_an_mls_message_is_written_and_read_as_the_vector_says() -> None:
    vector = ENVELOPES["mls_message"]
    message = EraMessage(era_id=bytes.fromhex(vector["era_id"]), message=bytes.fromhex(vector["message"]))
    assert message.encode() == bytes.fromhex(vector["payload"])
    assert vector["payload"] in [each["payload"] for each in ENVELOPES["valid"] if each["kind"] == "MLS_MESSAGE"]
    for size in (0, 23, 24, 255, 256, 65_535, 65_536):
        message = EraMessage(era_id=message.era_id, message=bytes(size))
        assert message.encode() == cbor.encode([message.era_id, message.message])
        assert EraMessage.decode(message.encode()) == message


@pytest.mark.parametrize("vector", ENVELOPES["invalid_mls_messages"], ids=lambda vector: vector["what"])
def test_a_wrong_mls_message_is_refused_for_its_own_reason(vector: dict[str, Any]) -> None:
    with pytest.raises(MalformedEnvelope) as caught:
        EraMessage.decode(bytes.fromhex(vector["payload"]))
    assert caught.value.fields["problem"] == vector["problem"]


@pytest.mark.fuzz
@given(st.binary(max_size=100) | st.binary(max_size=100).map(lambda rest: b"\x82\x50" + rest))
def test_octets_are_an_mls_message_only_if_they_are_written_so(octets: bytes) -> None:
    try:
        message = EraMessage.decode(octets)
    except MalformedEnvelope:
        return
    assert message.encode() == octets


def test_a_contact_request_is_written_and_read_as_the_vector_says() -> None:
    vector = ENVELOPES["contact_request"]
    payload = bytes.fromhex(vector["payload"])
    request = ContactRequest.decode(payload)
    assert request.encode() == payload
    assert (request.welcome.hex(), request.code, request.introduction, request.routes.hex(), request.made_at) == (
        vector["welcome"],
        vector["code"],
        vector["introduction"],
        vector["routes"],
        vector["made_at"],
    )
    assert len(routes.decode(request.routes)) == 2


@pytest.mark.parametrize(
    "fields",
    [
        ["w", "code", "hi", b"", 1],
        [b"w", "c" * 2049, "hi", b"", 1],
        [b"w", "code", "i" * 1025, b"", 1],
        [b"w", "code", "hi", [], 1],
        [b"w", "code", "hi", b""],
        [b"w", "code", "hi", b"", True],
        [b"w", "code", "hi", b"", -1],
        [b"w", "code", "hi", b"", 2**53],
    ],
)
def test_a_contact_request_of_a_wrong_shape_is_refused(fields: list[object]) -> None:
    with pytest.raises(MalformedEnvelope):
        ContactRequest.decode(cbor.encode(fields))


@pytest.mark.parametrize("vector", CONTENT["messages"])
def test_content_and_its_id_are_as_the_vectors_say(vector: dict[str, Any]) -> None:
    octets = bytes.fromhex(vector["content"])
    mimi = MimiContent.decode(octets)
    assert mimi.encode() == octets
    what = shown(mimi.part)
    assert (what.text, mimi.sent_at, what.content_type) == (vector["text"], vector["sent_at"], vector["content_type"])
    numbered = [mimi.sequence.series.hex(), mimi.sequence.number] if mimi.sequence else None
    assert numbered == vector.get("sequence")
    assert (mimi.in_reply_to.hex() if mimi.in_reply_to else None) == vector["in_reply_to"]
    assert (mimi.replaces.hex() if mimi.replaces else None) == vector.get("replaces")
    expires = [mimi.expires.relative, mimi.expires.time] if mimi.expires else None
    assert expires == vector.get("expires")
    author, reader = (PeerId(bytes.fromhex(each)) for each in CONTENT["peers"])
    named = conversation_of_two(author, reader)
    assert named == conversation_of_two(reader, author) == bytes.fromhex(CONTENT["conversation"])
    assert identify(mimi, octets, author=author, conversation_id=named).hex() == vector["message_id"]


def test_a_status_is_as_the_vector_says() -> None:
    body = bytes.fromhex(CONTENT["status"]["body"])
    assert content.decode_status(body) == [(b"\x01" * 32, MessageStatus.READ)]


def test_a_timer_is_as_the_vector_says() -> None:
    body = bytes.fromhex(CONTENT["timer"]["body"])
    assert timer_body.decode(body) == CONTENT["timer"]["seconds"]
    assert timer_body.encode(timer_body.decode(body)) == body


DEVICE = bytes.fromhex(CONTENT["routes"]["device"])


@pytest.mark.parametrize("vector", CONTENT["routes"]["valid"], ids=lambda vector: vector["what"])
def test_routes_are_written_and_read_as_the_vectors_say(vector: dict[str, Any]) -> None:
    body = bytes.fromhex(vector["body"])
    assert routes.encode(routes.decode(body, device_id=DEVICE)) == body
    assert routes.encode(routes.decode(body)) == body


@pytest.mark.parametrize("vector", CONTENT["routes"]["invalid"], ids=lambda vector: vector["what"])
def test_wrong_routes_are_refused_for_their_own_reason(vector: dict[str, Any]) -> None:
    with pytest.raises(MalformedContent) as caught:
        routes.decode(bytes.fromhex(vector["body"]), device_id=DEVICE)
    assert caught.value.fields["problem"] == vector["problem"]


def test_content_of_a_type_that_is_not_known_is_kept_as_it_is() -> None:
    part = [1, "", 1, "application/x-tictactoe", b"X.O"]
    mimi = MimiContent.decode(cbor.encode([bytes(16), None, b"", None, None, {}, part]))
    assert (mimi.control_type, mimi.body, shown(mimi.part).text) == ("application/x-tictactoe", b"X.O", None)


@pytest.mark.parametrize(
    "item",
    [
        [bytes(15), None, b"", None, None, {}, [1, "", 0]],
        [bytes(16), b"short", b"", None, None, {}, [1, "", 0]],
        [bytes(16), None, b"", None, b"short", {}, [1, "", 0]],
        [bytes(16), None, b"", [1, 2], None, {}, [1, "", 0]],
        [bytes(16), None, b"", None, None, {"balchat.sent-at": -1}, [1, "", 0]],
        [bytes(16), None, b"", None, None, {"balchat.sent-at": True}, [1, "", 0]],
        [bytes(16), None, b"", None, None, {"balchat.sequence": 1}, [1, "", 0]],
        [bytes(16), None, b"", None, None, {"balchat.sequence": [b"", 0]}, [1, "", 0]],
        [bytes(16), None, b"", None, None, {"balchat.sequence": [b"", True]}, [1, "", 0]],
        [bytes(16), None, b"", None, None, {"balchat.sequence": [b"", 2**53]}, [1, "", 0]],
        [bytes(16), None, b"", None, None, {"balchat.sequence": [bytes(17), 1]}, [1, "", 0]],
        [bytes(16), None, b"", None, None, {}, [1, "", 1, "", b""]],
        [bytes(16), None, b"", None, None, {}, [1, "", 9]],
        [bytes(16), None, b"", None, None, {}, [-1, "", 0]],
        [bytes(16), None, b"", None, None, {}, [256, "", 0]],
        [bytes(16), None, b"", None, None, {}, [2**63, "", 0]],
        [bytes(16), None, b"", None, None, {}, [True, "", 0]],
        {},
        5,
    ],
)
def test_content_of_a_wrong_shape_is_refused(item: object) -> None:
    with pytest.raises(MalformedContent):
        MimiContent.decode(cbor.encode(item))


@pytest.mark.parametrize("item", [[], [0], [-1], [True], [1.0], [2**32], [None, None], "x", 5, [[1]]])
def test_a_timer_of_a_wrong_shape_is_refused(item: object) -> None:
    with pytest.raises(MalformedContent):
        timer_body.decode(cbor.encode(item))
