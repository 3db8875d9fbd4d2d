"""Each fault that is planted in a storage with files is caught by the test of the kit that is named for it."""

from __future__ import annotations

from functools import partial
from types import SimpleNamespace
from typing import TYPE_CHECKING

import anyio
import pytest

from balchat_host.testing.file_storage_kit import FileStorageKit
from balchat_host.testing.file_storage_kit.files import Left
from balchat_host.testing.storage_child import TABLE, write_pair
from balchat_host.testing.storage_kit import new_vault
from tests.kits.catching import assert_caught, caught
from tests.kits.file_faults import FAULTS, FaultyFiles

if TYPE_CHECKING:
    from pathlib import Path

FEW = 20
pytestmark = pytest.mark.slow


class Kit(FileStorageKit):
    scratch = frozenset({"vault/database-shm"})


class Fixtures(dict[str, object]):
    """The fixtures of the kit; a vault that was locked, and stands for one whose process was killed, when asked for."""

    def __init__(self, fault: type[FaultyFiles], folder: Path) -> None:
        folder = folder / str(len(list(folder.iterdir())))
        folder.mkdir()
        self.storage, self.folder = fault(), folder
        super().__init__(storage=self.storage, tmp_path=folder, directory=folder / "account")
        self.update(dict.fromkeys(("locked", "killed", "left")))

    def __getitem__(self, name: str):
        return self.locked() if name in {"locked", "killed", "left"} else super().__getitem__(name)

    def locked(self) -> Left:
        directory = self.folder / "account"

        async def write() -> None:
            async with new_vault(self.storage, directory) as vault:
                await vault.transact(lambda tx: tx.script(TABLE))
                for number in range(FEW):
                    await vault.transact(partial(write_pair, number))

        anyio.run(write)
        return Left(vault=directory, acknowledged=frozenset(range(FEW)))


@pytest.mark.parametrize("fault", FAULTS, ids=lambda fault: fault.__name__)
def test_a_planted_fault_is_caught_by_the_test_that_is_named_for_it(fault: type[FaultyFiles], tmp_path: Path) -> None:
    assert_caught(Kit, fault, lambda: Fixtures(fault, tmp_path))


@pytest.mark.parametrize("name", sorted({fault.caught_by for fault in FAULTS}))
def test_without_a_fault_nothing_is_caught(name: str, tmp_path: Path) -> None:
    sound = SimpleNamespace(caught_by=name, audited=False)
    assert caught(Kit, sound, lambda: Fixtures(FaultyFiles, tmp_path)) == []
