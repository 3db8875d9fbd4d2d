"""The store obeys the kit that every store obeys, and a relay serves from it."""

from __future__ import annotations

import json
import tempfile
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from balchat_relay.storage.contract import QueueStore
from balchat_relay.testing.client import connected
from balchat_relay.testing.process import RelayProcess
from balchat_relay.testing.store_kit import StoreKit
from balchat_relay.testing.store_kit.bench import LIMITS, StoreBench

from balchat_relay_store_sample.store import SampleStore, open_store


class Bench(StoreBench):
    """An open store, and a look at its files."""

    def __init__(self, store: SampleStore) -> None:
        self._store = store

    @property
    def store(self) -> QueueStore:
        return self._store

    async def open(self) -> None:
        """Have the closed store be open again: this one has what it had, and one that lasts is opened here."""

    def lies_on_disk(self, octets: bytes) -> bool:
        return False  # one that keeps files looks into them here


class TestSample(StoreKit):
    """Its tests are the kit's."""

    @pytest.fixture
    async def bench(self) -> AsyncIterator[StoreBench]:
        store = await open_store(LIMITS)
        yield Bench(store)
        await store.aclose()


@pytest.mark.parametrize("anyio_backend", ["asyncio"])  # the relay's client is aiohttp's
@pytest.mark.anyio
async def test_a_relay_serves_from_the_store() -> None:
    """A relay whose settings name the store starts, and keeps a queue in it."""
    # pytest's own folders have paths too long for a socket.
    with tempfile.TemporaryDirectory(prefix="sample-") as folder:
        relay = RelayProcess(Path(folder))
        await relay.make()
        await relay.set_store("relay_store_sample")
        began = await relay.command("init", "--empty-store")
        assert began.returncode == 0, began.stderr
        async with relay.running(), connected(relay.socket) as client:
            await client.new_queue()
            assert json.loads(await relay.admin("/status"))["queues"] == 1
