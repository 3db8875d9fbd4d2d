"""Properties: every value survives the wire, and no octets do more than raise Malformed."""

import contextlib

import cbor2
import pytest
from balchat_relay_proto import frames
from balchat_relay_proto.capabilities import Capability
from balchat_relay_proto.codec import Malformed, Message, nested
from balchat_relay_proto.errors import Code, Refusal, Refused
from balchat_relay_proto.replies import About, BlobFound, BlobsKept, Fetched, QueueStatus, Stored
from balchat_relay_proto.requests import (
    OPERATIONS,
    Acknowledge,
    Authority,
    BlobDeletion,
    Claim,
    DeleteBlobs,
    Fetch,
    GetBlob,
    Holder,
    Owner,
    Publish,
    Put,
)
from balchat_relay_proto.sizes import (
    CARD_SIZE,
    DIGEST_SIZE,
    ENVELOPE_SIZES,
    MAX_ACKNOWLEDGED,
    MAX_CARDS,
    MAX_FETCHED,
    MAX_TOKENS,
)
from hypothesis import given
from hypothesis import strategies as st

digests = st.binary(min_size=32, max_size=32)
capabilities = st.builds(Capability, digests)
authorities: st.SearchStrategy[Authority] = st.one_of(
    st.builds(Holder, capability=capabilities),
    st.builds(Owner, onion_key=digests, signature=st.binary(min_size=64, max_size=64)),
)
envelopes = st.builds(
    lambda size, octet: octet * size, st.sampled_from(ENVELOPE_SIZES[:2]), st.binary(min_size=1, max_size=1)
)
cards = st.just(b"c" * CARD_SIZE)
cursors = st.integers(0, 2**63 - 1)

messages: st.SearchStrategy[Message] = st.one_of(
    st.builds(Put, queue=digests, send=st.none() | capabilities, envelope=envelopes),
    st.builds(Fetch, queue=digests, authority=authorities, after=cursors),
    st.builds(Acknowledge, queue=digests, authority=authorities, envelope_ids=st.lists(digests, max_size=5).map(tuple)),
    st.builds(
        Publish,
        queue=digests,
        authority=authorities,
        cards=st.lists(cards, max_size=3).map(tuple),
        last_resort=st.none() | cards,
        token_verifiers=st.lists(digests, max_size=3).map(tuple),
    ),
    st.builds(GetBlob, read=capabilities),
    st.builds(
        DeleteBlobs,
        blobs=st.lists(st.builds(BlobDeletion, blob=digests, delete=capabilities), max_size=3).map(tuple),
    ),
    st.builds(Claim, queue=digests, send=st.none() | capabilities, token=st.none() | capabilities),
    st.builds(
        Fetched,
        stored=st.lists(st.builds(Stored, sequence=cursors, envelope=envelopes), max_size=3).map(tuple),
        more=st.booleans(),
    ),
    st.builds(
        QueueStatus,
        envelopes=cursors, octets=cursors, max_envelopes=cursors, max_octets=cursors, cards=cursors,
        last_resort=st.booleans(),
    ),
)  # fmt: skip

EVERY_CLASS = [*OPERATIONS.values(), BlobsKept, BlobFound, Fetched, QueueStatus, Refusal, About]


@given(messages)
def test_every_message_survives_the_wire(message: Message) -> None:
    assert type(message).from_octets(message.to_octets()) == message


@given(messages)
def test_nothing_of_a_message_shows_in_its_repr(message: Message) -> None:
    assert repr(message) == f"{type(message).__name__}(…)"


@given(messages)
def test_what_is_written_is_what_cbor2_writes(message: Message) -> None:
    assert message.to_octets() == cbor2.dumps(message.items(), canonical=True)


@pytest.mark.parametrize("cls", EVERY_CLASS, ids=lambda cls: cls.__name__)
def test_nothing_is_decoded_that_has_more_items_than_its_message(
    cls: type[Message], monkeypatch: pytest.MonkeyPatch
) -> None:
    most = nested(cls).max_items
    octets = cbor2.dumps([None] * most)
    monkeypatch.setattr(cbor2, "loads", lambda *_, **__: pytest.fail("it was decoded"))
    with pytest.raises(Malformed, match=f"more than {most} items"):
        cls.from_octets(octets)


def test_the_largest_of_every_kind_fits_its_own_bound() -> None:
    digest, sign = bytes(DIGEST_SIZE), bytes(64)
    owner = Owner(onion_key=digest, signature=sign)
    for largest in (
        Acknowledge(queue=digest, authority=owner, envelope_ids=(digest,) * MAX_ACKNOWLEDGED),
        Publish(
            queue=digest,
            authority=owner,
            cards=(bytes(CARD_SIZE),) * MAX_CARDS,
            last_resort=bytes(CARD_SIZE),
            token_verifiers=(digest,) * MAX_TOKENS,
        ),
        Fetched(stored=(Stored(sequence=1, envelope=bytes(ENVELOPE_SIZES[0])),) * MAX_FETCHED, more=True),
    ):
        assert type(largest).from_octets(largest.to_octets()) == largest
    frame = frames.Acknowledged(number=1, envelope_ids=(digest,) * MAX_ACKNOWLEDGED)
    assert frames.decode_from_client(frames.encode_from_client(frame)) == frame
    assert frames.decode_from_relay(frames.encode_from_relay(frame)) == frame


def test_a_capability_hides_itself() -> None:
    assert repr(Capability(b"\x42" * 32)) == "Capability(…)"


@pytest.mark.fuzz
@given(st.binary(max_size=300), st.sampled_from(EVERY_CLASS))
def test_no_octets_do_more_than_raise_malformed(octets: bytes, cls: type[Message]) -> None:
    try:
        message = cls.from_octets(octets)
    except Malformed:
        return
    assert cls.from_octets(message.to_octets()) == message


@pytest.mark.fuzz
@given(messages, st.data())
def test_a_message_with_one_octet_changed_is_refused_or_another_message(message: Message, data: st.DataObject) -> None:
    octets = bytearray(message.to_octets())
    place = data.draw(st.integers(0, min(len(octets), 400) - 1))
    octets[place] ^= data.draw(st.integers(1, 255))
    with contextlib.suppress(Malformed):
        assert type(message).from_octets(bytes(octets)) != message


@pytest.mark.fuzz
@given(st.binary(max_size=200))
def test_no_frame_does_more_than_raise_malformed(octets: bytes) -> None:
    for decode in (frames.decode_from_client, frames.decode_from_relay):
        with contextlib.suppress(Malformed):
            decode(octets)


def test_a_refusal_crosses_the_wire_as_itself() -> None:
    refused = Refused(Code.RELAY_FULL, "x" * 300, retry_after=10**9)
    there = Refusal.from_octets(Refusal.of(refused).to_octets()).exception
    assert (there.code, len(there.detail), there.retry_after) == (Code.RELAY_FULL, 200, 30 * 24 * 3600)


def test_a_code_of_a_newer_relay_reads_as_internal() -> None:
    octets = Refusal.of(Refused(Code.DENIED, "no")).to_octets().replace(b"\x66denied", b"\x66newest")
    assert Refusal.from_octets(octets).code is Code.INTERNAL
