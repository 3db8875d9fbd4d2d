"""Recovery codes and key slots."""

from contextlib import suppress
from math import log2
from pathlib import Path
from typing import Final

import pytest
from anyio import CancelScope

from balchat_host.api.errors import (
    BadInput,
    WeakPassphrase,
    WrongSecret,
)
from balchat_host.api.storage import (
    SlotKind,
    Storage,
)
from balchat_host.api.types import Secret
from balchat_host.testing.storage_kit.vaults import (
    OTHER_PASSPHRASE,
    PASSPHRASE,
    StorageKitBase,
    add_note,
    closing_vault,
    make_notes,
    mistyped,
    new_code,
    new_vault,
    notes,
    unlocked,
)

_CODES: Final = 200
_LEAST_CHANCE: Final = 112.0
"""Bits that so many codes show of the 128 that each has."""


@pytest.mark.anyio
class SlotTests(StorageKitBase):
    """Recovery codes and key slots."""

    async def test_every_recovery_code_is_another(self, storage: Storage) -> None:
        codes = [new_code(storage).reveal() for _ in range(_CODES)]
        assert len(set(codes)) == _CODES
        chance = sum(log2(len(set(characters))) for characters in zip(*codes, strict=True))
        assert chance >= _LEAST_CHANCE, "a recovery code needs 128 bits of chance"

    async def test_the_recovery_code_opens_as_a_person_types_it(self, storage: Storage, directory: Path) -> None:
        code = new_code(storage)
        await (await storage.create(directory, {SlotKind.RECOVERY_CODE: code}, make_notes)).aclose()
        typed = Secret.from_text(f" {code.reveal().decode().lower()}\n")
        vault = await storage.unlock(directory, SlotKind.RECOVERY_CODE, typed)
        async with closing_vault(vault):
            assert await vault.slots() == (SlotKind.RECOVERY_CODE,)

    async def test_a_mistyped_recovery_code_is_told_from_a_wrong_one(self, storage: Storage, directory: Path) -> None:
        code = new_code(storage)
        await (await storage.create(directory, {SlotKind.RECOVERY_CODE: code}, make_notes)).aclose()
        with pytest.raises(WrongSecret):
            await storage.unlock(directory, SlotKind.RECOVERY_CODE, new_code(storage))
        with pytest.raises(BadInput) as raised:
            await storage.unlock(directory, SlotKind.RECOVERY_CODE, mistyped(code))
        assert code.reveal().decode() not in str(raised.value)

    async def test_a_changed_recovery_code_replaces_the_old_one_alone(self, storage: Storage, directory: Path) -> None:
        old, new = new_code(storage), new_code(storage)
        slots = {SlotKind.PASSPHRASE: PASSPHRASE, SlotKind.RECOVERY_CODE: old}
        async with closing_vault(await storage.create(directory, slots, make_notes)) as vault:
            await vault.set_slot(SlotKind.RECOVERY_CODE, new)
            await vault.set_slot(SlotKind.PASSPHRASE, OTHER_PASSPHRASE)
            with pytest.raises(BadInput):
                await vault.verify_slot(SlotKind.RECOVERY_CODE, mistyped(new))
        with pytest.raises(WrongSecret):
            await storage.unlock(directory, SlotKind.RECOVERY_CODE, old)
        await (await storage.unlock(directory, SlotKind.RECOVERY_CODE, new)).aclose()
        async with unlocked(storage, directory, OTHER_PASSPHRASE):
            pass

    async def test_a_changed_passphrase_replaces_the_old_one(self, storage: Storage, directory: Path) -> None:
        async with new_vault(storage, directory) as vault:
            await vault.transact(add_note("kept"))
            await vault.set_slot(SlotKind.PASSPHRASE, OTHER_PASSPHRASE)
            await vault.transact(add_note("too"))
        with pytest.raises(WrongSecret):
            await storage.unlock(directory, SlotKind.PASSPHRASE, PASSPHRASE)
        async with unlocked(storage, directory, OTHER_PASSPHRASE) as vault:
            assert await vault.read(notes) == ["kept", "too"]

    async def test_giving_up_a_change_leaves_the_old_passphrase_or_the_new_one(
        self, storage: Storage, directory: Path
    ) -> None:
        async with new_vault(storage, directory) as vault:
            with CancelScope() as scope:
                scope.cancel()
                await vault.set_slot(SlotKind.PASSPHRASE, OTHER_PASSPHRASE)
            assert list(await vault.slots()) == [SlotKind.PASSPHRASE]
        opened: list[Secret] = []
        for secret in (PASSPHRASE, OTHER_PASSPHRASE):
            with suppress(WrongSecret):
                async with unlocked(storage, directory, secret):
                    opened.append(secret)
        assert len(opened) == 1

    async def test_slots_are_added_and_named(self, storage: Storage, directory: Path) -> None:
        code = new_code(storage)
        async with new_vault(storage, directory) as vault:
            assert list(await vault.slots()) == [SlotKind.PASSPHRASE]
            await vault.set_slot(SlotKind.RECOVERY_CODE, code)
            assert set(await vault.slots()) == {SlotKind.PASSPHRASE, SlotKind.RECOVERY_CODE}
            for kind, secret in ((SlotKind.PASSPHRASE, code), (SlotKind.RECOVERY_CODE, PASSPHRASE)):
                with pytest.raises((WrongSecret, BadInput)):
                    await vault.verify_slot(kind, secret)
        await (await storage.unlock(directory, SlotKind.RECOVERY_CODE, code)).aclose()
        async with unlocked(storage, directory):
            pass

    async def test_a_secret_is_verified_without_opening_again(self, storage: Storage, directory: Path) -> None:
        async with new_vault(storage, directory) as vault:
            await vault.verify_slot(SlotKind.PASSPHRASE, PASSPHRASE)
            with pytest.raises(WrongSecret):
                await vault.verify_slot(SlotKind.PASSPHRASE, OTHER_PASSPHRASE)
            with pytest.raises(WrongSecret):
                await vault.verify_slot(SlotKind.RECOVERY_CODE, new_code(storage))

    async def test_a_bad_new_secret_leaves_the_old_one(self, storage: Storage, directory: Path) -> None:
        async with new_vault(storage, directory) as vault:
            with pytest.raises(WeakPassphrase):
                await vault.set_slot(SlotKind.PASSPHRASE, Secret.from_text("short"))
            with pytest.raises(BadInput):
                await vault.set_slot(SlotKind.RECOVERY_CODE, Secret.from_text("no recovery code at all"))
            assert list(await vault.slots()) == [SlotKind.PASSPHRASE]
            await vault.verify_slot(SlotKind.PASSPHRASE, PASSPHRASE)
