"""What a store takes no more of, and what it forgets."""

from anyio import to_thread
from balchat_relay_proto.errors import Code

from balchat_relay.storage.contract import DAY
from balchat_relay.testing.store_kit.bench import (
    LIMITS,
    NOW,
    QUEUE,
    RECEIVE,
    SEND,
    SIZE,
    StoreBench,
    acknowledge,
    digest,
    fetched,
    make,
    put,
    refused,
)


class QuotaTests:
    """Part of StoreKit."""

    async def test_a_queue_takes_no_more_than_its_count(self, bench: StoreBench) -> None:
        store = bench.store
        await make(store)
        envelopes = [await put(store, name) for name in range(LIMITS.queue_envelopes)]
        with refused(Code.QUEUE_FULL) as error:
            await put(store, "more")
        assert error.value.retry_after
        await put(store, 0)  # repeating what is there is still answered well
        await acknowledge(store, envelopes[0])
        await put(store, "more")

    async def test_a_queue_takes_no_more_than_its_octets(self, bench: StoreBench) -> None:
        await make(bench.store)
        await put(bench.store, 1, size=4 * SIZE)
        await put(bench.store, 2, size=4 * SIZE)
        with refused(Code.QUEUE_FULL):
            await put(bench.store, 3)

    async def test_a_full_store_refuses_and_serves_what_it_has(self, bench: StoreBench) -> None:
        store = bench.store
        queues = [digest(f"queue {n}") for n in range(5)]
        for queue in queues:
            await make(store, queue)
            await put(store, 1, queue=queue, size=4 * SIZE)
            await put(store, 2, queue=queue, size=4 * SIZE)
        with refused(Code.RELAY_FULL) as error:
            await make(store)
            await put(store, 1)
        assert error.value.retry_after
        assert len(await fetched(store, queue=queues[0])) == 2
        await store.delete(queues[0], receive=RECEIVE)
        await make(store)
        await put(store, 1)

    async def test_no_more_queues_than_allowed_are_created(self, bench: StoreBench) -> None:
        for n in range(LIMITS.queues):
            await make(bench.store, digest(f"queue {n}"))
        with refused(Code.RELAY_FULL):
            await make(bench.store)
        await make(bench.store, digest("queue 0"))

    async def test_what_is_too_old_is_not_given_and_then_deleted(self, bench: StoreBench) -> None:
        store = bench.store
        await make(store)
        old = await put(store, "old")
        late = NOW + LIMITS.max_age
        young = await put(store, "young", now=late - 1)
        assert await fetched(store, now=late) == [young]
        while await store.sweep(now=late):
            pass
        assert (store.totals.envelopes, store.totals.octets) == (1, SIZE)
        await bench.reopen()
        assert not await to_thread.run_sync(bench.lies_on_disk, old[:32] + bytes(64))
        assert (await bench.store.status(QUEUE, receive=RECEIVE)).envelopes == 1

    async def test_a_queue_that_its_owner_forgot_is_deleted(self, bench: StoreBench) -> None:
        store = bench.store
        forgotten, used = digest("forgotten"), digest("used")
        await make(store, forgotten)
        await make(store, used)
        late = NOW + LIMITS.max_idle + 2 * DAY
        await fetched(store, queue=used, now=late - DAY)
        while await store.sweep(now=late):
            pass
        assert store.totals.queues == 1
        await fetched(store, queue=used, now=late)

    async def test_an_invitation_is_good_for_its_number_of_queues(self, bench: StoreBench) -> None:
        store = bench.store
        invitation = digest("invitation")
        with refused(Code.NOT_INVITED):
            await store.create(QUEUE, send=SEND, receive=RECEIVE, invitation=invitation, now=NOW)
        await store.invite(invitation, queues=2)
        for _ in range(2):  # repeating costs nothing
            await store.create(QUEUE, send=SEND, receive=RECEIVE, invitation=invitation, now=NOW)
        await store.create(digest(2), send=SEND, receive=RECEIVE, invitation=invitation, now=NOW)
        with refused(Code.NOT_INVITED):
            await store.create(digest(3), send=SEND, receive=RECEIVE, invitation=invitation, now=NOW)
