"""The vault for tests obeys the same kit as every vault, and fails when it is asked to."""

from __future__ import annotations

from pathlib import Path

import anyio
import pytest
import trio
from anyio import ClosedResourceError
from trio.testing import MockClock

from balchat_host.api.errors import StorageFailed, StorageFull
from balchat_host.testing.memory_storage import MemoryStorage
from balchat_host.testing.storage_kit import StorageKit, add_note, as_it_is, new_vault, notes, unlocked

ACCOUNT = Path("account")


class TestMemoryStorage(StorageKit):
    @pytest.fixture
    def storage(self) -> MemoryStorage:
        return MemoryStorage()


@pytest.mark.anyio
async def test_a_full_disk_undoes_units_until_there_is_room() -> None:
    storage = MemoryStorage()
    async with new_vault(storage, ACCOUNT) as vault:
        vault.full = True
        for _ in range(2):
            with pytest.raises(StorageFull):
                await vault.transact(add_note("undone"))
        with pytest.raises(StorageFull):
            await vault.backup(Path("backup"), as_it_is)
        vault.full = False
        await vault.transact(add_note("done"))
        assert await vault.read(notes) == ["done"]


@pytest.mark.anyio
@pytest.mark.parametrize("on_disk", [False, True])
async def test_a_failed_commit_stops_the_vault_until_it_is_unlocked_again(on_disk: bool) -> None:
    storage = MemoryStorage()
    async with new_vault(storage, ACCOUNT) as vault:
        vault.fail_next_commit(on_disk=on_disk)
        for text in ("perhaps", "refused"):
            with pytest.raises(StorageFailed):
                await vault.transact(add_note(text))
    async with unlocked(storage, ACCOUNT) as vault:
        await vault.transact(add_note("after"))
        assert await vault.read(notes) == (["perhaps", "after"] if on_disk else ["after"])


@pytest.mark.anyio
async def test_a_killed_vault_keeps_what_it_committed() -> None:
    storage = MemoryStorage()
    async with new_vault(storage, ACCOUNT) as killed:
        await killed.transact(add_note("kept"))
        storage.kill(ACCOUNT)
        with pytest.raises(ClosedResourceError):
            await killed.transact(add_note("too late"))
        async with unlocked(storage, ACCOUNT) as vault:
            assert await vault.read(notes) == ["kept"]


def test_units_take_no_virtual_time() -> None:
    async def run() -> None:
        async with new_vault(MemoryStorage(), ACCOUNT) as vault, anyio.create_task_group() as tasks:
            for number in range(100):
                tasks.start_soon(vault.transact, add_note(str(number)))
            await anyio.sleep(3600)
            assert len(await vault.read(notes)) == 100
        assert trio.current_time() - start == 3600

    clock = MockClock(autojump_threshold=0)
    start = clock.current_time()
    trio.run(run, clock=clock)
