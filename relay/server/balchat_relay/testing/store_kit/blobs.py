"""Blobs: parts of files, kept at the expense of a queue."""

from collections.abc import AsyncIterator, Generator
from contextlib import contextmanager

import anyio
import pytest
from anyio import to_thread
from anyio.lowlevel import checkpoint
from balchat_relay_proto.errors import Code, Refused

from balchat_host.testing.octets import assert_octets
from balchat_relay.storage.contract import DAY
from balchat_relay.testing.store_kit.bench import (
    BLOB_SIZE,
    DELETE,
    LIMITS,
    NOW,
    QUEUE,
    RECEIVE,
    SEND,
    Pieces,
    StoreBench,
    TooMany,
    blob,
    digest,
    got_blob,
    make,
    put_blob,
    refused,
    swept,
)


@contextmanager
def suppress_refusal(refusals: list[Code]) -> Generator[None]:
    """Write down a refusal instead of raising it."""
    try:
        yield
    except Refused as error:
        refusals.append(error.code)


class BlobTests:
    """Part of StoreKit."""

    async def test_a_blob_is_there_until_it_is_deleted(self, bench: StoreBench) -> None:
        store = bench.store
        await make(store)
        octets = await put_blob(store, 1)
        for _ in range(2):
            assert_octets(await got_blob(store, 1), octets)
        assert (store.totals.blobs, store.totals.blob_octets) == (1, BLOB_SIZE)
        await store.delete_blobs([(digest(1), DELETE)])
        with refused(Code.NO_BLOB):
            await got_blob(store, 1)
        assert (store.totals.blobs, store.totals.blob_octets) == (0, 0)
        await bench.reopen()
        assert not await to_thread.run_sync(bench.lies_on_disk, octets[:32])

    async def test_putting_again_changes_nothing(self, bench: StoreBench) -> None:
        store = bench.store
        await make(store)
        octets = await put_blob(store, 1)
        await put_blob(store, 1)
        assert (store.totals.blobs, store.totals.blob_octets) == (1, BLOB_SIZE)
        assert_octets(await got_blob(store, 1), octets)

    async def test_blobs_outlive_a_restart(self, bench: StoreBench) -> None:
        await make(bench.store)
        octets = await put_blob(bench.store, 1)
        await bench.reopen()
        if bench.durable:
            assert_octets(await got_blob(bench.store, 1), octets)

    async def test_only_a_queues_owner_puts(self, bench: StoreBench) -> None:
        store = bench.store
        await make(store)
        for queue, receive in ((QUEUE, SEND), (QUEUE, digest("wrong")), (digest("none"), RECEIVE)):
            with refused(Code.DENIED):
                await put_blob(store, 1, queue=queue, receive=receive)
            with refused(Code.DENIED):
                await store.renew_blobs(queue, receive=receive, now=NOW)
        assert store.totals.blobs == 0

    async def test_only_who_may_delete_does(self, bench: StoreBench) -> None:
        store = bench.store
        await make(store)
        octets = await put_blob(store, 1)
        await put_blob(store, 2)
        await store.delete_blobs([(digest(1), digest("wrong")), (digest("none"), DELETE), (digest(2), DELETE)])
        assert_octets(await got_blob(store, 1), octets)
        with refused(Code.NO_BLOB):
            await got_blob(store, 2)
        with refused(Code.DENIED):
            await put_blob(store, 1, delete=digest("another's"))

    async def test_a_blob_stays_the_queues_that_put_it_first(self, bench: StoreBench) -> None:
        store, other = bench.store, digest("other")
        await make(store)
        await make(store, other)
        octets = await put_blob(store, 1)
        await put_blob(store, 1, queue=other)
        await store.delete(other, receive=RECEIVE)
        assert_octets(await got_blob(store, 1), octets)
        await store.delete(QUEUE, receive=RECEIVE)
        assert store.totals.blobs == 0

    async def test_no_more_is_read_than_was_said(self, bench: StoreBench) -> None:
        await make(bench.store)
        with refused(Code.MALFORMED):
            await bench.store.put_blob(
                QUEUE,
                receive=RECEIVE,
                blob=digest(1),
                delete=DELETE,
                size=BLOB_SIZE,
                octets=TooMany(BLOB_SIZE),
                now=NOW,
            )
        assert bench.store.totals.blobs == 0

    async def test_of_what_breaks_off_nothing_is_kept(self, bench: StoreBench) -> None:
        store = bench.store
        await make(store)
        octets = blob(1)
        for wrong in (octets[:-1], octets + b"+", b""):
            with refused(Code.MALFORMED):
                await store.put_blob(
                    QUEUE, receive=RECEIVE, blob=digest(1), delete=DELETE, size=BLOB_SIZE, octets=Pieces(wrong), now=NOW
                )
        for _ in range(3):  # more than there is room for, were they kept
            with pytest.raises(ConnectionResetError):
                await store.put_blob(
                    QUEUE,
                    receive=RECEIVE,
                    blob=digest(1),
                    delete=DELETE,
                    size=BLOB_SIZE,
                    octets=Pieces(octets[:-1], then=ConnectionResetError()),
                    now=NOW,
                )
        with refused(Code.NO_BLOB):
            await got_blob(store, 1)
        assert store.totals.blobs == 0
        assert not await to_thread.run_sync(bench.lies_on_disk, octets[:32])
        for name in range(3):  # as much as one may
            await put_blob(store, name)

    async def test_of_what_is_given_up_nothing_is_kept(self, bench: StoreBench) -> None:
        store = bench.store
        await make(store)
        octets = blob(1)
        for _ in range(3):  # more than there is room for, were they kept

            async def half(scope: anyio.CancelScope) -> AsyncIterator[bytes]:
                yield octets[:40_000]
                scope.cancel()
                await checkpoint()

            with anyio.CancelScope() as scope:
                await store.put_blob(
                    QUEUE, receive=RECEIVE, blob=digest(1), delete=DELETE, size=BLOB_SIZE, octets=half(scope), now=NOW
                )
            assert scope.cancelled_caught
        assert store.totals.blobs == 0
        assert not await to_thread.run_sync(bench.lies_on_disk, octets[:32])
        for name in range(3):  # as much as one may
            await put_blob(store, name)

    async def test_of_what_comes_for_a_queue_that_is_deleted_nothing_is_kept(self, bench: StoreBench) -> None:
        store, octets = bench.store, blob(1)
        await make(store)

        async def late() -> AsyncIterator[bytes]:
            yield octets[:40_000]
            await store.delete(QUEUE, receive=RECEIVE)
            yield octets[40_000:]

        with refused(Code.DENIED):
            await store.put_blob(
                QUEUE, receive=RECEIVE, blob=digest(1), delete=DELETE, size=BLOB_SIZE, octets=late(), now=NOW
            )
        assert (store.totals.queues, store.totals.blobs) == (0, 0)
        with refused(Code.NO_BLOB):
            await got_blob(store, 1)

    async def test_who_puts_a_blob_several_times_at_once_has_it_once(self, bench: StoreBench) -> None:
        await make(bench.store)
        async with anyio.create_task_group() as tasks:
            for _ in range(3):
                tasks.start_soon(put_blob, bench.store, 1)
        assert (bench.store.totals.blobs, bench.store.totals.blob_octets) == (1, BLOB_SIZE)
        assert_octets(await got_blob(bench.store, 1), blob(1))

    async def test_a_queue_has_no_more_blobs_than_its_share(self, bench: StoreBench) -> None:
        store = bench.store
        await make(store)
        for name in range(3):
            await put_blob(store, name)
        with refused(Code.BLOBS_FULL) as error:
            await put_blob(store, 3)
        assert error.value.retry_after
        await put_blob(store, 0)  # repeating what is there is still answered well
        await store.delete_blobs([(digest(0), DELETE)])
        await put_blob(store, 3)

    async def test_many_at_once_are_no_more_than_the_share(self, bench: StoreBench) -> None:
        store = bench.store
        await make(store)
        kept: list[int] = []
        refusals: list[Code] = []

        async def put_one(name: int) -> None:
            with suppress_refusal(refusals):
                await put_blob(store, name)
                kept.append(name)

        async with anyio.create_task_group() as tasks:
            for name in range(8):
                tasks.start_soon(put_one, name)
        assert len(kept) == 3
        assert refusals == [Code.BLOBS_FULL] * 5
        assert store.totals.blob_octets == 3 * BLOB_SIZE

    async def test_a_full_store_takes_no_blobs_and_gives_what_it_has(self, bench: StoreBench) -> None:
        store = bench.store
        other = digest("other")
        await make(store)
        await make(store, other)
        octets = [await put_blob(store, name) for name in range(3)]
        for name in (3, 4):
            await put_blob(store, name, queue=other)
        with refused(Code.RELAY_FULL) as error:
            await put_blob(store, 5, queue=other)
        assert error.value.retry_after
        for name in range(3):
            assert_octets(await got_blob(store, name), octets[name])

    async def test_blobs_go_with_their_queue(self, bench: StoreBench) -> None:
        store = bench.store
        await make(store)
        octets = await put_blob(store, 1)
        await store.delete(QUEUE, receive=RECEIVE)
        with refused(Code.NO_BLOB):
            await got_blob(store, 1)
        assert (store.totals.blobs, store.totals.blob_octets) == (0, 0)
        await bench.reopen()
        assert not await to_thread.run_sync(bench.lies_on_disk, octets[:32])

    async def test_blobs_are_kept_for_their_time_and_longer_where_they_are_renewed(self, bench: StoreBench) -> None:
        store = bench.store
        other = digest("other")
        await make(store)
        await make(store, other)
        old = await put_blob(store, "old")
        kept = await put_blob(store, "kept", queue=other)
        late = NOW + LIMITS.blob_age
        assert await store.renew_blobs(other, receive=RECEIVE, now=late - DAY) == LIMITS.blob_age
        with refused(Code.NO_BLOB):
            await got_blob(store, "old", now=late)
        await swept(store, now=late)
        assert_octets(await got_blob(store, "kept", now=late), kept)
        assert store.totals.blobs == 1
        await bench.reopen()
        assert not await to_thread.run_sync(bench.lies_on_disk, old[:32])

    async def test_what_is_put_late_does_not_bring_back_what_is_over(self, bench: StoreBench) -> None:
        store = bench.store
        await make(store)
        await put_blob(store, "old")
        late = NOW + LIMITS.blob_age
        await put_blob(store, "new", now=late)
        with refused(Code.NO_BLOB):
            await got_blob(store, "old", now=late)
        assert store.totals.blobs == 1

    async def test_a_blob_that_is_deleted_while_it_is_read_is_read_or_broken_off(self, bench: StoreBench) -> None:
        store = bench.store
        await make(store)
        octets = await put_blob(store, 1)
        opened = await store.open_blob(digest(1), now=NOW)
        try:
            first = await opened.read()
            await store.delete_blobs([(digest(1), DELETE)])
            rest = await opened.read()
        finally:
            await opened.aclose()
        assert octets.startswith(first + rest)
