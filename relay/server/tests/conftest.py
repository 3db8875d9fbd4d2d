"""A relay in this process over a unix socket, with either store. aiohttp needs asyncio, so everything runs on it."""

import shutil
import tempfile
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
from balchat_relay.operating.stores import store_limits
from balchat_relay.service import Relay, serving
from balchat_relay.settings import Limits, RelayTable
from balchat_relay.storage.sqlite.store import open_store
from balchat_relay.testing.client import Client, connected

RELAY_KEY = b"\x07" * 32


@pytest.fixture(scope="session")
def anyio_backend() -> str:
    return "asyncio"


@pytest.fixture
def short_folder() -> Iterator[Path]:
    """A folder whose path fits into a socket's address."""
    folder = Path(tempfile.mkdtemp(prefix="relay-"))
    yield folder
    shutil.rmtree(folder)


@pytest.fixture
def limits() -> Limits:
    return Limits(min_free_mib=0)


@pytest.fixture
def table() -> RelayTable:
    return RelayTable()


@pytest.fixture
async def relay(short_folder: Path, limits: Limits, table: RelayTable) -> AsyncIterator[Relay]:
    store = await open_store(short_folder / "relay.db", store_limits(limits))
    async with serving(store, short_folder / "socket", relay_key=RELAY_KEY, table=table, limits=limits) as relay:
        yield relay
    await store.aclose()


@pytest.fixture
def socket(relay: Relay, short_folder: Path) -> Path:
    return short_folder / "socket"


@pytest.fixture
async def client(socket: Path) -> AsyncIterator[Client]:
    async with connected(socket) as client:
        yield client
