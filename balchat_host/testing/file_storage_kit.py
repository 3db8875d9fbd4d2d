"""The conformance kit for vaults that keep files and run units on a thread of their own.

It looks at a vault from outside: at the names, modes and octets of its files, and at what another process, a kill or a
flipped octet does to it. The storage must be one that `pickle` can carry into another process.
"""

import shutil
import threading
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import partial
from itertools import count, islice
from pathlib import Path
from stat import S_IMODE
from typing import Final
from unittest.mock import Mock

import anyio
import pytest
from anyio import to_thread

from balchat_host.api.errors import BalchatError, VaultDamaged, VaultExposed, VaultInUse, VaultTooNew, WrongSecret
from balchat_host.api.storage import ReadTransaction, SlotKind, SqlRow, SqlValue, Storage, Transaction, Vault
from balchat_host.testing.storage_child import TABLE, Orders, Task, child, pair, write_pair
from balchat_host.testing.storage_kit import (
    OTHER_PASSPHRASE,
    PASSPHRASE,
    StorageKit,
    add_note,
    as_it_is,
    new_vault,
    notes,
    unlocked,
)
from balchat_host.testing.waiting import PATIENCE

NEEDLE: Final = "a needle that nobody must find"
FEW: Final = 200
"""Units that are written before something happens."""

DAMAGES: Final = 24
"""How many places of each file are damaged."""

Contents = dict[str, bytes]


@dataclass(frozen=True, slots=True, kw_only=True)
class Left:
    """What a process left: a vault, and the numbers of the units in it that were acknowledged."""

    vault: Path
    acknowledged: frozenset[int]

    def require_kept(self, found: list[SqlRow]) -> None:
        """Assert that every acknowledged unit is there, and every unit that is there is whole."""
        numbers = sorted({number for number, _ in found if isinstance(number, int)})
        assert self.acknowledged <= set(numbers), "an acknowledged unit is gone"
        assert found == [(number, text) for number in numbers for text in pair(number)], "a unit is there in part"


def contents(directory: Path) -> Contents:
    """Read every file below a directory, by its relative path."""
    return {str(path.relative_to(directory)): path.read_bytes() for path in directory.rglob("*") if path.is_file()}


def places(size: int) -> list[int]:
    """Choose offsets all over a file: the first and the last octets, and what lies between them."""
    return sorted({0, size - 1, *(size * step // DAMAGES for step in range(DAMAGES))}) if size else []


def flip(octets: bytes, place: int) -> bytes:
    """Turn one bit over."""
    return octets[:place] + bytes([octets[place] ^ 1]) + octets[place + 1 :]


def truncate(octets: bytes, place: int) -> bytes:
    """Cut off what follows."""
    return octets[:place]


def halves(tx: ReadTransaction) -> list[SqlRow]:
    """Give all that a child wrote."""
    return tx.query("SELECT number, text FROM half ORDER BY number, text")


class FileStorageKit(StorageKit):
    """What every vault does that keeps files."""

    scratch: frozenset[str] = frozenset()
    """Files, relative to the vault's directory, whose octets may change though the vault was not opened."""

    @pytest.fixture
    def locked(self, storage: Storage, directory: Path) -> Left:
        """A vault that was locked as it should be."""
        numbers = range(FEW)

        async def write() -> None:
            async with new_vault(storage, directory) as vault:
                await vault.transact(lambda tx: tx.script(TABLE))
                for number in numbers:
                    await vault.transact(partial(write_pair, number))

        anyio.run(write)
        return Left(vault=directory, acknowledged=frozenset(numbers))

    @pytest.fixture
    def killed(self, storage: Storage, locked: Left) -> Left:
        """A vault whose process was killed while it wrote."""
        with child(orders(Task.WRITE, storage, locked.vault)) as process:
            numbers = set(islice(process, FEW)) | process.kill()
        return Left(vault=locked.vault, acknowledged=locked.acknowledged | numbers)

    @pytest.fixture(params=["locked", "killed"])
    def left(self, request: pytest.FixtureRequest) -> Left:
        """A vault that was locked, and one whose process was killed."""
        return request.getfixturevalue(request.param)

    def lasting(self, directory: Path) -> Contents:
        """Read every file but the scratch files."""
        return {name: octets for name, octets in contents(directory).items() if name not in self.scratch}

    # -- from outside

    def test_only_the_owner_can_reach_the_files(self, storage: Storage, directory: Path, tmp_path: Path) -> None:
        async def look() -> None:
            async with new_vault(storage, directory) as vault:
                await vault.transact(add_note("something"))
                await vault.backup(tmp_path / "backup", as_it_is)
                await to_thread.run_sync(require_private, directory)

        anyio.run(look)
        require_private(directory)
        require_private(tmp_path / "backup")

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
                await vault.backup(target, as_it_is)
                await to_thread.run_sync(require_unreadable, tmp_path, needles)

        anyio.run(look)
        require_unreadable(tmp_path, needles)

    def test_nothing_readable_lies_on_the_disk_after_a_kill(self, killed: Left) -> None:
        require_unreadable(
            killed.vault, [PASSPHRASE.reveal(), pair(0)[0].encode()[:10], b"CREATE TABLE", b"SQLite format"]
        )

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
        with pytest.raises(WrongSecret):
            anyio.run(storage.unlock, killed.vault, SlotKind.PASSPHRASE, OTHER_PASSPHRASE)
        assert self.lasting(killed.vault) == before

    # -- another process, and a kill

    def test_a_vault_is_open_in_one_process_until_that_is_killed(self, storage: Storage, locked: Left) -> None:
        with child(orders(Task.HOLD, storage, locked.vault)) as process:
            assert next(iter(process)) == 0
            with pytest.raises(VaultInUse):
                open_once(storage, locked.vault)
        open_once(storage, locked.vault)

    @pytest.mark.parametrize("acknowledged", [1, 50, 2000])
    def test_every_acknowledged_unit_outlives_a_kill(self, storage: Storage, locked: Left, acknowledged: int) -> None:
        with child(orders(Task.WRITE, storage, locked.vault)) as process:
            numbers = set(islice(process, acknowledged)) | process.kill()
        Left(vault=locked.vault, acknowledged=locked.acknowledged | numbers).require_kept(
            open_once(storage, locked.vault)
        )

    def test_a_creation_that_was_killed_leaves_a_whole_vault_or_none(self, storage: Storage, tmp_path: Path) -> None:
        for created in range(8):
            parent = tmp_path / str(created)
            with child(orders(Task.CREATE, storage, parent)) as process:
                assert len(list(islice(process, created))) == created
            for directory in sorted(parent.iterdir()) if parent.exists() else []:
                require_whole_or_none(storage, directory, int(directory.name))

    def test_a_creation_that_was_killed_in_its_first_unit_leaves_no_vault(
        self, storage: Storage, directory: Path
    ) -> None:
        with child(orders(Task.DIE_FILLING, storage, directory)) as process:
            assert not set(process)
        assert not storage.exists(directory)
        require_whole_or_none(storage, directory, 0)

    def test_a_creation_that_was_killed_anywhere_leaves_a_whole_vault_or_none(
        self, storage: Storage, tmp_path: Path
    ) -> None:
        for at in count(1):
            directory = tmp_path / str(at)
            with child(orders(Task.DIE_TOUCHING, storage, directory, at=at)) as process:
                survived = set(process) == {0}
            assert storage.exists(directory) or not survived
            require_whole_or_none(storage, directory, 0)
            if survived:
                break

    def test_a_backup_that_was_killed_leaves_a_whole_vault_or_nothing(self, storage: Storage, locked: Left) -> None:
        rows = open_once(storage, locked.vault)
        with child(orders(Task.BACK_UP, storage, locked.vault)) as process:
            finished = {str(number) for number in islice(process, 5)}
        targets = [path for path in locked.vault.parent.iterdir() if path.name.isdecimal()]
        assert finished <= {target.name for target in targets}
        for target in targets:
            assert open_once(storage, target) == rows

    def test_a_restore_that_was_killed_anywhere_leaves_a_whole_vault_or_none(
        self, storage: Storage, left: Left, tmp_path: Path
    ) -> None:
        before = self.lasting(left.vault)
        for at in count(1):
            directory = tmp_path / f"restored {at}"
            given = orders(Task.DIE_RESTORING, storage, directory, at=at, source=left.vault)
            with child(given) as process:
                survived = set(process) == {0}
            assert storage.exists(directory) or not survived
            if storage.exists(directory):
                left.require_kept(open_once(storage, directory))
            if survived:
                break
        assert self.lasting(left.vault) == before

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

    def test_a_missing_file_is_noticed_and_nothing_is_made_anew(self, storage: Storage, locked: Left) -> None:
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

    # -- threads

    async def test_a_long_unit_holds_up_neither_the_loop_nor_a_view(self, storage: Storage, directory: Path) -> None:
        go_on = threading.Event()

        def long_unit(tx: Transaction) -> None:
            add_note("long")(tx)
            assert go_on.wait(PATIENCE)

        async with new_vault(storage, directory) as vault, anyio.create_task_group() as tasks:
            await vault.transact(add_note("before"))
            tasks.start_soon(vault.transact, long_unit)
            await anyio.wait_all_tasks_blocked()
            assert await vault.read(notes) == ["before"]
            go_on.set()

    async def test_a_long_view_stays_as_it_was_and_holds_up_no_unit(self, storage: Storage, directory: Path) -> None:
        begun, go_on = threading.Event(), threading.Event()

        def long_view(tx: ReadTransaction) -> tuple[list[SqlValue], list[SqlValue]]:
            first = notes(tx)
            begun.set()
            assert go_on.wait(PATIENCE)
            return first, notes(tx)

        async def view() -> None:
            assert await vault.read(long_view) == (["before"], ["before"])

        async with new_vault(storage, directory) as vault, anyio.create_task_group() as tasks:
            await vault.transact(add_note("before"))
            tasks.start_soon(view)
            assert await to_thread.run_sync(begun.wait, PATIENCE)
            await vault.transact(add_note("meanwhile"))
            assert await vault.read(notes) == ["before", "meanwhile"]
            go_on.set()

    async def test_a_backup_is_of_one_moment_while_units_go_on(
        self, storage: Storage, directory: Path, tmp_path: Path
    ) -> None:
        copied = anyio.Event()

        def two_notes(tx: Transaction) -> None:
            add_note("one")(tx)
            add_note("two")(tx)

        async def write_on(vault: Vault) -> None:
            while not copied.is_set():
                await vault.transact(two_notes)

        async with new_vault(storage, directory) as vault:
            async with anyio.create_task_group() as tasks:
                tasks.start_soon(write_on, vault)
                await vault.backup(tmp_path / "backup", as_it_is)
                copied.set()
            async with unlocked(storage, tmp_path / "backup") as copy:
                assert len(await copy.read(notes)) % 2 == 0


def orders(task: Task, storage: Storage, directory: Path, *, at: int = 0, source: Path | None = None) -> Orders:
    """Orders for a child."""
    return Orders(task=task, storage=storage, directory=directory, passphrase=PASSPHRASE, at=at, source=source)


def open_once(storage: Storage, directory: Path, opened: Callable[[], None] = lambda: None) -> list[SqlRow]:
    """Unlock the vault, call `opened`, read all that children wrote, and lock it."""

    async def look() -> list[SqlRow]:
        async with unlocked(storage, directory) as vault:
            opened()
            return await vault.read(halves)

    return anyio.run(look)


async def unlock_once(storage: Storage, directory: Path) -> None:
    """Unlock a vault and lock it."""
    async with unlocked(storage, directory):
        pass


async def create_once(storage: Storage, directory: Path) -> None:
    """Make a vault and lock it."""
    async with new_vault(storage, directory):
        pass


async def restore_once(storage: Storage, directory: Path, source: Path) -> None:
    """Restore a vault as it is."""
    await storage.restore(directory, source, SlotKind.PASSPHRASE, PASSPHRASE, as_it_is)


def require_whole_or_none(storage: Storage, directory: Path, number: int) -> None:
    """Assert that a child's creation was finished with all of its first unit, or can be done again."""
    if storage.exists(directory):
        assert open_once(storage, directory) == [(number, text) for text in pair(number)]
    else:
        anyio.run(create_once, storage, directory)


def require_private(directory: Path) -> None:
    """Assert that folders have the mode 0700 and files 0600."""
    for path in (directory, *directory.rglob("*")):
        assert S_IMODE(path.stat().st_mode) == (0o700 if path.is_dir() else 0o600), path.name


def require_unreadable(directory: Path, needles: Iterable[bytes]) -> None:
    """Assert that no needle occurs in a file or in a name."""
    for name, octets in contents(directory).items():
        for needle in needles:
            assert needle not in octets + name.encode(), f"found in {name}"
