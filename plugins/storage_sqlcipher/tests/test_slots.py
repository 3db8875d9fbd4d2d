"""Key slots: how strong they are made, in which spelling secrets are taken, and what forgets the key."""

from __future__ import annotations

from typing import TYPE_CHECKING

import anyio
import pytest
from anyio import ClosedResourceError
from balchat_storage_sqlcipher import header
from balchat_storage_sqlcipher.data_key import DataKey
from balchat_storage_sqlcipher.header import Kdf
from balchat_storage_sqlcipher.keyslots import read_new_secret, read_secret
from balchat_storage_sqlcipher.settings import Settings
from balchat_storage_sqlcipher.storage import SqlcipherStorage

from balchat_host.api.errors import BadInput, WeakPassphrase
from balchat_host.api.storage import SlotKind
from balchat_host.api.types import Secret
from balchat_host.testing.file_storage_kit import create_once
from balchat_host.testing.storage_kit import OTHER_PASSPHRASE, PASSPHRASE, make_notes, new_vault, unlocked

if TYPE_CHECKING:
    from pathlib import Path

    from balchat_storage_sqlcipher.vault import SqlcipherVault


def kdfs(directory: Path) -> dict[SlotKind, Kdf]:
    slots = header.decode((directory / "vault" / "header").read_bytes())
    return {kind: slot.kdf for kind, slot in slots.items()}


def test_slots_are_made_as_strong_as_the_rfc_recommends(directory: Path) -> None:
    anyio.run(create_once, SqlcipherStorage(Settings()), directory)
    assert kdfs(directory) == {SlotKind.PASSPHRASE: Kdf(memory_kib=65536, passes=3, lanes=4)}


def test_a_new_passphrase_takes_the_strength_that_is_set_now(storage: SqlcipherStorage, directory: Path) -> None:
    stronger = Kdf(memory_kib=16, passes=2, lanes=1)

    async def change() -> None:
        vault = await storage.create(
            directory,
            {SlotKind.PASSPHRASE: PASSPHRASE, SlotKind.RECOVERY_CODE: storage.new_recovery_code()},
            make_notes,
        )
        await vault.aclose()
        async with unlocked(SqlcipherStorage(weak_kdf=stronger), directory) as vault:
            await vault.set_slot(SlotKind.PASSPHRASE, OTHER_PASSPHRASE)
        async with unlocked(storage, directory, OTHER_PASSPHRASE):
            pass

    anyio.run(change)
    weak = Kdf(memory_kib=8, passes=1, lanes=1)
    assert kdfs(directory) == {SlotKind.PASSPHRASE: stronger, SlotKind.RECOVERY_CODE: weak}


def test_a_changed_passphrase_rewrites_no_database(storage: SqlcipherStorage, directory: Path) -> None:
    anyio.run(create_once, storage, directory)
    database = (directory / "vault" / "database").read_bytes()

    async def change() -> None:
        async with unlocked(storage, directory) as vault:
            await vault.set_slot(SlotKind.PASSPHRASE, OTHER_PASSPHRASE)

    anyio.run(change)
    assert (directory / "vault" / "database").read_bytes() == database


def test_a_passphrase_is_the_same_however_a_keyboard_composes_it() -> None:
    typed = Secret.from_text("cafe\N{COMBINING ACUTE ACCENT}\N{NO-BREAK SPACE}au lait")
    assert read_secret(SlotKind.PASSPHRASE, typed) == Secret.from_text("caf\u00e9 au lait")


def test_a_passphrase_keeps_its_case_and_its_spaces() -> None:
    typed = Secret.from_text("  Two  Words ")
    assert read_secret(SlotKind.PASSPHRASE, typed) == typed


@pytest.mark.parametrize("text", ["", "seven77", "e\N{COMBINING ACUTE ACCENT}" * 7])
def test_a_passphrase_is_measured_in_characters(text: str) -> None:
    with pytest.raises(WeakPassphrase, match="at least 8 are needed"):
        read_new_secret(SlotKind.PASSPHRASE, Secret.from_text(text))


def test_eight_characters_of_any_kind_are_enough() -> None:
    read_new_secret(SlotKind.PASSPHRASE, Secret.from_text("        "))
    read_new_secret(SlotKind.PASSPHRASE, Secret.from_text("\N{OWL}" * 8))


@pytest.mark.parametrize("kind", SlotKind)
def test_octets_that_are_no_text_are_refused(kind: SlotKind) -> None:
    with pytest.raises(BadInput, match=f"{kind}: it is not UTF-8 text"):
        read_secret(kind, Secret(b"\xff" * 8))


@pytest.mark.parametrize(
    "text",
    [
        "eight\0 or more",
        "eight\tor more",
        "\ufeffeight or more",
        "eight or more\x85",
        "eight\u2028or",
        "eight\u2029or more",
    ],
)
def test_a_passphrase_has_no_control_characters(text: str) -> None:
    with pytest.raises(BadInput, match="control character"):
        read_secret(SlotKind.PASSPHRASE, Secret.from_text(text))


def test_a_wiped_key_is_gone() -> None:
    key = DataKey(bytes(range(32)))
    assert repr(key) == "DataKey(…)"
    with key.specification() as specification:
        assert specification == b"x'" + bytes(range(32)).hex().encode() + b"'"
    assert specification == bytes(67)
    key.wipe()
    key.wipe()
    assert key._octets == bytes(32)
    for use in (lambda: key.wrap(bytes(32)), lambda: key.specification().__enter__()):
        with pytest.raises(ClosedResourceError):
            use()


@pytest.mark.anyio
async def test_locking_wipes_the_key(storage: SqlcipherStorage, directory: Path) -> None:
    async with new_vault(storage, directory):
        pass
    vault: SqlcipherVault = await storage.unlock(directory, SlotKind.PASSPHRASE, PASSPHRASE)
    key = vault._opened.data_key
    assert not key.wiped
    await vault.aclose()
    assert key.wiped
