"""The kit for an App looks at what an account leaves behind: each planted leak is caught."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from balchat_host.testing.app_kit import AppKit
from balchat_host.testing.memory_account import MemoryAccount
from tests.kits.app_faults import FAULTS, FaultyApp
from tests.kits.catching import assert_caught, caught

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path


@pytest.fixture
def given(tmp_path: Path) -> Iterator[Callable[[type[FaultyApp]], dict[str, object]]]:
    """Return what gives the kit an account in memory with a fault."""
    made: list[FaultyApp] = []

    def give(fault: type[FaultyApp]) -> dict[str, object]:
        made.append(fault(MemoryAccount("Alice").app, tmp_path))
        return {"app": made[-1]}

    yield give
    for app in made:
        app.end.set()
        if (file := getattr(app, "left", None)) is not None and hasattr(file, "close"):
            file.close()


@pytest.mark.parametrize("fault", FAULTS, ids=lambda fault: fault.__name__)
def test_a_planted_leak_is_caught(
    fault: type[FaultyApp], given: Callable[[type[FaultyApp]], dict[str, object]]
) -> None:
    assert_caught(AppKit, fault, lambda: given(fault))


def test_without_a_fault_nothing_is_caught(given: Callable[[type[FaultyApp]], dict[str, object]]) -> None:
    assert caught(AppKit, FaultyApp, lambda: given(FaultyApp)) == []
