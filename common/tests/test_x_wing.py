"""What is sealed to a key opens with that key, for that use, and as it was."""

from __future__ import annotations

import pytest
from balchat_common.x_wing import (
    OPENING_KEY_SIZE,
    SEAL_OVERHEAD,
    SEALING_KEY_SIZE,
    CannotOpen,
    OpeningKey,
    SealingKey,
)

KEY = OpeningKey.generate()


@pytest.mark.parametrize("content", [b"", b"x", bytes(70_000)])
def test_what_is_sealed_opens(content: bytes) -> None:
    sealed = KEY.sealing_key.seal(content, info=b"for a test")
    assert len(sealed) == len(content) + SEAL_OVERHEAD == len(content) + 1136
    assert KEY.unseal(sealed, info=b"for a test") == content


def test_it_opens_with_no_other_key_and_for_no_other_use() -> None:
    sealed = KEY.sealing_key.seal(b"x", info=b"for a test")
    for key, info in ((OpeningKey.generate(), b"for a test"), (KEY, b"for another"), (KEY, b"")):
        with pytest.raises(CannotOpen):
            key.unseal(sealed, info=info)


def test_what_was_altered_does_not_open() -> None:
    sealed = KEY.sealing_key.seal(b"x", info=b"for a test")
    altered = [sealed[:at] + bytes([sealed[at] ^ 1]) + sealed[at + 1 :] for at in range(0, len(sealed), 37)]
    zeros = sealed[:1088] + bytes(32) + sealed[1120:]
    for octets in (*altered, zeros, sealed[:-1], sealed[:1120], sealed + b"x", bytes(len(sealed)), b"", b"x"):
        with pytest.raises(CannotOpen):
            KEY.unseal(octets, info=b"for a test")


def test_a_key_has_its_size() -> None:
    for size in (0, SEALING_KEY_SIZE - 1, SEALING_KEY_SIZE + 1):
        with pytest.raises(ValueError, match="1216 octets"):
            SealingKey(bytes(size))
    for size in (0, OPENING_KEY_SIZE - 1, OPENING_KEY_SIZE + 1):
        with pytest.raises(ValueError, match="96 octets"):
            OpeningKey(bytes(size))


def test_halves_that_are_no_keys_are_refused_when_used() -> None:
    good = KEY.sealing_key.octets
    for octets in (b"\xff" * 1184 + good[1184:], good[:1184] + bytes(32)):
        with pytest.raises(ValueError):  # noqa: PT011  # whatever the library says of it
            SealingKey(octets).seal(b"x", info=b"")


def test_keys_hide_what_they_are() -> None:
    assert repr(KEY) == "OpeningKey(…)"
    assert repr(KEY.sealing_key) == "SealingKey(…)"
