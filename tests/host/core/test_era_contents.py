"""What two balchats say to each other about eras: vectors, and octets that are almost right."""

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from balchat_host.api.errors import MalformedContent
from balchat_host.core import content
from balchat_host.core.content import Opened

VECTORS: dict[str, Any] = json.loads((Path(__file__).parent / "vectors" / "era-contents.json").read_text())


@pytest.mark.parametrize("vector", VECTORS["opened"])
def test_opened_is_written_and_read_as_the_vectors_say(vector: dict[str, Any]) -> None:
    opened = Opened(
        era_id=bytes.fromhex(vector["era_id"]),
        founder_device_id=bytes.fromhex(vector["founder_device_id"]),
        key_packages=tuple(map(bytes.fromhex, vector["key_packages"])),
    )
    assert opened.encode().hex() == vector["body"]
    assert Opened.decode(opened.encode()) == opened


@pytest.mark.parametrize("vector", VECTORS["key_packages"])
def test_key_packages_are_written_and_read_as_the_vectors_say(vector: dict[str, Any]) -> None:
    key_packages = tuple(map(bytes.fromhex, vector["key_packages"]))
    assert content.encode_key_packages(key_packages).hex() == vector["body"]
    assert content.decode_key_packages(bytes.fromhex(vector["body"])) == key_packages


@pytest.mark.parametrize("body", VECTORS["invalid_opened"])
def test_opened_of_a_wrong_shape_is_refused(body: str) -> None:
    with pytest.raises(MalformedContent):
        Opened.decode(bytes.fromhex(body))


@pytest.mark.parametrize(
    "body", [*map(bytes.fromhex, VECTORS["invalid_key_packages"]), b"\x81\x59\x20\x01" + bytes(8193)]
)
def test_key_packages_of_a_wrong_shape_are_refused(body: bytes) -> None:
    with pytest.raises(MalformedContent):
        content.decode_key_packages(body)


@pytest.mark.fuzz
@given(st.binary(max_size=80) | st.binary(max_size=80).map(lambda rest: b"\x83\x50" + rest))
def test_octets_are_read_or_refused(octets: bytes) -> None:
    for decode in (Opened.decode, content.decode_key_packages):
        try:
            decode(octets)
        except MalformedContent:
            continue
