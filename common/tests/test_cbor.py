"""CBOR from strangers: octets that could grow, mean two things, or cost more than what they say."""

from typing import Any

import cbor2
import pytest
from balchat_common import cbor
from hypothesis import given
from hypothesis import strategies as st

# A bignum, a big float, a shared reference to itself, a date.
TAGS = [
    "c25820" + "ff" * 32,
    "c5821b7fffffffffffffff01",
    "d81c81d81d00",
    "c074323032362d31312d32335430303a30303a30305a",
]

items = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**64), 2**64 - 1) | st.floats() | st.binary() | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text() | st.integers(0, 99), inner, max_size=4),
    max_leaves=20,
)


def decode(octets: str | bytes, *, max_items: int = 100) -> Any:
    octets = bytes.fromhex(octets) if isinstance(octets, str) else octets
    return cbor.decode(octets, max_items=max_items, max_depth=8, maps=True)


@pytest.mark.parametrize(
    "octets", [*TAGS, "9f00ff", "bf0000ff", "5f40ff", "a200010002", "81" * 9 + "00", "0000", "", "82", "1c", "fc"]
)
def test_what_could_grow_or_be_ambiguous_is_not_read(octets: str) -> None:
    with pytest.raises(ValueError, match=r"CBOR|end|tag|deep|indefinite"):
        decode(octets)


@pytest.mark.parametrize(
    "octets",
    [
        pytest.param("9a000fffff" + "f6" * 0xFFFFF, id="nothing"),
        pytest.param("9a000fffff" + "80" * 0xFFFFF, id="empty arrays"),
        pytest.param("ba0007ffff" + "00" * 0xFFFFE, id="a map"),
        pytest.param("9bffffffffffffffff", id="an array that is longer than anything"),
        pytest.param("bb7fffffffffffffff", id="a map that is longer than anything"),
        pytest.param("5bffffffffffffffff", id="octets that are longer than anything"),
    ],
)
def test_nothing_is_built_of_more_items_than_a_format_has(octets: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cbor2, "loads", lambda *_, **__: pytest.fail("it was decoded"))
    with pytest.raises(ValueError, match=r"items|CBOR"):
        decode(octets, max_items=4096)


def test_items_are_counted_with_keys_and_the_array_itself() -> None:
    octets = cbor.encode([{"key": "value"}, 1])
    assert decode(octets, max_items=5) == [{"key": "value"}, 1]
    with pytest.raises(ValueError, match="more than 4 items"):
        decode(octets, max_items=4)


def test_a_format_without_maps_or_of_less_depth_sees_neither(monkeypatch: pytest.MonkeyPatch) -> None:
    a_map, deep = cbor.encode([{}]), cbor.encode([[0]])
    assert cbor.decode(deep, max_items=3, max_depth=2) == [[0]]
    monkeypatch.setattr(cbor2, "loads", lambda *_, **__: pytest.fail("it was decoded"))
    with pytest.raises(ValueError, match="a map"):
        cbor.decode(a_map, max_items=100, max_depth=8)
    with pytest.raises(ValueError, match="too deep: more than 1"):
        cbor.decode(deep, max_items=3, max_depth=1)


@pytest.mark.parametrize("key", ["8200f6", "40", "f6", "f93c00", "a0", "f4"])
def test_a_key_of_a_map_is_a_number_or_a_text(key: str) -> None:
    """Whoever can choose what is hashed can have thousands of keys with one hash, each compared with each."""
    with pytest.raises(ValueError, match="key"):
        decode("a1" + key + "00")


def test_text_that_is_not_utf_8_is_not_read() -> None:
    with pytest.raises(ValueError, match="CBOR"):
        decode("61ff")


@given(items)
def test_what_our_formats_can_hold_is_read_as_it_was_written(item: object) -> None:
    octets = cbor.encode(item)
    try:
        read = decode(octets, max_items=200)
    except ValueError:
        assert depth(item) > 8
    else:
        assert cbor.encode(read) == octets


@given(items.filter(lambda item: not has_map(item)))
def test_what_is_written_is_what_cbor2_writes(item: object) -> None:
    assert cbor.encode(item) == cbor2.dumps(item, canonical=True)


def test_large_octets_are_not_copied_into_pieces() -> None:
    octets = bytes(2**20)
    pieces = cbor.encode_pieces([[1, octets], b"x"])
    assert b"".join(pieces) == cbor.encode([[1, octets], b"x"])
    assert any(piece is octets for piece in pieces)


def test_keys_of_a_map_stand_in_the_order_of_their_octets() -> None:
    """RFC 8949, section 4.2.1, has these keys as its example, but for those that our formats do not have."""
    octets = cbor.encode([{"aa": 1, "z": {256: 0, "": 0}, -1: 2, 100: 3, 10: 4}])
    assert octets.hex() == "81a50a0418640320026" + "17aa219010000600062616101"
    assert cbor.encode(decode(octets)) == octets


@pytest.mark.parametrize("size", [1023, 1024, 65536, 2**20])
def test_large_octets_are_written_as_cbor2_writes_them(size: int) -> None:
    item = [1, [bytes(size), {"a": bytes(size)}], 2]
    assert cbor.encode(item) == cbor2.dumps(item, canonical=True)


@pytest.mark.parametrize("length", [0, 23, 24, 255, 256, 65535, 65536, 2**32])
def test_the_head_of_octets_is_their_shortest(length: int) -> None:
    head = cbor.head_of_octets(length)
    if length < 2**20:
        assert head + bytes(length) == cbor2.dumps(bytes(length))
    else:
        assert head == bytes.fromhex("5b0000000100000000")


@pytest.mark.fuzz
@given(st.binary(max_size=300), st.booleans())
def test_no_octets_do_more_than_raise_value_error(octets: bytes, maps: bool) -> None:
    try:
        item = cbor.decode(octets, max_items=30, max_depth=4, maps=maps)
    except ValueError:
        return
    assert depth(item) <= 4
    assert maps or not has_map(item)
    again = cbor.encode(item)
    assert cbor.encode(cbor.decode(again, max_items=30, max_depth=4, maps=maps)) == again


@pytest.mark.fuzz
@given(items, st.data())
def test_one_octet_changed_does_no_more_than_raise_value_error(item: object, data: st.DataObject) -> None:
    octets = bytearray(cbor.encode(item))
    place = data.draw(st.integers(0, len(octets) - 1))
    octets[place] ^= data.draw(st.integers(1, 255))
    try:
        read = decode(bytes(octets), max_items=200)
    except ValueError:
        return
    assert depth(read) <= 8


def depth(item: Any) -> int:
    inner = inside(item)
    return 0 if inner is None else 1 + max((depth(each) for each in inner), default=0)


def has_map(item: Any) -> bool:
    return isinstance(item, dict) or any(has_map(each) for each in inside(item) or [])


def inside(item: Any) -> list[Any] | None:
    return list(item.values()) if isinstance(item, dict) else item if isinstance(item, list) else None
