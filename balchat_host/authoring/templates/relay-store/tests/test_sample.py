"""The store obeys the kit that every store obeys, and a relay serves from it."""

from __future__ import annotations

import tempfile
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from balchat_relay.service import serving, store_limits
from balchat_relay.settings import Limits, RelayTable
from balchat_relay.storage.contract import QueueStore
from balchat_relay.testing.client import connected
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

    async def reopen(self) -> None:
        # One that lasts is opened again here.
        await self._store.aclose()

    def lies_on_disk(self, octets: bytes) -> bool:
        return False  # one that keeps files looks into them here


class TestSample(StoreKit):
    """Its tests are the kit's."""

    @pytest.fixture
    async def bench(self) -> AsyncIterator[StoreBench]:
        store = await open_store(LIMITS)
        yield Bench(store)
        await store.aclose()


@pytest.mark.parametrize("anyio_backend", ["asyncio"])  # the relay is an aiohttp application
@pytest.mark.anyio
async def test_a_relay_serves_from_the_store() -> None:
    """`balchat-relay run` opens the relay's own store; who runs another one calls `serving` with it."""
    limits = Limits()
    store = await open_store(store_limits(limits))
    # pytest's own folders have paths too long for a socket.
    with tempfile.TemporaryDirectory(prefix="sample-") as folder:
        socket = Path(folder, "relay.sock")
        async with (
            serving(store, socket, relay_key=bytes(32), table=RelayTable(), limits=limits),
            connected(socket) as client,
        ):
            await client.new_queue()
    assert store.totals.queues == 1
    await store.aclose()
