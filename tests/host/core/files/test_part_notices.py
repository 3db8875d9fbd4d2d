"""What is told of parts at relays is read as it was written, and no octets do more than raise MalformedContent."""

import contextlib
import json
from pathlib import Path

import pytest
from balchat_common import cbor
from hypothesis import given
from hypothesis import strategies as st

from balchat_host.api.errors import MalformedContent
from balchat_host.api.transport import MAX_CONTAINER
from balchat_host.core.files.part_bitmaps import fits
from balchat_host.core.files.part_notices import (
    MAX_ABSENT,
    MAX_CONTAINERS,
    MAX_NAMED,
    FileParts,
    OfferedContainer,
    ProgressNotice,
    decode_parts,
    encode_parts,
)
from balchat_host.core.files.shape import Shape

ROOT = bytes(range(32))
CONTAINER = OfferedContainer(transport="transport_relay", offer=b"offer", until=1_900_000_000_000, put=b"\x07")

roots = st.binary(min_size=32, max_size=32)
containers = st.builds(
    OfferedContainer,
    transport=st.text("abc_", min_size=1, max_size=64),
    offer=st.binary(min_size=1, max_size=MAX_CONTAINER),
    until=st.integers(0, 2**53),
    put=st.binary(max_size=40),
)
parts = st.builds(FileParts, root=roots, containers=st.lists(containers, max_size=MAX_CONTAINERS).map(tuple))
progress = st.builds(
    ProgressNotice,
    root=roots,
    here=st.binary(max_size=40),
    absent=st.lists(st.integers(0, 2**32 - 1), max_size=MAX_ABSENT).map(tuple),
    wanted=st.booleans(),
)


def files(count: int, *, put: bytes = b"\x03", containers: int = 1) -> list[FileParts]:
    container = OfferedContainer(transport="transport_relay", offer=bytes(67), until=1_900_000_000_000, put=put)
    return [FileParts(root=number.to_bytes(32), containers=(container,) * containers) for number in range(count)]


@given(st.lists(parts, unique_by=lambda each: each.root, max_size=4))
def test_where_parts_lie_is_read_as_it_was_written(told: list[FileParts]) -> None:
    assert [each for body in encode_parts(told) for each in decode_parts(body)] == told


@given(progress)
def test_progress_is_read_as_it_was_written(told: ProgressNotice) -> None:
    assert ProgressNotice.decode(told.encode()) == told


def test_one_notice_names_many_small_files_and_few_large_ones() -> None:
    assert [len(decode_parts(body)) for body in encode_parts(files(70))] == [MAX_NAMED, MAX_NAMED, 6]
    assert list(encode_parts([])) == []
    large = list(encode_parts(files(9, put=bytes(2049), containers=MAX_CONTAINERS)))
    assert [len(decode_parts(body)) for body in large] == [2, 2, 2, 2, 1]
    assert all(len(body) <= 16 * 1024 for body in large)


def test_vectors() -> None:
    vectors = json.loads((Path(__file__).parents[1] / "vectors" / "file-notices.json").read_bytes())
    small, large = decode_parts(bytes.fromhex(vectors["file-parts"]))
    assert small == FileParts(
        root=ROOT,
        containers=(OfferedContainer(transport="transport_relay", offer=b"\x01" * 67, until=2**40, put=b"\3"),),
    )
    assert large.root == ROOT[::-1]
    assert [(each.transport, each.offer, each.put) for each in large.containers] == [
        ("transport_relay", b"\x02" * 67, b"\xff\xff\x01"),
        ("transport_other", b"\x03", b"\x00\x00\x02"),
    ]
    assert list(encode_parts([small, large])) == [bytes.fromhex(vectors["file-parts"])]
    told = ProgressNotice.decode(bytes.fromhex(vectors["file-progress"]))
    assert told == ProgressNotice(root=ROOT, here=b"\x01\x00\x01", absent=(3, 17), wanted=True)
    assert told.encode() == bytes.fromhex(vectors["file-progress"])


@pytest.mark.parametrize(
    "file",
    [
        [ROOT],
        [ROOT, [], 1],
        [ROOT[:-1], []],
        [ROOT, [["t", b"o", 1]]],
        [ROOT, [["t", b"o", 1, b"", b""]]],
        [ROOT, [["t", b"o", 1, b""]] * (MAX_CONTAINERS + 1)],
        [ROOT, [["", b"o", 1, b""]]],
        [ROOT, [["t" * 65, b"o", 1, b""]]],
        [ROOT, [["t\x1b[2J", b"o", 1, b""]]],
        [ROOT, [["t", b"", 1, b""]]],
        [ROOT, [["t", bytes(MAX_CONTAINER + 1), 1, b""]]],
        [ROOT, [["t", b"o", -1, b""]]],
        [ROOT, [["t", b"o", True, b""]]],
        [ROOT, [["t", b"o", 2**60, b""]]],
        [ROOT, [["t", b"o", 1, bytes(3000)]]],
        [ROOT, [[b"t", b"o", 1, b""]]],
        [ROOT, b""],
        [],
        ROOT,
        1,
    ],
)
def test_a_file_is_refused_in_any_other_shape(file: object) -> None:
    other: list[object] = [ROOT[::-1], list[object]()]
    bodies: list[list[object]] = [[file], [other, file], [file, other]]
    for body in bodies:
        with pytest.raises(MalformedContent):
            decode_parts(cbor.encode(body))


@pytest.mark.parametrize(
    "body",
    [
        [],
        ROOT,
        [[ROOT, []], [ROOT, []]],
        [[number.to_bytes(32), []] for number in range(MAX_NAMED + 1)],
        [[number.to_bytes(32), []] for number in range(20_000)],
        [[[[[[]]]]]],
    ],
    ids=["none", "no list", "one file twice", "one too many", "far too many", "too deep"],
)
def test_where_parts_lie_is_refused_in_any_other_shape(body: object) -> None:
    with pytest.raises(MalformedContent):
        decode_parts(cbor.encode(body))


@pytest.mark.parametrize(
    "body",
    [
        [ROOT, b"", [], 1],
        [ROOT, b"", []],
        [ROOT, b"", [-1], True],
        [ROOT, b"", [2**32], True],
        [ROOT, b"", [True], True],
        [ROOT, b"", [1] * (MAX_ABSENT + 1), True],
        [ROOT, bytes(3000), [], True],
        [ROOT[1:], b"", [], True],
        [ROOT, [], [], True],
    ],
)
def test_progress_is_refused_in_any_other_shape(body: object) -> None:
    with pytest.raises(MalformedContent):
        ProgressNotice.decode(cbor.encode(body))


def test_a_bitmap_that_says_more_than_the_file_has_is_none_of_it() -> None:
    shape = Shape(3 * 64 * 1024)
    assert shape.parts == 4
    assert fits(shape, b"")
    assert fits(shape, b"\x1f")
    assert not fits(shape, b"\x20")
    assert not fits(shape, b"\x00\x00")


def test_what_gets_parts_does_not_show() -> None:
    assert repr(CONTAINER) == "OfferedContainer(…)"


@pytest.mark.fuzz
@given(st.binary(max_size=200))
def test_no_octets_do_more_than_raise_malformed_content(octets: bytes) -> None:
    with contextlib.suppress(MalformedContent):
        (body,) = encode_parts(decode_parts(octets))
        assert decode_parts(body) == decode_parts(octets)
    with contextlib.suppress(MalformedContent):
        assert ProgressNotice.decode(ProgressNotice.decode(octets).encode())


@pytest.mark.fuzz
@given(st.lists(parts, min_size=1, max_size=3, unique_by=lambda each: each.root), progress, st.data())
def test_a_notice_with_one_octet_changed_is_refused_or_read(
    told: list[FileParts], said: ProgressNotice, data: st.DataObject
) -> None:
    def changed(body: bytes) -> bytes:
        octets = bytearray(body)
        octets[data.draw(st.integers(0, len(octets) - 1))] ^= data.draw(st.integers(1, 255))
        return bytes(octets)

    for body in encode_parts(told):
        with contextlib.suppress(MalformedContent):
            assert decode_parts(changed(body)) != told
    with contextlib.suppress(MalformedContent):
        assert ProgressNotice.decode(changed(said.encode())) != said
