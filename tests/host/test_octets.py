"""Octets that are compared by the kits."""

from __future__ import annotations

import pytest

from balchat_host.testing.octets import assert_octets


@pytest.mark.parametrize(
    ("got", "expected", "told"),
    [
        (b"", (b"x",), "got 0 octets"),
        (b"abcd", (b"abxd",), "the first 2 are the same"),
        (b"ab", (b"abc",), "the first 2 are the same"),
        (
            bytes(100_000),
            (b"x" * 100_000, None),
            r"got 100000 octets \(SHA-256 .{17}\), expected 100000 .* or nothing;",
        ),
        (None, (b"x",), "got nothing, expected 1 octets"),
        (bytearray(b"x"), (None,), "expected nothing"),
    ],
)
def test_what_differs_is_said_in_few_words(
    got: bytes | bytearray | None, expected: tuple[bytes | None, ...], told: str
) -> None:
    with pytest.raises(AssertionError, match=told) as error:
        assert_octets(got, *expected, why="it was put so")
    assert str(error.value).startswith("it was put so: ")
    assert len(str(error.value)) < 200


@pytest.mark.parametrize("octets", [b"", b"abc", None])
def test_one_of_those_that_are_expected_is_right(octets: bytes | None) -> None:
    assert_octets(octets, octets)
    assert_octets(octets, b"other", octets)
