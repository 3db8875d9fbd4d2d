"""Each fault that is planted in a storage is caught by the test of the kit that is named for it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from balchat_host.testing.storage_kit import StorageKit
from tests.kits.catching import assert_caught, caught
from tests.kits.storage_faults import FAULTS, FaultyStorage

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@pytest.fixture(autouse=True)
def ended() -> Iterator[None]:
    yield
    for each in FaultyStorage.left:
        each.set()
    FaultyStorage.left.clear()


def fixtures(fault: type[FaultyStorage], folder: Path) -> dict[str, object]:
    return {"storage": fault(), "directory": folder / "account", "tmp_path": folder}


@pytest.mark.parametrize("fault", FAULTS, ids=lambda fault: fault.__name__)
def test_a_planted_fault_is_caught_by_the_test_that_is_named_for_it(fault: type[FaultyStorage], tmp_path: Path) -> None:
    assert_caught(StorageKit, fault, lambda: fixtures(fault, tmp_path))


@pytest.mark.parametrize("name", sorted({fault.caught_by for fault in FAULTS}))
def test_without_a_fault_nothing_is_caught(name: str, tmp_path: Path) -> None:
    sound = type("Sound", (FaultyStorage,), {"caught_by": name})
    assert caught(StorageKit, sound, lambda: fixtures(sound, tmp_path)) == []
