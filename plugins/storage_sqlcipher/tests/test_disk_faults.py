"""What a full, a failing or a damaged disk does to a vault that is open."""

from __future__ import annotations

import os
import resource
import subprocess
from contextlib import contextmanager, nullcontext, suppress
from errno import EACCES, EDQUOT, EIO, ENOSPC
from functools import partial
from typing import TYPE_CHECKING
from unittest.mock import Mock

import anyio
import pytest
from balchat_storage_sqlcipher.faults import disk_condition, disk_faults, fault
from balchat_storage_sqlcipher.vault import SqlcipherVault

from balchat_host.api.errors import StorageFailed, StorageFull, VaultDamaged
from balchat_host.api.storage import SlotKind, SqlError, Transaction
from balchat_host.testing.file_storage_kit import create_once
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

if TYPE_CHECKING:
    from collections.abc import Generator, Iterator
    from pathlib import Path

    from balchat_storage_sqlcipher.storage import SqlcipherStorage

    from balchat_host.api.storage import Vault
    from balchat_host.api.types import Secret

BULK = "x" * 100_000


class SmallDisk:
    """A file system of 1 MiB; where none can be mounted, SQLite is told to take as little."""

    def __init__(self, folder: Path, *, mount: bool) -> None:
        self.folder = folder
        command = ["mount", "-t", "tmpfs", "-o", "size=1m,mode=0700", "none", str(folder)]
        self.mounted = mount and subprocess.run(command, capture_output=True, check=False).returncode == 0

    @contextmanager
    def full(self, vault: Vault) -> Generator[None]:
        """Leave hardly any room while the block runs."""
        if self.mounted:
            ballast, room = self.folder / "ballast", os.statvfs(self.folder)
            ballast.write_bytes(bytes(room.f_bavail * room.f_frsize - 8192))
            yield
            ballast.unlink()
        else:
            assert isinstance(vault, SqlcipherVault)
            cursor = vault._opened.connection.cursor()
            cursor.execute("PRAGMA max_page_count = 12")
            yield
            cursor.execute("PRAGMA max_page_count = 1000000")


# Only root may mount; whoever may not fills a page limit instead.
@pytest.fixture(params=[False, True] if os.geteuid() == 0 else [False], ids=lambda mount: "mount" if mount else "pages")
def small_disk(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[SmallDisk]:
    folder = tmp_path / "disk"
    folder.mkdir(mode=0o700)
    disk = SmallDisk(folder, mount=request.param)
    yield disk
    if disk.mounted:
        subprocess.run(["umount", str(folder)], check=True)


@contextmanager
def broken_disk() -> Generator[None]:
    """Let every write beyond the first KiB of a file fail; not for want of room, as far as anybody can tell."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1024, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


ONE_ROW = "INSERT INTO note (text) VALUES (?)"
# SQLite undoes the whole transaction when the first of these finds no room, and only the statement with the second.
TWO_ROWS = "INSERT INTO single (text) SELECT ? || hex(randomblob(8)) FROM (SELECT 1 UNION ALL SELECT 2)"


def swallowing(statement: str, tx: Transaction) -> None:
    """A unit that does not care whether it fails."""
    add_note("undone")(tx)
    for _ in range(3):
        with suppress(Exception), tx.savepoint():
            tx.execute(statement, (BULK,))
        with suppress(Exception):
            add_note("stray")(tx)


@pytest.mark.anyio
async def test_a_full_disk_undoes_the_unit_and_the_vault_goes_on(
    storage: SqlcipherStorage, small_disk: SmallDisk
) -> None:
    directory = small_disk.folder / "account"
    async with new_vault(storage, directory) as vault:
        await vault.transact(lambda tx: tx.script("CREATE TABLE single (text TEXT UNIQUE) STRICT;"))
        await vault.transact(add_note("before"))
        with small_disk.full(vault):
            for statement in (ONE_ROW, TWO_ROWS) * 2:
                with pytest.raises(StorageFull):
                    await vault.transact(lambda tx, s=statement: tx.execute(s, (BULK,)))
                with pytest.raises(StorageFull):
                    await vault.transact(partial(swallowing, statement))
            assert await vault.read(notes) == ["before"]
        await vault.transact(add_note("after"))
        assert await vault.read(notes) == ["before", "after"]
    async with unlocked(storage, directory) as vault:
        assert await vault.read(notes) == ["before", "after"]


@pytest.mark.anyio
async def test_units_beside_one_that_is_too_large_happen_or_raise(
    storage: SqlcipherStorage, small_disk: SmallDisk
) -> None:
    kept: set[str] = set()

    async def hand_in(text: str) -> None:
        with suppress(StorageFull):
            await vault.transact(add_note(text))
            kept.add(text)

    async with new_vault(storage, small_disk.folder / "account") as vault:
        with small_disk.full(vault):
            async with anyio.create_task_group() as tasks:
                for number in range(20):
                    tasks.start_soon(hand_in, BULK if number == 10 else str(number))
        assert BULK not in kept
        assert set(await vault.read(notes)) == kept


@pytest.mark.anyio
async def test_a_backup_that_finds_no_room_leaves_nothing(
    storage: SqlcipherStorage, small_disk: SmallDisk, tmp_path: Path
) -> None:
    async with new_vault(storage, tmp_path / "account") as vault:
        await vault.transact(add_note(BULK * 20))
        # Where nothing could be mounted, a broken disk stands in for a small one.
        with nullcontext() if small_disk.mounted else broken_disk(), pytest.raises((StorageFull, StorageFailed)):
            await vault.backup(small_disk.folder / "backup", as_it_is)
        assert not any(small_disk.folder.iterdir())
        await vault.transact(add_note("after"))


@pytest.mark.anyio
async def test_a_failed_write_makes_the_vault_refuse_units_until_it_is_unlocked_again(
    storage: SqlcipherStorage, directory: Path
) -> None:
    async with new_vault(storage, directory) as vault:
        await vault.transact(add_note("before"))
        with broken_disk(), pytest.raises(StorageFailed, match="The disk failed"):
            await vault.transact(add_note("lost"))
        for _ in range(2):
            with pytest.raises(StorageFailed):
                await vault.transact(add_note("refused"))
        assert await vault.read(notes) == ["before"]
    async with unlocked(storage, directory) as vault:
        await vault.transact(add_note("after"))
        assert await vault.read(notes) == ["before", "after"]


@pytest.mark.parametrize("step", ["make_file", "Path.replace", "sync"])
def test_a_header_that_cannot_be_written_leaves_the_old_one(
    storage: SqlcipherStorage, directory: Path, monkeypatch: pytest.MonkeyPatch, step: str
) -> None:
    async def change() -> None:
        async with new_vault(storage, directory) as vault:
            with monkeypatch.context() as patch:
                patch.setattr(f"balchat_storage_sqlcipher.files.{step}", Mock(side_effect=OSError(EIO, "broken")))
                with pytest.raises(StorageFailed):
                    await vault.set_slot(SlotKind.PASSPHRASE, OTHER_PASSPHRASE)
            await vault.verify_slot(SlotKind.PASSPHRASE, PASSPHRASE)

    anyio.run(change)
    # Only when the new header is in place, and merely not known to be on the disk, the new passphrase may open it.
    anyio.run(unlock_with, storage, directory, OTHER_PASSPHRASE if step == "sync" else PASSPHRASE)


async def unlock_with(storage: SqlcipherStorage, directory: Path, passphrase: Secret) -> None:
    async with unlocked(storage, directory, passphrase):
        pass


def test_a_creation_that_fails_leaves_no_vault(storage: SqlcipherStorage, directory: Path) -> None:
    with broken_disk(), pytest.raises(StorageFailed):
        anyio.run(storage.create, directory, {SlotKind.PASSPHRASE: PASSPHRASE}, make_notes)
    assert names(directory) == ["vault.lock"]
    anyio.run(create_once, storage, directory)


@pytest.mark.anyio
@pytest.mark.parametrize("swallowed", [False, True])
async def test_a_creation_whose_first_unit_finds_no_room_leaves_no_vault(
    storage: SqlcipherStorage, small_disk: SmallDisk, swallowed: bool
) -> None:
    def fill(tx: Transaction) -> None:
        make_notes(tx)
        if not small_disk.mounted:
            tx.query("PRAGMA max_page_count = 12")
        with suppress(StorageFull) if swallowed else nullcontext():
            add_note(BULK * 20)(tx)

    directory = small_disk.folder / "account"
    with pytest.raises(StorageFull):
        await storage.create(directory, {SlotKind.PASSPHRASE: PASSPHRASE}, fill)
    assert names(directory) == ["vault.lock"]
    async with new_vault(storage, directory) as vault:
        assert await vault.read(notes) == []


def test_a_creation_that_fails_at_the_very_end_leaves_no_vault(
    storage: SqlcipherStorage, directory: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patch:
        patch.setattr("balchat_storage_sqlcipher.storage.SqlcipherVault", Mock(side_effect=OSError(EIO, "broken")))
        with pytest.raises(StorageFailed):
            anyio.run(storage.create, directory, {SlotKind.PASSPHRASE: PASSPHRASE}, make_notes)
    assert names(directory) == ["vault.lock"]
    anyio.run(create_once, storage, directory)


def names(folder: Path) -> list[str]:
    return [path.name for path in folder.iterdir()]


@pytest.mark.anyio
async def test_a_page_that_is_damaged_later_stops_units_and_only_views_that_need_it(
    storage: SqlcipherStorage, directory: Path
) -> None:
    async with new_vault(storage, directory) as vault:
        await vault.transact(add_note(BULK))
        await vault.transact(lambda tx: tx.script("CREATE TABLE small (n); INSERT INTO small VALUES (1);"))
    database = directory / "vault" / "database"
    octets = bytearray(database.read_bytes())
    octets[len(octets) // 2] ^= 1
    database.write_bytes(octets)
    async with unlocked(storage, directory) as vault:
        for _ in range(2):
            with pytest.raises(VaultDamaged):
                await vault.read(lambda tx: tx.query("SELECT * FROM note"))
            assert await vault.read(lambda tx: tx.query("SELECT n FROM small")) == [(1,)]
        for _ in range(2):
            with pytest.raises(VaultDamaged):
                await vault.transact(lambda tx: tx.query("SELECT * FROM note"))
        with pytest.raises(VaultDamaged):
            await vault.transact(add_note("on top of damage"))


@pytest.mark.anyio
async def test_a_constraint_that_only_the_commit_finds_broken_keeps_the_vault_going(
    storage: SqlcipherStorage, directory: Path
) -> None:
    async with new_vault(storage, directory) as vault:
        await vault.transact(
            lambda tx: tx.script("CREATE TABLE part (n INTEGER REFERENCES note DEFERRABLE INITIALLY DEFERRED);")
        )
        with pytest.raises(SqlError):
            await vault.transact(lambda tx: tx.execute("INSERT INTO part VALUES (99)"))
        await vault.transact(add_note("after"))
        assert await vault.read(notes) == ["after"]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("database or disk is full", StorageFull),
        ("disk I/O error", StorageFailed),
        ("database is locked", StorageFailed),
        ("unable to open database file", StorageFailed),
        ("attempt to write a readonly database", StorageFailed),
        ("database disk image is malformed", VaultDamaged),
        ("file is not a database", VaultDamaged),
        ("no such table: x", SqlError),
    ],
)
def test_a_driver_without_codes_is_understood_by_its_texts(text: str, expected: type[Exception]) -> None:
    assert type(fault(RuntimeError(text))) is expected


def test_what_sql_refuses_is_not_quoted() -> None:
    assert str(fault(RuntimeError('fts5: syntax error near "a secret"'))) == "RuntimeError"


@pytest.mark.parametrize(("code", "expected"), [(ENOSPC, StorageFull), (EDQUOT, StorageFull), (EACCES, StorageFailed)])
def test_errors_of_the_system_are_told_by_their_cause(code: int, expected: type[Exception]) -> None:
    with pytest.raises(expected), disk_faults():
        raise OSError(code, "in the language of the system", "/a/path/that/nobody/shall/see")


@pytest.mark.anyio
async def test_a_full_disk_is_seen_without_writing(storage: SqlcipherStorage, small_disk: SmallDisk) -> None:
    async with new_vault(storage, small_disk.folder / "account") as vault:
        assert await vault.condition() is None
        with small_disk.full(vault):
            # Where nothing could be mounted, only SQLite believes that there is no room.
            assert await vault.condition() == ("the disk is full" if small_disk.mounted else None)
        assert await vault.condition() is None


def test_a_disk_that_is_gone_is_a_reason(tmp_path: Path) -> None:
    assert "No such file" in (disk_condition(tmp_path / "gone") or "")


@pytest.mark.anyio
async def test_a_failed_write_says_what_is_wrong_with_the_whole_disk(
    storage: SqlcipherStorage, directory: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("balchat_storage_sqlcipher.vault.disk_condition", lambda _: "the disk is read-only")
    async with new_vault(storage, directory) as vault:
        with broken_disk():
            for _ in range(2):
                with pytest.raises(StorageFailed, match="the disk is read-only"):
                    await vault.transact(add_note("lost"))


@pytest.mark.anyio
async def test_a_restore_that_finds_no_room_leaves_no_vault(
    storage: SqlcipherStorage, small_disk: SmallDisk, tmp_path: Path
) -> None:
    async with new_vault(storage, tmp_path / "account") as vault:
        await vault.transact(add_note(BULK * 20))
        await vault.backup(tmp_path / "backup", as_it_is)
    target = small_disk.folder / "account"
    # Where nothing could be mounted, a broken disk stands in for a small one.
    with nullcontext() if small_disk.mounted else broken_disk(), pytest.raises((StorageFull, StorageFailed)):
        await storage.restore(target, tmp_path / "backup", SlotKind.PASSPHRASE, PASSPHRASE, as_it_is)
    assert names(target) == ["vault.lock"]
