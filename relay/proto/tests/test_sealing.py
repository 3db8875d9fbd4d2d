"""Sealed envelopes, parts and cards: one size for each class, and nothing but what was meant opens."""

import itertools

import pytest
from balchat_relay_proto import cards
from balchat_relay_proto.cards import BadCard, Card, card_message
from balchat_relay_proto.codec import Malformed
from balchat_relay_proto.parts import MAX_WHOLE, PART_CONTENT, Joiner, Part, split
from balchat_relay_proto.sealing import MAX_CONTENT, OVERHEAD, CannotOpen, OpeningKey, seal, unseal
from balchat_relay_proto.sizes import ENVELOPE_SIZES
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from hypothesis import given
from hypothesis import strategies as st

QUEUE = b"q" * 32
KEY = OpeningKey.generate()


@pytest.mark.parametrize(("smaller", "size"), list(itertools.pairwise((0, *ENVELOPE_SIZES))))
def test_all_envelopes_of_a_class_have_one_size(smaller: int, size: int) -> None:
    least, most = max(0, smaller - OVERHEAD + 1), size - OVERHEAD
    for length in (least, (least + most) // 2, most):
        envelope = seal(b"x" * length, KEY.sealing_key, queue=QUEUE)
        assert len(envelope) == size
        assert unseal(envelope, KEY, queue=QUEUE) == b"x" * length


def test_what_is_too_large_for_one_envelope_is_not_sealed() -> None:
    with pytest.raises(ValueError, match=f"at most {MAX_CONTENT}"):
        seal(bytes(MAX_CONTENT + 1), KEY.sealing_key, queue=QUEUE)


def test_an_envelope_opens_in_no_other_queue_and_with_no_other_key() -> None:
    envelope = seal(b"x", KEY.sealing_key, queue=QUEUE)
    with pytest.raises(CannotOpen, match="this key for this use"):
        unseal(envelope, KEY, queue=b"r" * 32)
    with pytest.raises(CannotOpen, match="this key for this use"):
        unseal(envelope, OpeningKey.generate(), queue=QUEUE)


@given(st.integers(0, ENVELOPE_SIZES[0] - 1), st.integers(1, 255))
def test_an_altered_envelope_does_not_open(place: int, change: int) -> None:
    envelope = bytearray(seal(b"hello", KEY.sealing_key, queue=QUEUE))
    envelope[place] ^= change
    with pytest.raises(CannotOpen):
        unseal(bytes(envelope), KEY, queue=QUEUE)


def test_a_truncated_envelope_does_not_open() -> None:
    with pytest.raises(CannotOpen, match="size"):
        unseal(seal(b"x", KEY.sealing_key, queue=QUEUE)[:-1], KEY, queue=QUEUE)


def test_secrets_hide_themselves() -> None:
    assert repr(KEY) == "OpeningKey(…)"
    assert repr(KEY.sealing_key) == "SealingKey(…)"


# -- parts --


@given(st.integers(0, 3 * PART_CONTENT), st.randoms(use_true_random=False))
def test_parts_join_in_any_order_with_repetitions(length: int, chance: object) -> None:
    whole = (b"0123456789" * (length // 10 + 1))[:length]
    parts = [*split(whole), *split(whole)]
    chance.shuffle(parts)
    joiner = Joiner()
    got = [found for part in parts if (found := joiner.add(part, now=0)) is not None]
    assert got
    assert set(got) == {whole}


def test_a_part_fits_into_an_envelope() -> None:
    for part in split(bytes(2 * PART_CONTENT)):
        assert len(part.to_octets()) <= MAX_CONTENT


def test_a_whole_beyond_the_limit_is_not_split() -> None:
    with pytest.raises(ValueError, match="too many"):
        split(bytes(MAX_WHOLE + 1))


def test_a_whole_that_is_not_what_its_parts_name_is_refused() -> None:
    first, second = split(bytes(PART_CONTENT + 5))
    forged = Part(whole_id=second.whole_id, index=1, count=2, content=b"other")
    joiner = Joiner()
    assert joiner.add(first, now=0) is None
    with pytest.raises(Malformed, match="not what its parts name"):
        joiner.add(forged, now=0)


def test_parts_that_contradict_each_other_are_refused() -> None:
    first, _, _ = split(bytes(2 * PART_CONTENT + 1))
    joiner = Joiner()
    joiner.add(first, now=0)
    with pytest.raises(Malformed, match="contradict"):
        joiner.add(Part(whole_id=first.whole_id, index=0, count=4, content=first.content), now=0)
    with pytest.raises(Malformed, match="beyond"):
        joiner.add(Part(whole_id=first.whole_id, index=5, count=5, content=b""), now=0)


def test_what_waits_is_bounded_in_number_and_time() -> None:
    joiner = Joiner(max_wholes=2, max_age=100)
    wholes = [split(bytes([octet]) * (PART_CONTENT + 1)) for octet in range(3)]
    for first, _ in wholes:
        joiner.add(first, now=0)
    assert joiner.octets == 2 * PART_CONTENT
    assert joiner.add(wholes[0][1], now=0) is None  # its other half was given up for a newer whole
    assert joiner.add(wholes[2][1], now=101) is None
    assert joiner.octets == 1


# -- cards --

IDENTITY = Ed25519PrivateKey.generate()
ONION_KEY = IDENTITY.public_key().public_bytes_raw()


def card(signer: Ed25519PrivateKey = IDENTITY, key_package: bytes = b"key package") -> Card:
    message = card_message(sealing_key=KEY.sealing_key, key_package=key_package, not_after=7)
    signature = signer.sign(cards.CARD_DOMAIN.encode() + b"\x00" + message)
    return Card(sealing_key=KEY.sealing_key.octets, key_package=key_package, not_after=7, signature=signature)


def test_a_card_shows_nothing_of_its_owner_and_has_one_size() -> None:
    wrapped = [cards.wrap(card(key_package=ONION_KEY * times), onion_key=ONION_KEY) for times in (1, 80)]
    assert {len(each) for each in wrapped} == {4096}
    assert all(ONION_KEY not in each for each in wrapped)
    assert cards.unwrap(wrapped[0], onion_key=ONION_KEY) == card(key_package=ONION_KEY)


def test_a_card_that_the_onion_did_not_sign_is_refused() -> None:
    forged = cards.wrap(card(Ed25519PrivateKey.generate()), onion_key=ONION_KEY)
    with pytest.raises(BadCard, match="did not sign"):
        cards.unwrap(forged, onion_key=ONION_KEY)


def test_a_card_of_another_onion_or_an_altered_one_is_refused() -> None:
    wrapped = cards.wrap(card(), onion_key=ONION_KEY)
    with pytest.raises(BadCard, match="not encrypted for this onion"):
        cards.unwrap(wrapped, onion_key=b"o" * 32)
    with pytest.raises(BadCard, match="altered"):
        cards.unwrap(wrapped[:-1] + bytes([wrapped[-1] ^ 1]), onion_key=ONION_KEY)
    with pytest.raises(BadCard, match="size"):
        cards.unwrap(wrapped[:-1], onion_key=ONION_KEY)


def test_a_key_package_that_is_too_large_is_named() -> None:
    with pytest.raises(ValueError, match="at most 2560"):
        cards.wrap(card(key_package=bytes(2561)), onion_key=ONION_KEY)
