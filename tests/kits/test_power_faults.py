"""Each fault of the relay's SQLite store that a power failure shows is caught by the test that is named for it."""

from __future__ import annotations

from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

import pytest
from balchat_relay.storage.sqlite.store import open_store
from balchat_relay.testing.sqlite_bench import SqliteBench
from balchat_relay.testing.store_kit import StoreKit
from balchat_relay.testing.store_kit.bench import LIMITS

from tests.kits.catching import assert_caught, caught
from tests.kits.power_faults import FAULTS, PowerFault

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator
    from pathlib import Path


@asynccontextmanager
async def opened(folder: Path) -> AsyncGenerator[SqliteBench]:
    bench = SqliteBench(folder, await open_store(folder / "relay.db", LIMITS))
    yield bench
    await bench.store.aclose()


@pytest.mark.parametrize("fault", FAULTS, ids=lambda fault: fault.__name__)
def test_a_planted_fault_is_caught_by_the_test_that_is_named_for_it(
    fault: type[PowerFault], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    fault.plant(monkeypatch)
    assert_caught(StoreKit, fault, lambda: {"bench": opened(tmp_path), "tmp_path": tmp_path})


@pytest.mark.parametrize("name", sorted({fault.caught_by for fault in FAULTS}))
def test_without_a_fault_nothing_is_caught(name: str, tmp_path: Path) -> None:
    sound = type("Sound", (PowerFault,), {"caught_by": name})
    assert caught(StoreKit, sound, lambda: {"bench": opened(tmp_path), "tmp_path": tmp_path}) == []
