"""Both stores obey the kit; SQLite's own dangers."""

import re
import sqlite3
import tracemalloc
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, closing
from pathlib import Path

import pytest
from balchat_relay.errors import StoreUnusable
from balchat_relay.storage import rules
from balchat_relay.storage.contract import QueueStore, StoreLimits
from balchat_relay.storage.memory import MemoryStore
from balchat_relay.storage.sqlite import schema
from balchat_relay.storage.sqlite.store import open_store
from balchat_relay.testing.sqlite_bench import SqliteBench
from balchat_relay.testing.store_kit import StoreKit
from balchat_relay.testing.store_kit.bench import (
    LIMITS,
    NOW,
    QUEUE,
    RECEIVE,
    SIZE,
    StoreBench,
    Witness,
    acknowledge,
    fetched,
    make,
    put,
    refused,
)
from balchat_relay_proto.errors import Code

pytestmark = pytest.mark.anyio

OTHER = bytes(range(32))
"""Nobody's capability."""


class MemoryBench(StoreBench):
    def __init__(self) -> None:
        self._store = MemoryStore(LIMITS)

    @property
    def store(self) -> QueueStore:
        return self._store

    async def open(self) -> None:
        """It has what it had."""

    def lies_on_disk(self, octets: bytes) -> bool:
        return False


class TestMemoryStore(StoreKit):
    @pytest.fixture
    async def bench(self) -> StoreBench:
        return MemoryBench()


class TestSqliteStore(StoreKit):
    @pytest.fixture
    async def bench(self, tmp_path: Path) -> AsyncIterator[StoreBench]:
        bench = SqliteBench(tmp_path, await open_store(tmp_path / "relay.db", LIMITS))
        yield bench
        await bench.store.aclose()


async def test_a_full_disk_refuses_puts_and_takes_acknowledgements(tmp_path: Path) -> None:
    store = await open_store(tmp_path / "relay.db", StoreLimits(), max_file=2**20)
    await make(store)
    there: list[bytes] = []
    with refused(Code.RELAY_FULL) as error:
        for name in range(100):
            there += [await put(store, name)]
    assert error.value.retry_after
    assert len(there) > 20
    assert await fetched(store) == there
    await acknowledge(store, *there[:10])
    there = [*there[10:], await put(store, "more")]
    assert await fetched(store) == there
    await store.aclose()


async def test_a_subscriber_hears_of_what_was_stored_alone_when_the_disk_fills_up(tmp_path: Path) -> None:
    store = await open_store(tmp_path / "relay.db", StoreLimits(), max_file=2**20)
    await make(store)
    witness = Witness()
    await store.subscribe(QUEUE, witness, receive=RECEIVE)
    with refused(Code.RELAY_FULL):
        for name in range(100):
            await put(store, name)
    assert witness.envelopes == await fetched(store)
    assert len(witness.heard) > 20
    await store.aclose()


async def test_a_disk_with_too_little_room_refuses_puts(tmp_path: Path) -> None:
    store = await open_store(tmp_path / "relay.db", StoreLimits())
    await make(store)
    there = await put(store, 1)
    await store.aclose()
    store = await open_store(tmp_path / "relay.db", StoreLimits(), min_free=2**62)
    with refused(Code.RELAY_FULL):
        await put(store, 2)
    assert await fetched(store) == [there]
    await acknowledge(store, there)
    await store.aclose()


async def test_a_strange_or_newer_database_is_refused_by_name(tmp_path: Path) -> None:
    strange = tmp_path / "strange.db"
    with sqlite3.connect(strange) as connection:
        connection.execute("PRAGMA application_id=7")
    connection.close()
    with pytest.raises(StoreUnusable, match="no relay's database"):
        await open_store(strange, LIMITS)
    newer = tmp_path / "newer.db"
    await (await open_store(newer, LIMITS)).aclose()
    with sqlite3.connect(newer) as connection:
        connection.execute("PRAGMA user_version=99")
    connection.close()
    with pytest.raises(StoreUnusable, match="version 99"):
        await open_store(newer, LIMITS)


async def test_counts_agree_with_the_rows(tmp_path: Path) -> None:
    store = await open_store(tmp_path / "relay.db", LIMITS)
    await make(store)
    for name in range(4):
        await put(store, name)
    await acknowledge(store, await put(store, 0))
    totals = store.totals
    await store.aclose()
    connection = sqlite3.connect(tmp_path / "relay.db")
    rows = connection.execute("SELECT count(*), sum(length(body)) FROM envelopes").fetchone()
    (in_queue,) = connection.execute("SELECT envelopes FROM queues WHERE id = ?", (QUEUE,)).fetchone()
    connection.close()
    assert (totals.envelopes, totals.octets) == rows
    assert in_queue == totals.envelopes == 3


# -- the same work --

ASKED: dict[str, Callable[[QueueStore], Awaitable[object]]] = {
    "fetch": lambda store: store.fetch(QUEUE, receive=OTHER, after=0, now=NOW),
    "status": lambda store: store.status(QUEUE, receive=OTHER),
    "acknowledge": lambda store: store.acknowledge(QUEUE, receive=OTHER, envelope_ids=[OTHER], now=NOW),
    "delete": lambda store: store.delete(QUEUE, receive=OTHER),
    "publish": lambda store: store.publish(QUEUE, receive=OTHER, cards=[], last_resort=None, tokens=[], now=NOW),
    "put": lambda store: store.put(QUEUE, send=OTHER, envelope_id=OTHER, envelope=bytes(SIZE), now=NOW),
    "claim": lambda store: store.claim(QUEUE, send=OTHER, token=None, now=NOW),
}


@pytest.mark.parametrize("operation", ASKED)
async def test_an_absent_queue_costs_the_work_of_a_wrong_capability(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, operation: str
) -> None:
    work: list[object] = []
    connect, compare = schema.connect, rules.compare_digest

    def traced(path: Path, *, cache_kib: int) -> sqlite3.Connection:
        connection = connect(path, cache_kib=cache_kib)
        connection.set_trace_callback(lambda sql: work.append(re.sub(r"x'[0-9a-f]*'", "?", sql)))
        return connection

    def counted(one: bytes, other: bytes) -> bool:
        work.append(("compare", len(one), len(other)))
        return compare(one, other)

    monkeypatch.setattr(schema, "connect", traced)
    monkeypatch.setattr(rules, "compare_digest", counted)
    done: list[list[object]] = []
    for there in (False, True):
        store = await open_store(tmp_path / f"{there}.db", LIMITS)
        if there:
            await make(store)
            await put(store, 1)
        work.clear()
        with refused(Code.DENIED):
            await ASKED[operation](store)
        done.append(work[:])
        await store.aclose()
    absent, wrong = done
    assert absent == wrong
    assert any("SELECT" in str(each) for each in absent)
    assert ("compare", 32, 32) in absent


async def test_idle_queues_take_no_memory(tmp_path: Path) -> None:
    """What the store holds for one and for a hundred thousand is the same; SQLite bounds its cache itself."""
    peaks: list[int] = []
    for idle in (0, 100_000):
        path = tmp_path / f"{idle}.db"
        await (await open_store(path, StoreLimits())).aclose()
        with closing(sqlite3.connect(path)) as connection, connection:
            rows = ((number.to_bytes(32), number.to_bytes(32), OTHER, NOW) for number in range(1, idle + 1))
            connection.executemany("INSERT INTO queues (id, send, receive, seen) VALUES (?, ?, ?, ?)", rows)
            connection.execute("UPDATE totals SET queues = ?", (idle,))
        async with AsyncExitStack() as stack:
            tracemalloc.start()
            stack.callback(tracemalloc.stop)
            store = await open_store(path, StoreLimits())
            stack.push_async_callback(store.aclose)
            await make(store)
            there = await put(store, 1)
            assert await fetched(store) == [there]
            await acknowledge(store, there)
            while await store.sweep(now=NOW):
                pass
            assert store.totals.queues == idle + 1
            peaks.append(tracemalloc.get_traced_memory()[1])
    assert peaks[1] - peaks[0] < 1024 * 1024
