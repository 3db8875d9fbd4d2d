"""What a store takes no more of, and what it forgets."""

import anyio
from anyio import to_thread
from balchat_relay_proto.capabilities import envelope_id
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
    card,
    digest,
    envelope,
    fetched,
    got_blob,
    make,
    put,
    put_blob,
    refused,
    swept,
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
        await acknowledge(bench.store, envelope(1, 4 * SIZE))
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
        with refused(Code.RELAY_FULL):
            await store.publish(QUEUE, receive=RECEIVE, cards=[card(1)], last_resort=None, tokens=[], now=NOW)
        first, second = await fetched(store, queue=queues[1])
        ids = [envelope_id(each) for each in (first, second)]
        await store.acknowledge(queues[1], receive=RECEIVE, envelope_ids=ids, now=NOW)
        await put(store, 1, size=4 * SIZE)
        await put(store, 2, size=4 * SIZE)
        await store.delete(queues[0], receive=RECEIVE)
        await put(store, 1, queue=queues[1])

    async def test_a_queue_has_no_hourly_number(self, bench: StoreBench) -> None:
        store = bench.store
        await make(store)
        for name in range(2 * LIMITS.inbox_puts_per_hour):
            await acknowledge(store, await put(store, name))

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
        await swept(store, now=late)
        assert (store.totals.envelopes, store.totals.octets) == (1, SIZE)
        await bench.reopen()
        assert not await to_thread.run_sync(bench.lies_on_disk, old[:32] + bytes(64))
        assert (await bench.store.status(QUEUE, receive=RECEIVE)).envelopes == 1

    async def test_nothing_goes_before_its_time(self, bench: StoreBench) -> None:
        store = bench.store
        await make(store)
        kept = await put(store, 1)
        await put_blob(store, 1)
        almost = NOW + LIMITS.max_age - 1
        await swept(store, now=almost)
        assert await fetched(store, now=almost) == [kept]
        assert await got_blob(store, 1, now=NOW + LIMITS.blob_age - 1)
        await swept(store, now=almost + LIMITS.max_idle - DAY)
        assert store.totals.queues == 1

    async def test_a_queue_that_its_owner_forgot_is_deleted(self, bench: StoreBench) -> None:
        store = bench.store
        forgotten, used, filled = digest("forgotten"), digest("used"), digest("filled")
        for queue in (forgotten, used, filled):
            await make(store, queue)
        late = NOW + LIMITS.max_idle + 2 * DAY
        await put(store, 1, queue=forgotten, now=late - DAY)  # its owner is not who puts
        await fetched(store, queue=used, now=late - DAY)
        await store.publish(filled, receive=RECEIVE, cards=[card(1)], last_resort=None, tokens=[], now=late - DAY)
        await swept(store, now=late)
        assert store.totals.queues == 2
        for queue in (used, filled):
            await fetched(store, queue=queue, now=late)

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
        for _ in range(2):  # it is good for as many as was said last
            await store.invite(invitation, queues=1)
        await store.create(digest(3), send=SEND, receive=RECEIVE, invitation=invitation, now=NOW)
        with refused(Code.NOT_INVITED):
            await store.create(digest(4), send=SEND, receive=RECEIVE, invitation=invitation, now=NOW)

    async def test_whoever_creates_a_queue_several_times_at_once_pays_once(self, bench: StoreBench) -> None:
        store, invitation = bench.store, digest("invitation")
        await store.invite(invitation, queues=3)
        async with anyio.create_task_group() as tasks:
            for queue in (QUEUE, digest("other")) * 3:
                tasks.start_soon(
                    lambda queue=queue: store.create(queue, send=SEND, receive=RECEIVE, invitation=invitation, now=NOW)
                )
        assert store.totals.queues == 2  # each is there once
        await store.create(digest("third"), send=SEND, receive=RECEIVE, invitation=invitation, now=NOW)
        with refused(Code.NOT_INVITED):
            await store.create(digest("fourth"), send=SEND, receive=RECEIVE, invitation=invitation, now=NOW)

    async def test_several_may_sweep_at_once(self, bench: StoreBench) -> None:
        store = bench.store
        await make(store)
        await put(store, 1)
        async with anyio.create_task_group() as tasks:
            for _ in range(3):
                tasks.start_soon(lambda: swept(store, now=NOW + LIMITS.max_age))
        assert store.totals.envelopes == 0

    async def test_a_creation_that_is_refused_uses_up_no_invitation(self, bench: StoreBench) -> None:
        store, invitation = bench.store, digest("invitation")
        await store.invite(invitation, queues=1)
        for n in range(LIMITS.queues):
            await make(store, digest(f"queue {n}"))
        with refused(Code.RELAY_FULL):
            await store.create(QUEUE, send=SEND, receive=RECEIVE, invitation=invitation, now=NOW)
        await store.delete(digest("queue 0"), receive=RECEIVE)
        await store.create(QUEUE, send=SEND, receive=RECEIVE, invitation=invitation, now=NOW)
