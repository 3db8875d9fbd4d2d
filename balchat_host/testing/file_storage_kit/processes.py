"""What another process, a kill and threads do to a vault."""

import threading
from itertools import islice
from pathlib import Path
from typing import Final

import anyio
import pytest
from anyio import to_thread

from balchat_host.api.errors import BalchatError, VaultInUse
from balchat_host.api.storage import ReadTransaction, SqlValue, Storage, Transaction, Vault
from balchat_host.testing.file_storage_kit.files import (
    FileStorageKitBase,
    Left,
    await_paths,
    open_once,
    orders,
    require_whole_or_none,
)
from balchat_host.testing.storage_child import Task, child
from balchat_host.testing.storage_kit import (
    add_note,
    as_it_is,
    new_vault,
    notes,
    unlocked,
)
from balchat_host.testing.waiting import PATIENCE

_BEFORE: Final = 10
"""Units before a backup begins."""

_FULL: Final = 2
"""From here on, `PRAGMA synchronous` has every commit wait for the disk."""


class ProcessTests(FileStorageKitBase):
    """What another process, a kill and threads do to a vault."""

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
        for paths in range(1, 8):
            parent = tmp_path / str(paths)
            with child(orders(Task.CREATE, storage, parent)) as process:
                assert next(iter(process)) == 0
                await_paths(parent, paths, beside={"0"})
            assert storage.exists(parent / "0"), "it was told that this one is made"
            for directory in sorted(parent.iterdir()):
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
        folder = tmp_path / "new"
        folder.mkdir()
        with child(orders(Task.DIE_TOUCHING, storage, folder)) as process:
            *killed, made = process
        assert storage.exists(folder / str(made)), "it was told that this one is made"
        for number in (*killed, made):
            require_whole_or_none(storage, folder / str(number), 0)

    def test_a_backup_that_was_killed_leaves_a_whole_vault_or_nothing(
        self, storage: Storage, locked: Left, tmp_path: Path
    ) -> None:
        rows = open_once(storage, locked.vault)
        for paths in range(1, 8, 2):
            folder = tmp_path / f"copies {paths}"
            folder.mkdir()
            with child(orders(Task.BACK_UP, storage, folder, source=locked.vault)) as process:
                assert next(iter(process)) == 0
                await_paths(folder, paths, beside={"0"})
            targets = [path for path in folder.iterdir() if path.name.isdecimal()]
            assert folder / "0" in targets, "it was told that this one is made"
            for target in targets:
                assert open_once(storage, target) == rows

    def test_a_backup_that_was_killed_while_it_was_amended_leaves_nothing_that_opens(
        self, storage: Storage, locked: Left, tmp_path: Path
    ) -> None:
        folder = tmp_path / "copies"
        folder.mkdir()
        with child(orders(Task.DIE_AMENDING, storage, folder / "copy", source=locked.vault)) as process:
            assert not set(process)
        assert not (folder / "copy").exists()
        for path in [path for path in folder.rglob("*") if path.is_dir()]:
            with pytest.raises(BalchatError):
                open_once(storage, path)

    def test_a_restore_that_was_killed_anywhere_leaves_a_whole_vault_or_none(
        self, storage: Storage, left: Left, tmp_path: Path
    ) -> None:
        before, folder = self.lasting(left.vault), tmp_path / "restored"
        folder.mkdir()
        with child(orders(Task.DIE_RESTORING, storage, folder, source=left.vault)) as process:
            *killed, restored = process
        assert self.lasting(left.vault) == before, "the backup was changed"
        assert storage.exists(folder / str(restored)), "it was told that this one is restored"
        for directory in (folder / str(number) for number in (*killed, restored)):
            if storage.exists(directory):
                left.require_kept(open_once(storage, directory))

    def test_a_commit_waits_until_the_disk_has_it(self, storage: Storage, directory: Path) -> None:
        """A kill loses nothing that the system has; a power failure does. So SQLite has to wait for the disk."""

        def settings(tx: Transaction) -> tuple[int, str]:
            ((level,),), ((journal,),) = tx.query("PRAGMA synchronous"), tx.query("PRAGMA journal_mode")
            assert isinstance(level, int)
            return level, str(journal)

        async def look() -> None:
            async with new_vault(storage, directory) as vault:
                found.append(await vault.transact(settings))
            async with unlocked(storage, directory) as vault:
                found.append(await vault.transact(settings))

        found: list[tuple[int, str]] = []
        anyio.run(look)
        for level, journal in found:
            assert level >= _FULL, f"PRAGMA synchronous is {level}: what is committed is lost in a power failure"
            assert journal not in {"off", "memory"}, f"PRAGMA journal_mode is {journal}: half a unit may be kept"

    # -- threads

    async def test_a_long_unit_holds_up_neither_the_loop_nor_a_view(self, storage: Storage, directory: Path) -> None:
        begun, go_on = threading.Event(), threading.Event()

        def long_unit(tx: Transaction) -> None:
            add_note("long")(tx)
            begun.set()
            assert go_on.wait(PATIENCE)

        async with new_vault(storage, directory) as vault, anyio.create_task_group() as tasks:
            await vault.transact(add_note("before"))
            tasks.start_soon(vault.transact, long_unit)
            assert await to_thread.run_sync(begun.wait, PATIENCE)
            try:
                assert await vault.read(notes) == ["before"]
            finally:
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
            try:
                await vault.transact(add_note("meanwhile"))
                assert await vault.read(notes) == ["before", "meanwhile"]
            finally:
                go_on.set()

    async def test_a_backup_is_of_one_moment_while_units_go_on(
        self, storage: Storage, directory: Path, tmp_path: Path
    ) -> None:
        copied = anyio.Event()

        def count_on(tx: Transaction) -> None:
            """Add a note. Have all notes and an area say how many there are."""
            number = str(len(notes(tx)) + 1)
            tx.execute("INSERT INTO note (text) VALUES ('')")
            tx.execute("UPDATE note SET text = ?", (number,))
            tx.area("number of notes").put(b"", number.encode())

        async def write_on(vault: Vault) -> None:
            while not copied.is_set():
                await vault.transact(count_on)

        async with new_vault(storage, directory) as vault:
            for _ in range(_BEFORE):
                await vault.transact(count_on)
            async with anyio.create_task_group() as tasks:
                tasks.start_soon(write_on, vault)
                await vault.backup(tmp_path / "backup", as_it_is)
                copied.set()
            async with unlocked(storage, tmp_path / "backup") as copy:
                found = await copy.read(notes)
                assert await copy.read(lambda tx: tx.area("number of notes").get(b"")) == str(len(found)).encode()
                assert found == [str(len(found))] * len(found)
                assert len(found) >= _BEFORE, "what was acknowledged before is missing"
