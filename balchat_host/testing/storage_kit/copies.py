"""Backups, and vaults that are restored from them."""

from pathlib import Path

import pytest
from anyio import CancelScope

from balchat_host.api.errors import (
    AccountExists,
    BadInput,
    VaultInUse,
    WrongSecret,
)
from balchat_host.api.storage import (
    SlotKind,
    Storage,
    Transaction,
)
from balchat_host.api.types import Secret
from balchat_host.testing.storage_kit.vaults import (
    OTHER_PASSPHRASE,
    PASSPHRASE,
    Refused,
    StorageKitBase,
    add_note,
    as_it_is,
    exists,
    mistyped,
    new_code,
    new_vault,
    notes,
    refuse,
    unlocked,
)


@pytest.mark.anyio
class CopyTests(StorageKitBase):
    """Backups, and vaults that are restored from them."""

    async def test_a_backup_is_a_vault_that_the_same_secret_opens(
        self, storage: Storage, directory: Path, tmp_path: Path
    ) -> None:
        target = tmp_path / "backup"
        async with new_vault(storage, directory) as vault:
            await vault.transact(add_note("in both"))
            await vault.transact(lambda tx: tx.area("a").put(b"key", b"value"))
            await vault.transact(lambda tx: tx.execute("PRAGMA user_version = 7"))
            await vault.backup(target, as_it_is)
            await vault.transact(add_note("afterwards"))
            await vault.set_slot(SlotKind.PASSPHRASE, OTHER_PASSPHRASE)
            async with unlocked(storage, target) as copy:
                assert await copy.read(notes) == ["in both"]
                assert await copy.read(lambda tx: tx.area("a").get(b"key")) == b"value"
                assert await copy.read(lambda tx: tx.query("PRAGMA user_version")) == [(7,)]
                await copy.transact(add_note("in the copy"))
            assert await vault.read(notes) == ["in both", "afterwards"]

    async def test_a_backup_opens_with_the_secrets_that_hold_when_it_is_made(
        self, storage: Storage, directory: Path, tmp_path: Path
    ) -> None:
        target = tmp_path / "backup"
        async with new_vault(storage, directory) as vault:
            await vault.set_slot(SlotKind.PASSPHRASE, OTHER_PASSPHRASE)
            await vault.backup(target, as_it_is)
        with pytest.raises(WrongSecret):
            await storage.unlock(target, SlotKind.PASSPHRASE, PASSPHRASE)
        async with unlocked(storage, target, OTHER_PASSPHRASE) as copy:
            assert await copy.slots() == (SlotKind.PASSPHRASE,)

    async def test_a_backup_is_never_made_over_something(
        self, storage: Storage, directory: Path, tmp_path: Path
    ) -> None:
        target = tmp_path / "backup"
        async with new_vault(storage, directory) as vault:
            await vault.transact(add_note("first"))
            await vault.backup(target, as_it_is)
            await vault.transact(add_note("second"))
            with pytest.raises(BadInput):
                await vault.backup(target, as_it_is)
        async with unlocked(storage, target) as copy:
            assert await copy.read(notes) == ["first"]

    async def test_what_a_backup_is_amended_by_is_in_the_copy_alone(
        self, storage: Storage, directory: Path, tmp_path: Path
    ) -> None:
        async with new_vault(storage, directory) as vault:
            await vault.transact(add_note("in both"))
            await vault.backup(tmp_path / "backup", add_note("in the copy"))
            assert await vault.read(notes) == ["in both"]
        async with unlocked(storage, tmp_path / "backup") as copy:
            assert await copy.read(notes) == ["in both", "in the copy"]

    async def test_a_backup_that_cannot_be_amended_is_not_made(
        self, storage: Storage, directory: Path, tmp_path: Path
    ) -> None:
        async with new_vault(storage, directory) as vault:
            await vault.transact(add_note("kept"))
            with pytest.raises(Refused):
                await vault.backup(tmp_path / "backup", refuse)
            assert not await exists(storage, tmp_path / "backup")
            await vault.transact(add_note("it goes on"))
            await vault.backup(tmp_path / "backup", as_it_is)
            assert await vault.read(notes) == ["kept", "it goes on"]

    async def test_what_amends_a_copy_is_not_usable_afterwards(
        self, storage: Storage, directory: Path, tmp_path: Path
    ) -> None:
        kept: list[Transaction] = []
        async with new_vault(storage, directory) as vault:
            await vault.backup(tmp_path / "backup", kept.append)
        await storage.restore(tmp_path / "new", tmp_path / "backup", SlotKind.PASSPHRASE, PASSPHRASE, kept.append)
        assert len(kept) == 2  # noqa: PLR2004  # once for each copy
        for amendment in kept:
            with pytest.raises(RuntimeError):
                amendment.execute("DELETE FROM note")

    async def test_a_copy_that_is_given_up_is_whole_or_not_there(
        self, storage: Storage, directory: Path, tmp_path: Path
    ) -> None:
        backup, restored = tmp_path / "backup", tmp_path / "new"
        async with new_vault(storage, directory) as vault:
            with CancelScope() as scope:
                scope.cancel()
                await vault.backup(backup, add_note("amended"))
            if not await exists(storage, backup):
                await vault.backup(backup, add_note("amended"))
        with CancelScope() as scope:
            scope.cancel()
            await storage.restore(restored, backup, SlotKind.PASSPHRASE, PASSPHRASE, add_note("twice"))
        if not await exists(storage, restored):
            await storage.restore(restored, backup, SlotKind.PASSPHRASE, PASSPHRASE, add_note("twice"))
        for copy, expected in ((backup, ["amended"]), (restored, ["amended", "twice"])):
            async with unlocked(storage, copy) as vault:
                assert await vault.read(notes) == expected

    async def test_a_restored_vault_has_what_the_backup_had_and_its_amendment(
        self, storage: Storage, directory: Path, tmp_path: Path
    ) -> None:
        code = new_code(storage)
        backup = await self._back_up(storage, directory, tmp_path, code)
        by_passphrase, by_code = tmp_path / "one", tmp_path / "two"
        await storage.restore(by_passphrase, backup, SlotKind.PASSPHRASE, PASSPHRASE, add_note("restored"))
        await storage.restore(by_code, backup, SlotKind.RECOVERY_CODE, code, add_note("restored"))
        for restored in (by_passphrase, by_code):
            async with unlocked(storage, restored) as vault:
                assert await vault.read(notes) == ["kept", "restored"]
                await vault.transact(add_note("in one of them alone"))
        async with unlocked(storage, backup) as vault:
            assert await vault.read(notes) == ["kept"]

    async def test_a_locked_vault_of_an_account_can_be_restored_like_a_backup(
        self, storage: Storage, directory: Path, tmp_path: Path
    ) -> None:
        async with new_vault(storage, directory) as vault:
            await vault.transact(add_note("kept"))
            with pytest.raises(VaultInUse):
                await storage.restore(tmp_path / "new", directory, SlotKind.PASSPHRASE, PASSPHRASE, as_it_is)
        assert not await exists(storage, tmp_path / "new")
        await storage.restore(tmp_path / "new", directory, SlotKind.PASSPHRASE, PASSPHRASE, as_it_is)
        async with unlocked(storage, tmp_path / "new") as vault:
            assert await vault.read(notes) == ["kept"]

    async def test_a_restore_that_fails_leaves_no_vault(
        self, storage: Storage, directory: Path, tmp_path: Path
    ) -> None:
        code = new_code(storage)
        backup, target = await self._back_up(storage, directory, tmp_path, code), tmp_path / "new"
        passphrase, recovery_code = SlotKind.PASSPHRASE, SlotKind.RECOVERY_CODE
        for error, source, kind, secret, amend in (
            (WrongSecret, backup, passphrase, OTHER_PASSPHRASE, as_it_is),
            (BadInput, backup, recovery_code, mistyped(code), as_it_is),
            (WrongSecret, backup, recovery_code, new_code(storage), as_it_is),
            (BadInput, tmp_path / "absent", passphrase, PASSPHRASE, as_it_is),
            (Refused, backup, passphrase, PASSPHRASE, refuse),
        ):
            with pytest.raises(error):
                await storage.restore(target, source, kind, secret, amend)
            assert not await exists(storage, target)
        await storage.restore(target, backup, passphrase, PASSPHRASE, as_it_is)
        async with unlocked(storage, target) as vault:
            assert await vault.read(notes) == ["kept"]

    async def test_nothing_is_restored_over_a_vault(self, storage: Storage, directory: Path, tmp_path: Path) -> None:
        backup = await self._back_up(storage, directory, tmp_path, new_code(storage))
        async with unlocked(storage, directory) as vault:
            await vault.transact(add_note("newer"))
        with pytest.raises(AccountExists):
            await storage.restore(directory, backup, SlotKind.PASSPHRASE, PASSPHRASE, as_it_is)
        async with unlocked(storage, directory) as vault:
            assert await vault.read(notes) == ["kept", "newer"]

    async def _back_up(self, storage: Storage, directory: Path, tmp_path: Path, code: Secret) -> Path:
        """Make a vault with one note, and a backup of it that its passphrase and a recovery code open."""
        async with new_vault(storage, directory) as vault:
            await vault.set_slot(SlotKind.RECOVERY_CODE, code)
            await vault.transact(add_note("kept"))
            await vault.backup(tmp_path / "backup", as_it_is)
        return tmp_path / "backup"
