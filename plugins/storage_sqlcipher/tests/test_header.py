"""The header's octets: the vectors of docs/spec/vault.md, and whatever else lies in its place."""

from __future__ import annotations

import json
from dataclasses import replace
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest
from balchat_storage_sqlcipher import header
from balchat_storage_sqlcipher.data_key import DataKey
from balchat_storage_sqlcipher.header import Kdf, Slot
from balchat_storage_sqlcipher.keyslots import lock_slot, open_slot, read_secret
from hypothesis import given
from hypothesis import strategies as st

from balchat_host.api.errors import VaultDamaged, VaultTooNew, WrongSecret, type_registry
from balchat_host.api.storage import SlotKind
from balchat_host.api.types import Secret

VECTORS = sorted((Path(__file__).parent / "vectors").glob("header_*.json"))

kdfs = st.builds(
    Kdf,
    memory_kib=st.integers(8 * header.MAX_LANES, header.MAX_MEMORY_KIB),
    passes=st.integers(1, header.MAX_PASSES),
    lanes=st.integers(1, header.MAX_LANES),
)
slots = st.builds(Slot, kdf=kdfs, salt=st.binary(min_size=16, max_size=16), wrapped=st.binary(min_size=40, max_size=40))


def octets_of(key: DataKey) -> bytes:
    with key.specification() as specification:
        return bytes.fromhex(specification[2:-1].decode())


def open_vector(vector: dict[str, Any]) -> bytes:
    kind = SlotKind(vector["slot"])
    slots = header.decode(bytes.fromhex(vector["header"]))
    return octets_of(open_slot(slots, kind, read_secret(kind, Secret.from_text(vector["secret"]))))


def with_checksum(body: bytes) -> bytes:
    return body + sha256(body).digest()


@pytest.mark.parametrize("path", VECTORS, ids=lambda path: path.stem)
def test_vectors(path: Path) -> None:
    vector = json.loads(path.read_text())
    if "data_key" in vector:
        assert open_vector(vector).hex() == vector["data_key"]
        return
    with pytest.raises(type_registry[vector["error"]]) as raised:
        open_vector(vector)
    assert {key: raised.value.fields[key] for key in vector["fields"]} == vector["fields"]


@given(st.dictionaries(st.sampled_from(SlotKind), slots, min_size=1))
def test_what_is_written_is_read(slots: dict[SlotKind, Slot]) -> None:
    assert header.decode(header.encode(slots)) == slots


@given(st.dictionaries(st.sampled_from(SlotKind), slots, min_size=1), st.data())
def test_any_flipped_bit_is_damage(slots: dict[SlotKind, Slot], data: st.DataObject) -> None:
    octets = bytearray(header.encode(slots))
    octets[data.draw(st.integers(0, len(octets) - 1))] ^= 1 << data.draw(st.integers(0, 7))
    with pytest.raises(VaultDamaged):
        header.decode(bytes(octets))


@pytest.mark.fuzz
@given(
    st.binary(max_size=300), st.sampled_from([b"", b"balchat vault\0\r\n", b"balchat vault\0\r\n\0\1"]), st.booleans()
)
def test_any_octets_are_read_or_refused(octets: bytes, start: bytes, summed: bool) -> None:
    octets = with_checksum(start + octets) if summed else start + octets
    try:
        slots = header.decode(octets)
    except (VaultDamaged, VaultTooNew):
        return
    for slot in slots.values():
        assert slot.kdf.memory_kib <= header.MAX_MEMORY_KIB
        assert slot.kdf.passes <= header.MAX_PASSES


def test_a_later_version_of_any_shape_is_too_new() -> None:
    with pytest.raises(VaultTooNew, match="format 2; this one knows 1"):
        header.decode(with_checksum(b"balchat vault\0\r\n\0\2" + b"whatever"))


def test_a_slot_shows_neither_salt_nor_key() -> None:
    slot = Slot(kdf=Kdf(memory_kib=8, passes=1, lanes=1), salt=b"salt" * 4, wrapped=b"wrap" * 10)
    assert repr(slot) == "Slot(kdf=Kdf(memory_kib=8, passes=1, lanes=1), …)"


@pytest.mark.parametrize("change", [{"memory_kib": 16}, {"passes": 2}, {"lanes": 2, "memory_kib": 16}])
def test_altered_parameters_open_nothing(change: dict[str, int], weak_kdf: Kdf) -> None:
    secret = Secret.from_text("a passphrase")
    slot = lock_slot(DataKey.generate(), secret, weak_kdf)
    open_slot({SlotKind.PASSPHRASE: slot}, SlotKind.PASSPHRASE, secret)
    with pytest.raises(WrongSecret):
        open_slot({SlotKind.PASSPHRASE: replace(slot, kdf=replace(weak_kdf, **change))}, SlotKind.PASSPHRASE, secret)
