"""The writer: units that wait share a commit, and none waits for ever."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

import anyio
import pytest

from balchat_host.testing.storage_kit import add_note, new_vault, notes

if TYPE_CHECKING:
    from pathlib import Path

    from balchat_storage_sqlcipher.storage import SqlcipherStorage

    from balchat_host.api.storage import Transaction

UNITS = 200
FRAME = 24 + 4096


@pytest.mark.anyio
async def test_units_that_wait_share_a_commit(storage: SqlcipherStorage, directory: Path) -> None:
    go_on = threading.Event()
    log = directory / "vault" / "database-wal"

    def first(_: Transaction) -> None:
        assert go_on.wait(60)

    async with new_vault(storage, directory) as vault:
        before = (await anyio.Path(log).stat()).st_size
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(vault.transact, first)
            for number in range(UNITS):
                tasks.start_soon(vault.transact, add_note(str(number)))
            await anyio.wait_all_tasks_blocked()
            go_on.set()
        assert len(await vault.read(notes)) == UNITS
        after = (await anyio.Path(log).stat()).st_size
    # Each commit writes at least one frame; this many units fit in a few pages.
    assert after - before < 20 * FRAME


@pytest.mark.anyio
async def test_a_vault_that_is_used_without_a_pause_still_commits(storage: SqlcipherStorage, directory: Path) -> None:
    """Others hand in units all the time; each caller is told nevertheless."""
    done = anyio.Event()

    async def hand_in() -> None:
        while not done.is_set():
            await vault.transact(add_note("meanwhile"))

    async with new_vault(storage, directory) as vault, anyio.create_task_group() as tasks:
        for _ in range(64):
            tasks.start_soon(hand_in)
        for _ in range(20):
            await vault.transact(add_note("ours"))
        done.set()
