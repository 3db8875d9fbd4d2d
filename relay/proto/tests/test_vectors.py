"""The vectors of docs/spec/relay.md: what is right comes out as it went in, what is wrong fails for its own reason."""

import hashlib
import json
from base64 import b64decode
from pathlib import Path
from typing import Any

import pytest
from balchat_relay_proto import blob_bodies, blobs, cards, frames, parts, replies, requests, sealing
from balchat_relay_proto.capabilities import Capability, inbox_id, onion_name, queue_id
from balchat_relay_proto.codec import Malformed, Message
from balchat_relay_proto.errors import Refusal
from balchat_relay_proto.proofs import BadProof, Purpose, check_proof

VECTORS = Path(__file__).parent / "vectors"


def read(name: str) -> Any:
    return json.loads((VECTORS / f"{name}.json").read_text())


def message_class(name: str) -> type[Message]:
    return Refusal if name == "Refusal" else getattr(requests, name, None) or getattr(replies, name)


@pytest.mark.parametrize("vector", read("messages")["messages"], ids=lambda vector: vector["message"])
def test_a_message_is_read_and_written_alike(vector: dict[str, str]) -> None:
    octets = bytes.fromhex(vector["octets"])
    assert message_class(vector["message"]).from_octets(octets).to_octets() == octets


@pytest.mark.parametrize("vector", read("messages")["frames"], ids=lambda vector: f"{vector['frame']}-{vector['from']}")
def test_a_frame_is_read_and_written_alike(vector: dict[str, str]) -> None:
    octets = bytes.fromhex(vector["octets"])
    if vector["from"] == "client":
        frame = frames.decode_from_client(octets)
        assert frames.encode_from_client(frame) == octets
    else:
        frame = frames.decode_from_relay(octets)
        assert frames.encode_from_relay(frame) == octets
    assert type(frame).__name__ == vector["frame"]


@pytest.mark.parametrize("vector", read("malformed"), ids=lambda vector: vector["name"])
def test_what_is_malformed_is_refused_for_its_own_reason(vector: dict[str, str]) -> None:
    with pytest.raises(Malformed, match=vector["problem"]):
        message_class(vector["message"]).from_octets(bytes.fromhex(vector["octets"]))


def test_derivations() -> None:
    vectors = read("derivations")
    queue = vectors["queue"]
    send, receive = (Capability(bytes.fromhex(queue[side])) for side in ("send", "receive"))
    assert send.verifier.hex() == queue["send_verifier"]
    assert queue_id(send.verifier, receive.verifier).hex() == queue["queue"]
    inbox = vectors["inbox"]
    key = bytes.fromhex(inbox["onion_key"])
    assert onion_name(key) == inbox["onion"]
    assert inbox_id(key).hex() == inbox["queue"]


def test_a_proof_counts_for_its_relay_challenge_and_purpose_only() -> None:
    vectors = read("derivations")
    key, proof = bytes.fromhex(vectors["inbox"]["onion_key"]), vectors["proof"]
    right: dict[str, Any] = {
        "relay_key": bytes.fromhex(proof["relay_key"]),
        "challenge": bytes.fromhex(proof["challenge"]),
        "purpose": Purpose.FETCH,
    }
    signature = bytes.fromhex(proof["signature"])
    check_proof(key, signature, **right)
    for wrong in ({"relay_key": bytes(32)}, {"challenge": bytes(32)}, {"purpose": Purpose.DELETE}):
        with pytest.raises(BadProof):
            check_proof(key, signature, **(right | wrong))


def test_a_sealed_envelope_opens() -> None:
    vector = read("sealing")
    key = sealing.OpeningKey(bytes.fromhex(vector["opening_key"]))
    assert key.sealing_key.octets.hex() == vector["sealing_key"]
    content = sealing.unseal(b64decode(vector["envelope"]), key, queue=bytes.fromhex(vector["queue"]))
    assert content.hex() == vector["content"]
    assert parts.Joiner().add(parts.Part.from_octets(content), now=0) == vector["whole"].encode()


def test_a_blob_opens_and_nothing_else_does() -> None:
    vector = read("blobs")
    secret = blobs.DeletionSecret(bytes.fromhex(vector["deletion_secret"]))
    reading, index, part = secret.reading, vector["index"], bytes.fromhex(vector["part"])
    assert reading.octets.hex() == vector["reading_secret"]
    assert reading.capability(index).octets.hex() == vector["read"]
    assert reading.capability(2**32 - 1).octets.hex() == vector["manifest_read"]
    assert secret.capability(index).octets.hex() == vector["delete"]
    assert blobs.blob_id(reading.capability(index).verifier).hex() == vector["blob_id"]
    sealed = reading.seal(index, part)
    assert len(sealed) == vector["blob_size"]
    assert hashlib.sha256(sealed).hexdigest() == vector["blob_sha256"]
    assert reading.unseal(index, sealed, len(part)) == part
    altered = bytes([sealed[0] ^ 1]) + sealed[1:]
    for number, octets, size in (
        (index + 1, sealed, len(part)),
        (index, altered, len(part)),
        (index, sealed[:-1], len(part)),
        (index, sealed, len(part) - 1),
        (index, sealed, 65_537),
    ):
        with pytest.raises(blobs.BadBlob):
            reading.unseal(number, octets, size)


def test_what_stands_before_a_blob_is_read_alone() -> None:
    secret = blobs.DeletionSecret(bytes(range(32)))
    put = requests.PutBlob(
        queue=bytes(32),
        holder=requests.Holder(capability=Capability(b"\x02" * 32)),
        read_verifier=b"\x03" * 32,
        delete_verifier=b"\x04" * 32,
        blob=secret.reading.seal(1, b"part"),
    )
    octets = put.to_octets()
    head, size = blob_bodies.read_put_head(octets[: blob_bodies.PUT_HEAD_SIZE])
    assert (head.queue, head.holder, head.read_verifier, head.delete_verifier) == (
        put.queue,
        put.holder,
        put.read_verifier,
        put.delete_verifier,
    )
    assert octets[blob_bodies.PUT_HEAD_SIZE :] == put.blob
    assert size == len(put.blob)
    found = replies.BlobFound(blob=put.blob).to_octets()
    assert found == blob_bodies.found_head(size) + put.blob
    for wrong in (octets[: blob_bodies.PUT_HEAD_SIZE - 1], b"\x84" + octets[1 : blob_bodies.PUT_HEAD_SIZE], b""):
        with pytest.raises(Malformed):
            blob_bodies.read_put_head(wrong)


def test_a_card_opens() -> None:
    vector = read("sealing")["card"]
    card = cards.unwrap(b64decode(vector["card"]), onion_key=bytes.fromhex(vector["onion_key"]))
    assert card.key_package.hex() == vector["key_package"]
    assert card.not_after == vector["not_after"]


def runs(written: list[list[int]]) -> bytes:
    """Read octets that are written as how often each is repeated."""
    return b"".join(bytes([octet]) * times for octet, times in written)


@pytest.mark.parametrize("vector", read("parts"), ids=lambda vector: vector["name"])
def test_parts_are_joined_or_given_up(vector: dict[str, Any]) -> None:
    joiner = parts.Joiner(max_wholes=vector["max_wholes"], max_age=vector["max_age"])
    for step in vector["steps"]:
        fields, result = step["part"], step["result"]
        part = parts.Part(
            whole_id=bytes.fromhex(fields["whole_id"]),
            index=fields["index"],
            count=fields["count"],
            content=runs(fields["content"]),
        )
        part = parts.Part.from_octets(part.to_octets())
        if (problem := result.get("malformed")) is not None:
            with pytest.raises(Malformed, match=problem):
                joiner.add(part, now=step.get("at", 0))
        else:
            whole = joiner.add(part, now=step.get("at", 0))
            assert (whole is not None) == result["whole"]
            assert whole is None or hashlib.sha256(whole).digest() == part.whole_id
        assert [each.hex() for each in joiner.take_given_up()] == result["given_up"]
