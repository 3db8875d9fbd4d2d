"""What is told of parts at relays is read as it was written, and no octets do more than raise MalformedContent."""

import contextlib

import pytest
from balchat_common import cbor
from hypothesis import given
from hypothesis import strategies as st

from balchat_host.api.errors import MalformedContent
from balchat_host.api.transport import MAX_CONTAINER
from balchat_host.core.files.part_bitmaps import fits
from balchat_host.core.files.part_notices import MAX_ABSENT, MAX_CONTAINERS, FileParts, FileProgress, OfferedContainer
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
notices = st.one_of(
    st.builds(FileParts, root=roots, containers=st.lists(containers, max_size=MAX_CONTAINERS).map(tuple)),
    st.builds(
        FileProgress,
        root=roots,
        here=st.binary(max_size=40),
        absent=st.lists(st.integers(0, 2**32 - 1), max_size=MAX_ABSENT).map(tuple),
        wanted=st.booleans(),
    ),
)


@given(notices)
def test_what_is_told_is_read_as_it_was_written(notice: FileParts | FileProgress) -> None:
    assert type(notice).decode(notice.encode()) == notice


@pytest.mark.parametrize(
    "body",
    [
        [ROOT],
        [ROOT[:-1], []],
        [ROOT, [["t", b"o", 1]]],
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
        [ROOT, b""],
        [],
        ROOT,
    ],
)
def test_where_parts_lie_is_refused_in_any_other_shape(body: object) -> None:
    with pytest.raises(MalformedContent):
        FileParts.decode(cbor.encode(body))


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
        FileProgress.decode(cbor.encode(body))


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
    for kind in (FileParts, FileProgress):
        with contextlib.suppress(MalformedContent):
            assert kind.decode(kind.decode(octets).encode())


@pytest.mark.fuzz
@given(notices, st.data())
def test_a_notice_with_one_octet_changed_is_refused_or_read(
    notice: FileParts | FileProgress, data: st.DataObject
) -> None:
    octets = bytearray(notice.encode())
    octets[data.draw(st.integers(0, len(octets) - 1))] ^= data.draw(st.integers(1, 255))
    with contextlib.suppress(MalformedContent):
        assert type(notice).decode(bytes(octets)) != notice
