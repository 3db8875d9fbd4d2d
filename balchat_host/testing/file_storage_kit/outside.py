"""What can be seen of a vault's files, and what damage to them does."""

import shutil
from collections.abc import Callable
from pathlib import Path
from unittest.mock import Mock

import anyio
import pytest
from anyio import to_thread

from balchat_host.api.errors import BadInput, BalchatError, VaultDamaged, VaultExposed, VaultTooNew, WrongSecret
from balchat_host.api.storage import SlotKind, Storage, Transaction
from balchat_host.testing.file_storage_kit.files import (
    NEEDLE,
    Contents,
    FileStorageKitBase,
    Left,
    contents,
    create_once,
    flip,
    open_once,
    places,
    require_all_private,
    require_private,
    require_unreadable,
    restore_once,
    truncate,
)
from balchat_host.testing.storage_child import pair
from balchat_host.testing.storage_kit import (
    OTHER_PASSPHRASE,
    PASSPHRASE,
    add_note,
    as_it_is,
    make_notes,
    new_vault,
    notes,
    unlocked,
)
from balchat_host.testing.storage_kit.vaults import Refused, refuse


class OutsideTests(FileStorageKitBase):
    """What can be seen of a vault's files, and what damage to them does."""

    # -- from outside

    def test_only_the_owner_can_reach_the_files(self, storage: Storage, directory: Path, tmp_path: Path) -> None:
        async def look() -> None:
            async with new_vault(storage, directory) as vault:
                await vault.transact(add_note("something"))
                await vault.backup(tmp_path / "backup", as_it_is)
                await to_thread.run_sync(require_private, directory)
            await restore_once(storage, tmp_path / "restored", tmp_path / "backup")
            async with unlocked(storage, directory) as vault:
                await vault.transact(add_note("more"))
                await to_thread.run_sync(require_private, directory)
                await vault.backup(tmp_path / "another", lambda _: require_all_private(tmp_path))

        anyio.run(look)
        require_all_private(tmp_path)

    def test_nothing_readable_lies_on_the_disk(self, storage: Storage, tmp_path: Path) -> None:
        directory, target = tmp_path / "account", tmp_path / "backup"
        code = storage.new_recovery_code()
        needles = [PASSPHRASE.reveal(), code.reveal(), NEEDLE.encode(), b"CREATE TABLE", b"SQLite format"]

        async def look() -> None:
            async with new_vault(storage, directory) as vault:
                await vault.set_slot(SlotKind.RECOVERY_CODE, code)
                await vault.transact(lambda tx: tx.area(NEEDLE).put(NEEDLE.encode(), NEEDLE.encode()))
                for _ in range(200):
                    await vault.transact(add_note(NEEDLE))
                await vault.backup(target, lambda _: require_unreadable(tmp_path, needles))
                await to_thread.run_sync(require_unreadable, tmp_path, needles)

        anyio.run(look)
        require_unreadable(tmp_path, needles)

    def test_nothing_readable_lies_on_the_disk_after_a_kill(self, killed: Left) -> None:
        needles = [PASSPHRASE.reveal(), pair(0)[0].encode()[:10], b"CREATE TABLE", b"SQLite format"]
        require_unreadable(killed.vault.parent, needles)

    def test_a_vault_that_others_can_reach_is_not_opened(self, storage: Storage, locked: Left) -> None:
        for path in (path for path in sorted(locked.vault.rglob("*")) if path.is_dir() or path.stat().st_size):
            mode = path.stat().st_mode
            path.chmod(mode | 0o044)
            with pytest.raises(VaultExposed):
                open_once(storage, locked.vault)
            path.chmod(mode)
        open_once(storage, locked.vault)
        locked.vault.chmod(0o777)
        with pytest.raises(VaultExposed):
            open_once(storage, locked.vault)

    def test_a_wrong_passphrase_changes_no_octet(self, storage: Storage, killed: Left) -> None:
        before = self.lasting(killed.vault)
        assert storage.exists(killed.vault)
        storage.checks(killed.vault)
        with pytest.raises(WrongSecret):
            anyio.run(storage.unlock, killed.vault, SlotKind.PASSPHRASE, OTHER_PASSPHRASE)
        assert self.lasting(killed.vault) == before

    def test_a_changed_passphrase_leaves_nothing_that_the_old_one_opens(
        self, storage: Storage, directory: Path
    ) -> None:
        async def change() -> None:
            async with new_vault(storage, directory):
                pass
            before.update(await to_thread.run_sync(self.lasting, directory))
            async with unlocked(storage, directory) as vault:
                await vault.set_slot(SlotKind.PASSPHRASE, OTHER_PASSPHRASE)

        before: Contents = {}
        anyio.run(change)
        after = self.lasting(directory)
        replaced = [octets for name, octets in before.items() if octets and after.get(name) != octets]
        assert replaced
        kept = [name for name, octets in after.items() if any(old in octets for old in replaced)]
        assert not kept, f"{kept} has what the old passphrase opens"

    def test_what_fails_leaves_no_files(self, storage: Storage, directory: Path, tmp_path: Path) -> None:
        async def fail() -> None:
            async with new_vault(storage, directory) as vault:
                with pytest.raises(Refused):
                    await vault.backup(tmp_path / "backup", refuse)
                await vault.backup(tmp_path / "whole", as_it_is)
                for target in (taken, link, tmp_path / "absent" / "backup"):
                    with pytest.raises(BadInput):
                        await vault.backup(target, as_it_is)
            with pytest.raises(Refused):
                await storage.restore(
                    tmp_path / "restored", tmp_path / "whole", SlotKind.PASSPHRASE, PASSPHRASE, refuse
                )
            with pytest.raises(Refused):
                await storage.create(tmp_path / "new", {SlotKind.PASSPHRASE: PASSPHRASE}, fill)

        def fill(tx: Transaction) -> None:
            make_notes(tx)
            raise Refused

        taken, link = tmp_path / "taken", tmp_path / "link"
        taken.write_bytes(b"")
        link.symlink_to(tmp_path / "elsewhere")
        anyio.run(fail)
        assert (taken.read_bytes(), link.is_symlink()) == (b"", True)
        assert not (tmp_path / "absent").exists()
        files = {path.relative_to(tmp_path) for path in tmp_path.rglob("*") if path.is_file() and path.stat().st_size}
        assert {path.parts[0] for path in files} == {directory.name, "whole"}

    def test_a_vault_may_lie_in_any_folder(self, storage: Storage, tmp_path: Path) -> None:
        """What means something in an address, a pattern or a shell is part of a name."""

        async def use(directory: Path) -> None:
            async with new_vault(storage, directory) as vault:
                await vault.transact(add_note("kept"))
                await vault.backup(directory.parent / "copy", as_it_is)
            for each in (directory, directory.parent / "copy"):
                async with unlocked(storage, each) as vault:
                    assert await vault.read(notes) == ["kept"]

        folder = tmp_path / "what? #1 [a*] 100%41 'ü' $HOME ; --"
        folder.mkdir()
        anyio.run(use, folder / "?mode=memory&x=#y")
        assert {path.name for path in tmp_path.iterdir()} == {folder.name}
        assert {path.name for path in folder.iterdir()} == {"?mode=memory&x=#y", "copy"}

    # -- damage

    def test_a_damage_anywhere_in_a_backup_is_noticed_or_takes_nothing(
        self, storage: Storage, locked: Left, tmp_path: Path
    ) -> None:
        for name, octets in contents(locked.vault).items():
            for place in places(len(octets)):
                for path in (tmp_path / "damaged", tmp_path / "restored"):
                    shutil.rmtree(path, ignore_errors=True)
                shutil.copytree(locked.vault, tmp_path / "damaged")
                (tmp_path / "damaged" / name).write_bytes(flip(octets, place))
                try:
                    anyio.run(restore_once, storage, tmp_path / "restored", tmp_path / "damaged")
                except (VaultDamaged, VaultTooNew):
                    assert not storage.exists(tmp_path / "restored"), f"{name} at {place}"
                else:
                    locked.require_kept(open_once(storage, tmp_path / "restored"))

    @pytest.mark.parametrize("damage", [flip, truncate])
    def test_a_damage_anywhere_is_noticed_or_takes_nothing(
        self, storage: Storage, left: Left, tmp_path: Path, damage: Callable[[bytes, int], bytes]
    ) -> None:
        damaged = tmp_path / "damaged"
        for name, octets in contents(left.vault).items():
            for place in places(len(octets)):
                shutil.rmtree(damaged, ignore_errors=True)
                shutil.copytree(left.vault, damaged)
                (damaged / name).write_bytes(damage(octets, place))
                before, opened = self.lasting(damaged), Mock()
                try:
                    found = open_once(storage, damaged, opened)
                except (VaultDamaged, VaultTooNew):
                    assert opened.called or self.lasting(damaged) == before, f"{name} at {place}: it was changed"
                else:
                    left.require_kept(found)

    def test_a_missing_file_is_noticed_and_nothing_is_made_in_its_place(self, storage: Storage, locked: Left) -> None:
        for path in [path for path in locked.vault.rglob("*") if path.is_file() and path.stat().st_size]:
            octets = path.read_bytes()
            path.unlink()
            with pytest.raises(VaultDamaged):
                open_once(storage, locked.vault)
            assert storage.exists(locked.vault)
            assert not path.exists()
            with pytest.raises(BalchatError, match="already has an account"):
                anyio.run(create_once, storage, locked.vault)
            path.write_bytes(octets)
            path.chmod(0o600)
        open_once(storage, locked.vault)

    def test_a_look_from_outside_names_what_is_wrong(self, storage: Storage, locked: Left) -> None:
        for path in [path for path in locked.vault.rglob("*") if path.is_file() and path.stat().st_size]:
            octets = path.read_bytes()
            path.unlink()
            assert any(check.problem for check in storage.checks(locked.vault))
            path.write_bytes(octets)
            assert any(check.problem for check in storage.checks(locked.vault)), "its mode is wide"
            path.chmod(0o600)
        assert not any(check.problem for check in storage.checks(locked.vault))
