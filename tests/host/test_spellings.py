"""What tests look for is found in whichever way it was written."""

from __future__ import annotations

import base64
import json

import pytest

from balchat_host.testing.spellings import stands_in

KEY = bytes(range(200, 232))
WAYS = {
    "as it is": KEY,
    "hexadecimal": KEY.hex().encode(),
    "hexadecimal in capitals": KEY.hex().upper().encode(),
    "base64": base64.b64encode(KEY),
    "base64url": base64.urlsafe_b64encode(KEY),
    "base64 with more behind it": base64.b64encode(KEY + b"and more"),
    "base64 with more before it": base64.b64encode(b"key" + KEY),
    "base32": base64.b32encode(KEY),
    "base32 without capitals": base64.b32encode(KEY).lower(),
    "base32 with more before it": base64.b32encode(b"a key" + KEY),
    "as Python shows it": repr({"key": KEY}).encode(),
    "as a list of numbers": json.dumps(list(KEY)).encode(),
}


@pytest.mark.parametrize("written", WAYS.values(), ids=WAYS)
def test_octets_are_found_however_they_were_written(written: bytes) -> None:
    assert stands_in(KEY, b"something else", b"before " + written + b" behind")


@pytest.mark.parametrize("written", WAYS.values(), ids=WAYS)
def test_other_octets_are_not_found(written: bytes) -> None:
    assert not stands_in(KEY[::-1], written)
