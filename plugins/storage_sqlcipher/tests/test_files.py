"""Whose the files are, what stands in their place, and how they look while the vault is open."""

from __future__ import annotations

import os
import shutil
from contextlib import suppress
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING

import anyio
import pytest
from anyio import to_thread

from balchat_host.api.errors import BadInput, StorageFailed, VaultDamaged, VaultExposed, VaultTooNew
from balchat_host.testing.file_storage_kit import create_once, restore_once, unlock_once
from balchat_host.testing.storage_kit import as_it_is, new_vault

if TYPE_CHECKING:
    from balchat_storage_sqlcipher.storage import SqlcipherStorage

    from balchat_host.api.storage import ReadTransaction, Transaction


def make(storage: SqlcipherStorage, directory: Path) -> None:
    anyio.run(create_once, storage, directory)


def unlock(storage: SqlcipherStorage, directory: Path) -> None:
    anyio.run(unlock_once, storage, directory)


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def test_the_files_of_somebody_else_are_not_opened(
    storage: SqlcipherStorage, directory: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    make(storage, directory)
    stranger = os.geteuid() + 1
    monkeypatch.setattr(os, "geteuid", lambda: stranger)
    with pytest.raises(VaultExposed, match="somebody else"):
        unlock(storage, directory)


def test_no_vault_is_made_where_others_can_write(storage: SqlcipherStorage, directory: Path) -> None:
    directory.mkdir()
    directory.chmod(0o777)
    with pytest.raises(VaultExposed):
        make(storage, directory)
    assert not storage.exists(directory)
    directory.chmod(0o755)
    make(storage, directory)


def test_a_link_in_place_of_the_folder_is_not_followed(storage: SqlcipherStorage, directory: Path) -> None:
    make(storage, directory)
    (directory / "vault").rename(directory / "elsewhere")
    (directory / "vault").symlink_to(directory / "elsewhere")
    with pytest.raises(VaultDamaged, match="something else"):
        unlock(storage, directory)


def test_a_link_in_place_of_the_lock_is_not_followed(storage: SqlcipherStorage, directory: Path) -> None:
    make(storage, directory)
    (directory / "vault.lock").unlink()
    (directory / "vault.lock").symlink_to(directory / "made through a link")
    with pytest.raises(StorageFailed):
        unlock(storage, directory)
    assert not (directory / "made through a link").exists()


@pytest.mark.parametrize("name", ["header", "database", "database-wal", "database-shm"])
def test_a_backup_with_a_named_pipe_in_it_is_refused_and_not_waited_for(
    storage: SqlcipherStorage, directory: Path, tmp_path: Path, name: str
) -> None:
    make(storage, directory)
    pipe = directory / "vault" / name
    pipe.unlink(missing_ok=True)
    os.mkfifo(pipe)
    with pytest.raises(VaultDamaged, match="no ordinary file"):
        anyio.run(restore_once, storage, tmp_path / "new", directory)
    assert not storage.exists(tmp_path / "new")


def test_a_named_pipe_in_place_of_a_backups_lock_is_not_waited_for(
    storage: SqlcipherStorage, directory: Path, tmp_path: Path
) -> None:
    make(storage, directory)
    (directory / "vault.lock").unlink()
    os.mkfifo(directory / "vault.lock")
    anyio.run(restore_once, storage, tmp_path / "new", directory)
    assert storage.exists(tmp_path / "new")


def test_no_folder_on_the_way_to_a_new_vault_is_anybody_elses(storage: SqlcipherStorage, tmp_path: Path) -> None:
    """Who can write to one above could put another vault in place of ours."""
    before = os.umask(0)
    try:
        make(storage, tmp_path / "share" / "balchat" / "default")
    finally:
        os.umask(before)
    for folder in (tmp_path / "share", tmp_path / "share" / "balchat", tmp_path / "share" / "balchat" / "default"):
        assert folder.stat().st_mode & 0o777 == 0o700


def test_what_a_creation_that_was_cut_short_has_left_is_no_vault(storage: SqlcipherStorage, directory: Path) -> None:
    make(storage, directory)
    (directory / "vault").rename(directory / "vault.new")
    assert not storage.exists(directory)
    make(storage, directory)
    assert names(directory) == ["vault", "vault.lock"]


def test_the_database_of_another_vault_is_damage(storage: SqlcipherStorage, directory: Path, tmp_path: Path) -> None:
    make(storage, directory)
    make(storage, tmp_path / "other")
    shutil.copyfile(tmp_path / "other" / "vault" / "database", directory / "vault" / "database")
    with pytest.raises(VaultDamaged):
        unlock(storage, directory)


@pytest.mark.parametrize("killed", [False, True])
def test_a_database_without_the_vaults_table_is_damage(
    storage: SqlcipherStorage, directory: Path, tmp_path: Path, killed: bool
) -> None:
    async def drop() -> None:
        async with new_vault(storage, directory) as vault:
            await vault.transact(lambda tx: tx.execute("DROP TABLE vault_area"))
            # A copy of the files as they are now is what a kill would leave.
            await to_thread.run_sync(shutil.copytree, directory, tmp_path / "killed")

    anyio.run(drop)
    with pytest.raises(VaultDamaged, match="not that of a vault"):
        unlock(storage, tmp_path / "killed" if killed else directory)


def test_a_vault_from_a_newer_version_is_left_as_it_is(storage: SqlcipherStorage, directory: Path) -> None:
    make(storage, directory)
    header = directory / "vault" / "header"
    body = header.read_bytes()[:-32].replace(b"\r\n\0\1", b"\r\n\0\2")
    header.write_bytes(body + sha256(body).digest())
    with pytest.raises(VaultTooNew):
        unlock(storage, directory)
    assert header.read_bytes()[:-32] == body
    assert any(check.problem for check in storage.checks(directory))


@pytest.mark.anyio
async def test_connections_are_set_as_the_design_says(storage: SqlcipherStorage, directory: Path) -> None:
    expected = {
        "journal_mode": "wal",
        "synchronous": 2,
        "temp_store": 2,
        "cache_size": -32768,
        "foreign_keys": 1,
        "trusted_schema": 0,
        "cipher_log_level": "NONE",
    }

    def settings(tx: ReadTransaction) -> dict[str, object]:
        return {name: tx.query(f"PRAGMA {name}")[0][0] for name in expected}

    async with new_vault(storage, directory) as vault:
        assert await vault.transact(settings) == expected
        assert await vault.read(settings) == expected


def open_files() -> list[str]:
    paths: list[str] = []
    for link in Path("/proc/self/fd").iterdir():
        with suppress(FileNotFoundError):  # the folder itself was open while it was read
            paths.append(str(link.readlink()))
    return paths


@pytest.mark.anyio
async def test_a_large_sort_opens_no_temporary_file(storage: SqlcipherStorage, directory: Path) -> None:
    def unit(tx: Transaction) -> list[str]:
        tx.script("CREATE TEMP TABLE scratch AS SELECT hex(randomblob(500)) AS text FROM note;")
        tx.query("SELECT text FROM note ORDER BY text DESC LIMIT 1")
        return open_files()

    async with new_vault(storage, directory) as vault:
        await vault.transact(
            lambda tx: tx.execute(
                "WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 8000)"
                " INSERT INTO note (text) SELECT hex(randomblob(500)) FROM n"
            )
        )
        paths = await vault.transact(unit)
    ours = {Path(path).name for path in paths if path.startswith(str(directory))}
    assert ours == {"vault.lock", "database", "database-wal", "database-shm"}
    assert not [path for path in paths if "etilqs" in path]


@pytest.mark.anyio
async def test_a_backup_into_a_folder_that_is_not_there_is_refused(
    storage: SqlcipherStorage, directory: Path, tmp_path: Path
) -> None:
    async with new_vault(storage, directory) as vault:
        with pytest.raises(BadInput, match="absent: there is no such folder"):
            await vault.backup(tmp_path / "absent" / "backup", as_it_is)


def test_a_locked_vault_leaves_two_files_and_the_lock(storage: SqlcipherStorage, directory: Path) -> None:
    make(storage, directory)
    unlock(storage, directory)
    assert names(directory / "vault") == ["database", "header"]
