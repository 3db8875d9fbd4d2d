"""Who is told of what is put, and the operator's wish to take nothing new."""

import anyio
from balchat_relay_proto.errors import Code

from balchat_host.testing.waiting import PATIENCE
from balchat_relay.testing.store_kit.bench import (
    LIMITS,
    NOW,
    QUEUE,
    RECEIVE,
    StoreBench,
    Witness,
    digest,
    envelope,
    fetched,
    make,
    put,
    refused,
)


class SubscriptionTests:
    """Part of StoreKit."""

    async def test_a_subscriber_hears_of_its_queue_in_order_and_of_nothing_else(self, bench: StoreBench) -> None:
        store, witness, other = bench.store, Witness(), digest("other")
        await make(store)
        await make(store, other)
        await put(store, "before")
        await store.subscribe(QUEUE, witness, receive=RECEIVE)
        sent = [await put(store, name) for name in range(3)]
        await put(store, 0)  # a repetition
        await put(store, "elsewhere", queue=other)
        with refused(Code.DENIED):
            await put(store, "wrong", send=digest("wrong"))
        await anyio.wait_all_tasks_blocked()
        assert witness.envelopes == sent
        found = await store.fetch(QUEUE, receive=RECEIVE, after=witness.heard[0][0], now=NOW)
        assert [(each.sequence, each.envelope) for each in found.stored] == witness.heard[1:]

    async def test_a_subscriber_hears_of_nothing_that_was_refused(self, bench: StoreBench) -> None:
        store, witness = bench.store, Witness()
        await make(store)
        await store.subscribe(QUEUE, witness, receive=RECEIVE)
        sent = [await put(store, name) for name in range(LIMITS.queue_envelopes)]
        with refused(Code.QUEUE_FULL):
            await put(store, "more")
        await anyio.wait_all_tasks_blocked()
        assert witness.envelopes == sent

    async def test_only_the_queues_owner_subscribes(self, bench: StoreBench) -> None:
        store, witness = bench.store, Witness()
        await make(store)
        for queue, receive in ((QUEUE, digest("wrong")), (QUEUE, None), (digest("absent"), RECEIVE)):
            with refused(Code.DENIED):
                await store.subscribe(queue, witness, receive=receive)
        await put(store, 1)
        await anyio.wait_all_tasks_blocked()
        assert witness.heard == []

    async def test_a_newer_subscriber_ends_the_older(self, bench: StoreBench) -> None:
        store, older, newer = bench.store, Witness(), Witness()
        await make(store)
        await store.subscribe(QUEUE, older, receive=RECEIVE)
        await store.subscribe(QUEUE, newer, receive=RECEIVE)
        sent = await put(store, 1)
        store.unsubscribe(QUEUE, older)  # harmless
        sent_too = await put(store, 2)
        await anyio.wait_all_tasks_blocked()
        assert (older.envelopes, older.over) == ([], Code.EVICTED)
        assert (newer.envelopes, newer.over) == ([sent, sent_too], None)

    async def test_whoever_unsubscribed_hears_nothing(self, bench: StoreBench) -> None:
        store, witness = bench.store, Witness()
        await make(store)
        await store.subscribe(QUEUE, witness, receive=RECEIVE)
        store.unsubscribe(QUEUE, witness)
        await put(store, 1)
        await store.delete(QUEUE, receive=RECEIVE)
        await anyio.wait_all_tasks_blocked()
        assert (witness.heard, witness.over) == ([], None)

    async def test_a_subscription_ends_with_its_queue(self, bench: StoreBench) -> None:
        store, witness = bench.store, Witness()
        await make(store)
        await store.subscribe(QUEUE, witness, receive=RECEIVE)
        await store.delete(QUEUE, receive=RECEIVE)
        await anyio.wait_all_tasks_blocked()
        assert witness.over is Code.DELETED
        store.unsubscribe(QUEUE, witness)

    async def test_whoever_fetches_once_subscribed_misses_nothing(self, bench: StoreBench) -> None:
        store, queues = bench.store, [digest(f"queue {n}") for n in range(6)]
        for queue in queues:
            await make(store, queue)
        got: dict[bytes, set[bytes]] = {}

        async def listen(queue: bytes) -> None:
            witness = Witness()
            await store.subscribe(queue, witness, receive=RECEIVE)
            there = await fetched(store, queue=queue)
            while len(got.setdefault(queue, set(there)) | set(witness.envelopes)) < 6:  # the store tells
                await witness.changed.wait()
            got[queue] |= set(witness.envelopes)

        with anyio.fail_after(PATIENCE):
            async with anyio.create_task_group() as tasks:
                for name in range(6):
                    for queue in queues:
                        tasks.start_soon(lambda queue=queue, name=name: put(store, (queue, name), queue=queue))
                for queue in queues:
                    tasks.start_soon(listen, queue)
        for queue in queues:
            assert got[queue] == {envelope((queue, name)) for name in range(6)}

    async def test_draining_is_kept_and_not_heeded(self, bench: StoreBench) -> None:
        await make(bench.store)
        assert not bench.store.draining
        await bench.store.set_draining(draining=True)
        sent = await put(bench.store, 1)
        assert await fetched(bench.store) == [sent]
        await bench.reopen()
        assert bench.store.draining
        await bench.store.set_draining(draining=False)
        assert not bench.store.draining
