"""Each fault that is planted in a storage with files is caught by the test of the kit that is named for it."""

from __future__ import annotations

from types import SimpleNamespace
from typing import TYPE_CHECKING

import pytest

from balchat_host.testing.file_storage_kit import FileStorageKit, processes
from balchat_host.testing.file_storage_kit.files import Left, killed_vault, locked_vault
from tests.kits.catching import assert_caught, caught
from tests.kits.file_faults import FAULTS, FaultyFiles

if TYPE_CHECKING:
    from pathlib import Path

FEW = 20
pytestmark = pytest.mark.slow


class Kit(FileStorageKit):
    scratch = frozenset({"vault/database-shm"})


class Fixtures(dict[str, object]):
    """The fixtures of the kit; a vault is made when it is asked for, with fewer units."""

    def __init__(self, fault: type[FaultyFiles], folder: Path) -> None:
        folder = folder / str(len(list(folder.iterdir())))
        folder.mkdir()
        self.storage, self.folder = fault(), folder
        super().__init__(storage=self.storage, tmp_path=folder, directory=folder / "account")
        self.update(dict.fromkeys(("locked", "killed", "left")))

    def __getitem__(self, name: str):
        match name:
            case "left":
                return self[self.storage.left]
            case "locked":
                return self.locked()
            case "killed":
                return killed_vault(self.storage, self.locked(), FEW)
            case _:
                return super().__getitem__(name)

    def locked(self) -> Left:
        return locked_vault(self.storage, self.folder / "account", FEW)


@pytest.mark.parametrize("fault", FAULTS, ids=lambda fault: fault.__name__)
def test_a_planted_fault_is_caught_by_the_test_that_is_named_for_it(
    fault: type[FaultyFiles], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(processes, "PATIENCE", 1.0)  # what a fault holds up never comes
    assert_caught(Kit, fault, lambda: Fixtures(fault, tmp_path))


@pytest.mark.parametrize("name", sorted({fault.caught_by for fault in FAULTS}))
def test_without_a_fault_nothing_is_caught(name: str, tmp_path: Path) -> None:
    sound = SimpleNamespace(caught_by=name, audited=False)
    assert caught(Kit, sound, lambda: Fixtures(FaultyFiles, tmp_path)) == []
