"""A disk that is full, cannot be written or fails; a store that is gone: the relay says so, and loses nothing by it."""

import sqlite3
from collections.abc import AsyncIterator
from pathlib import Path

import anyio
import pytest
from anyio import to_thread
from balchat_relay.storage.contract import StoreLimits
from balchat_relay.storage.sqlite.store import SqliteStore, open_store
from balchat_relay.testing.client import Client, OwnQueue, connected, random_envelope
from balchat_relay.testing.process import RelayProcess, command
from balchat_relay.testing.store_kit.bench import (
    NOW,
    QUEUE,
    RECEIVE,
    Witness,
    acknowledge,
    digest,
    fetched,
    make,
    put,
    refused,
)
from balchat_relay_proto.capabilities import envelope_id
from balchat_relay_proto.errors import Code, Refused
from balchat_relay_proto.replies import Done, Fetched
from balchat_relay_proto.requests import Acknowledge, Fetch, Put

pytestmark = pytest.mark.anyio


@pytest.fixture
async def store(tmp_path: Path) -> AsyncIterator[SqliteStore]:
    store = await open_store(tmp_path / "relay.db", StoreLimits())
    yield store
    await store.aclose()


class Disk:
    """What lies under a store, made to fail as a disk does."""

    def __init__(self, store: SqliteStore) -> None:
        self._connection = store._writer._connection

    def refuse_writing(self) -> None:
        """Be as one that was mounted again, read-only."""
        self._connection.execute("PRAGMA query_only=ON")

    def fill(self) -> None:
        """Have no room for anything that is new."""
        (pages,) = self._connection.execute("PRAGMA page_count").fetchone()
        self._connection.execute(f"PRAGMA max_page_count={pages}")

    def mend(self) -> None:
        self._connection.execute("PRAGMA query_only=OFF")
        self._connection.execute("PRAGMA max_page_count=1000000")


@pytest.mark.parametrize(
    ("how", "words"),
    [("refuse_writing", "the disk cannot be written"), ("fill", "the disk is full")],
)
async def test_a_disk_that_takes_nothing_refuses_what_is_new_gives_what_is_there_and_recovers(
    store: SqliteStore, how: str, words: str
) -> None:
    await make(store)
    there = [await put(store, name) for name in range(3)]
    assert store.trouble is None
    disk = Disk(store)
    getattr(disk, how)()
    with refused(Code.RELAY_FULL) as error:
        for name in range(3, 30):
            there += [await put(store, name)]
    assert error.value.retry_after
    with refused(Code.RELAY_FULL):
        await put(store, "more")
    assert words in (store.trouble or "")
    # Whoever comes the next day, which is noted in the store where that can be written, gets all of it.
    found = await store.fetch(QUEUE, receive=RECEIVE, after=0, now=NOW + 24 * 3600)
    assert len(found.stored) == len(there)
    assert (await store.status(QUEUE, receive=RECEIVE)).envelopes == len(there)
    disk.mend()
    there += [await put(store, "after")]
    assert store.trouble is None
    assert await fetched(store) == there


async def test_it_notices_by_itself_that_nothing_can_be_written_and_that_it_can_again(store: SqliteStore) -> None:
    disk = Disk(store)
    await store.sweep(now=NOW)
    assert store.trouble is None
    disk.refuse_writing()
    with refused(Code.RELAY_FULL):
        await store.sweep(now=NOW)
    assert store.trouble == "the disk cannot be written"
    disk.mend()
    await store.sweep(now=NOW)
    assert store.trouble is None


async def test_acknowledging_on_a_full_disk_makes_room_and_on_one_that_cannot_be_written_is_to_be_repeated(
    store: SqliteStore,
) -> None:
    await make(store)
    there = [await put(store, name) for name in range(3)]
    disk = Disk(store)
    disk.refuse_writing()
    with refused(Code.RELAY_FULL):
        await acknowledge(store, there[0])
    assert await fetched(store) == there
    disk.mend()
    disk.fill()
    await acknowledge(store, there[0])
    assert await fetched(store) == there[1:]


async def test_too_little_room_is_told_as_such(tmp_path: Path) -> None:
    store = await open_store(tmp_path / "relay.db", StoreLimits(), min_free=2**62)
    await store.sweep(now=NOW)
    assert "limits.min_free_mib" in (store.trouble or "")
    await store.aclose()


async def test_a_failing_database_is_told_as_such(store: SqliteStore) -> None:
    await make(store)
    store._writer._connection.execute("DROP TABLE acknowledged")
    with pytest.raises(Exception, match="no such table"):
        await put(store, 1)
    assert "balchat-relay check" in (store.trouble or "")


class Failing(Witness):
    """A subscriber with a bug."""

    def stored(self, sequence: int, envelope: bytes) -> None:
        raise KeyError("what-nobody-may-log")

    def ended(self, why: Refused) -> None:
        raise KeyError("what-nobody-may-log")


async def test_a_subscriber_that_fails_keeps_nothing_from_being_stored_and_told(
    store: SqliteStore, caplog: pytest.LogCaptureFixture
) -> None:
    other, witness = digest("other"), Witness()
    await make(store)
    await make(store, other)
    await store.subscribe(QUEUE, Failing(), receive=RECEIVE)
    await store.subscribe(other, witness, receive=RECEIVE)
    there = [await put(store, name) for name in range(3)]
    elsewhere = await put(store, "elsewhere", queue=other)
    assert await fetched(store) == there
    await store.delete(QUEUE, receive=RECEIVE)
    await store.delete(other, receive=RECEIVE)
    assert (witness.envelopes, witness.over) == ([elsewhere], Code.DELETED)
    assert "telling a subscriber failed: KeyError" in caplog.messages
    assert "ending a subscription failed: KeyError" in caplog.messages
    assert "what-nobody-may-log" not in caplog.text


# -- the program


async def said(process: RelayProcess, words: str) -> None:
    """Wait until the running relay says this in its log."""
    assert process._process is not None
    assert process._process.stdout is not None
    heard = b""
    with anyio.fail_after(60):
        while words.encode() not in heard:
            heard += await process._process.stdout.receive()


async def put_many(client: Client, queue: OwnQueue, count: int) -> None:
    for _ in range(count):
        await client.ask(Put(queue=queue.id, send=queue.send, envelope=random_envelope()), Done)


def remove_store(folder: Path) -> None:
    for each in folder.glob("relay.db*"):
        each.unlink()


async def test_the_running_relay_says_that_its_disk_is_full_and_that_it_is_not_any_more(short_folder: Path) -> None:
    process = RelayProcess(short_folder)
    await process.make()
    await process.set_limits(database_mib=1)
    async with process.running(), connected(process.socket) as client:
        assert "storage        ok" in (await process.command("status")).stdout
        queue = await client.new_queue()
        with pytest.raises(Refused) as error:
            await put_many(client, queue, 200)
        assert (error.value.code, error.value.retry_after is not None) == (Code.RELAY_FULL, True)
        await said(process, "storage: the disk is full, or limits.database_mib is used up. Nothing new is taken")
        shown = await process.command("status")
        assert "the disk is full" in shown.stdout
        assert await process.admin("/health") == "degraded: the disk is full, or limits.database_mib is used up\n"
        assert "balchat_relay_storage_takes_nothing 1" in await process.admin("/metrics")
        found = await client.ask(Fetch(queue=queue.id, authority=queue.holder), Fetched)
        assert len(found.stored) > 20
        ids = tuple(envelope_id(each.envelope) for each in found.stored)
        await client.ask(Acknowledge(queue=queue.id, authority=queue.holder, envelope_ids=ids), Done)
        await put_many(client, queue, 1)
        await said(process, "storage: ok")
        assert await process.admin("/health") == "ok\n"


@pytest.mark.parametrize("how", ["missing", "empty", "without tables"])
async def test_a_relay_whose_store_is_gone_does_not_begin_as_if_new(short_folder: Path, how: str) -> None:
    process = RelayProcess(short_folder)
    await process.make()
    async with process.running(), connected(process.socket) as client:
        await client.new_queue()
    await to_thread.run_sync(remove_store, short_folder)
    if how == "empty":
        process.folder.database.touch()
    if how == "without tables":
        connection = sqlite3.connect(process.folder.database)
        connection.execute("PRAGMA user_version=0")
        connection.execute("VACUUM")
        connection.close()
    said = ("a relay's key", "volume", "backup", "`balchat-relay init --empty-store`")
    ended = await process.command("run", "--socket", str(process.socket))
    assert (ended.returncode, [words for words in said if words not in ended.stderr]) == (12, [])
    if how != "missing":
        return  # the rest is the same
    ended = await process.command("backup", str(short_folder / "there"))
    assert (ended.returncode, [words for words in said if words not in ended.stderr]) == (12, [])
    assert "its store" in (await process.command("check")).stdout
    # On purpose, and only then, with the same address.
    before = (await process.command("address")).stdout
    assert (await process.command("init", "--empty-store")).returncode == 0
    assert (await process.command("check")).stdout == "All is well.\n"
    assert (await process.command("address")).stdout == before
    async with process.running(), connected(process.socket) as client:
        await client.new_queue()
    again = await process.command("init", "--empty-store")
    assert (again.returncode, "Nothing was changed" in again.stderr) == (3, True)


async def test_a_store_without_its_key_is_not_given_another_one(short_folder: Path) -> None:
    process = RelayProcess(short_folder)
    await process.make()
    async with process.running(), connected(process.socket) as client:
        await client.new_queue()
    await to_thread.run_sync(process.folder.key.unlink)
    made = await command("init", "-f", str(short_folder))
    assert (made.returncode, "Restore onion.key" in made.stderr) == (3, True)
    assert not process.folder.key.exists()


async def test_making_a_relay_that_was_interrupted_is_done_again(short_folder: Path) -> None:
    process = RelayProcess(short_folder)
    await process.make()
    await to_thread.run_sync(process.folder.key.unlink)
    assert (await command("init", "-f", str(short_folder))).returncode == 0
    async with process.running(), connected(process.socket) as client:
        await client.new_queue()


async def test_a_new_relay_writes_through_no_link_that_was_there_before(short_folder: Path) -> None:
    """Its folder may have been one that others could write to."""
    other = short_folder / "another.toml"
    folder = short_folder / "relay"

    def prepare() -> None:
        other.write_text("of somebody else")
        folder.mkdir()
        (folder / "relay.toml").symlink_to(other)
        (folder / "onion.key").symlink_to(short_folder / "another.key")

    await to_thread.run_sync(prepare)
    assert (await command("init", "-f", str(folder))).returncode == 0
    assert await to_thread.run_sync(other.read_text) == "of somebody else"
    assert not await to_thread.run_sync((folder / "relay.toml").is_symlink)
    assert not await to_thread.run_sync((folder / "onion.key").is_symlink)


async def test_a_folder_that_cannot_be_had_is_named_with_the_reason(short_folder: Path) -> None:
    file = short_folder / "file"
    file.touch()
    for name in ("init", "run", "address", "check"):
        ended = await command(name, "-f", str(file / "relay"))
        assert ended.returncode in {5, 7}
        assert str(file) in ended.stderr + ended.stdout
        assert "Traceback" not in ended.stderr


async def test_a_relay_starts_on_a_disk_with_too_little_room_and_says_so(short_folder: Path) -> None:
    process = RelayProcess(short_folder)
    await process.make()
    text = await to_thread.run_sync(process.folder.settings.read_text)
    await to_thread.run_sync(
        process.folder.settings.write_text, text.replace("min_free_mib = 0", "min_free_mib = 999999999")
    )
    checked = await process.command("check")
    assert (checked.returncode, "limits.min_free_mib is 999999999" in checked.stdout) == (7, True)
    async with process.running(), connected(process.socket) as client:
        with pytest.raises(Refused) as error:
            await client.new_queue()
        assert error.value.code is Code.RELAY_FULL
        await said(
            process,
            "storage: too little is free on the disk (limits.min_free_mib, and never less than 32 MiB). Nothing",
        )
