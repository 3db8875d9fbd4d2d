"""Comparing octets, of which there may be many."""

import hashlib
from itertools import takewhile


def assert_octets(got: bytes | bytearray | None, *expected: bytes | None, why: str = "") -> None:
    """Raise AssertionError, with `why`, where octets are none of those that are expected; None stands for nothing.

    The kits compare by this and not by `==`: where pytest is verbose, or the variable CI is set, it sets the two sides
    of `==` against each other line by line, which takes minutes for as little as 16 KiB.
    """
    if got in expected:
        return
    (first, *_) = expected
    same = sum(1 for _ in takewhile(lambda pair: pair[0] == pair[1], zip(got or b"", first or b"", strict=False)))
    told = f"got {_told(got)}, expected {' or '.join(map(_told, expected))}; the first {same} are the same"
    raise AssertionError(f"{why}: {told}" if why else told)


def _told(octets: bytes | bytearray | None) -> str:
    if octets is None:
        return "nothing"
    return f"{len(octets)} octets (SHA-256 {hashlib.sha256(octets).hexdigest()[:16]}…)"
