"""Queues and what is in them: from creation to deletion, capabilities, what outlives a restart, what is erased."""

from contextlib import suppress
from functools import partial

import anyio
import pytest
from anyio import to_thread
from anyio.lowlevel import checkpoint
from balchat_relay_proto.capabilities import envelope_id
from balchat_relay_proto.errors import Code, Refused
from balchat_relay_proto.sizes import CARD_SIZE

from balchat_relay.storage.contract import DAY, HOUR
from balchat_relay.testing.store_kit.bench import (
    DELETE,
    LIMITS,
    NOW,
    QUEUE,
    RECEIVE,
    SEND,
    SIZE,
    Compared,
    StoreBench,
    acknowledge,
    card,
    digest,
    envelope,
    fetched,
    make,
    put,
    put_blob,
    put_denied,
    refused,
    swept,
)


class QueueTests:
    """Part of StoreKit."""

    async def test_what_was_put_is_fetched_in_order_until_it_is_acknowledged(self, bench: StoreBench) -> None:
        store = bench.store
        await make(store)
        first, second, third = [await put(store, name) for name in range(3)]
        assert await fetched(store) == [first, second, third]
        assert await fetched(store) == [first, second, third]
        await acknowledge(store, second, digest(b"none"), second)
        assert await fetched(store) == [first, third]

    async def test_ids_that_are_not_there_are_passed_over(self, bench: StoreBench) -> None:
        store = bench.store
        await make(store)
        first, second = [await put(store, name) for name in range(2)]
        await acknowledge(store, envelope("later"), first, digest("none"))
        assert await fetched(store) == [second], "what stands behind an unknown id is acknowledged, too"
        later = await put(store, "later")
        assert await fetched(store) == [second, later], "what was not there when it was acknowledged may come yet"

    async def test_an_envelope_is_acknowledged_in_its_queue_alone(self, bench: StoreBench) -> None:
        store, other = bench.store, digest("other")
        await make(store)
        await make(store, other)
        sent = [await put(store, 1, queue=queue) for queue in (QUEUE, other)]
        await acknowledge(store, sent[0])
        assert await fetched(store) == []
        assert await fetched(store, queue=other) == [sent[1]]

    async def test_a_sequence_is_never_given_again(self, bench: StoreBench) -> None:
        await make(bench.store)
        cursor = 0
        for name in range(3):
            sent = await put(bench.store, name)
            found = await bench.store.fetch(QUEUE, receive=RECEIVE, after=cursor, now=NOW)
            assert [each.envelope for each in found.stored] == [sent], "whoever goes on after the last one misses this"
            cursor = found.stored[0].sequence
            await acknowledge(bench.store, sent)
            await bench.reopen()

    async def test_a_cursor_holds_though_what_stood_before_it_is_gone(self, bench: StoreBench) -> None:
        store = bench.store
        await make(store)
        envelopes = [await put(store, name) for name in range(4)]
        found = await store.fetch(QUEUE, receive=RECEIVE, after=0, now=NOW)
        await acknowledge(store, *envelopes[:2])
        rest = await store.fetch(QUEUE, receive=RECEIVE, after=found.stored[1].sequence, now=NOW)
        assert [each.envelope for each in rest.stored] == envelopes[2:]

    async def test_a_clock_that_is_set_back_loses_nothing(self, bench: StoreBench) -> None:
        store = bench.store
        await make(store)
        first = await put(store, 1, now=NOW + DAY)
        assert await fetched(store, now=NOW + DAY) == [first]
        second = await put(store, 2)
        assert await fetched(store) == [first, second]
        await acknowledge(store, first)
        await swept(store, now=NOW)
        assert await fetched(store) == [second]

    async def test_a_cursor_goes_on_where_the_last_fetch_ended(self, bench: StoreBench) -> None:
        store = bench.store
        await make(store)
        envelopes = [await put(store, name) for name in range(5)]
        found = await store.fetch(QUEUE, receive=RECEIVE, after=0, now=NOW, octets=2 * SIZE)
        assert ([each.envelope for each in found.stored], found.more) == (envelopes[:2], True)
        rest = await store.fetch(QUEUE, receive=RECEIVE, after=found.stored[-1].sequence, now=NOW)
        assert ([each.envelope for each in rest.stored], rest.more) == (envelopes[2:], False)
        for after in (rest.stored[-1].sequence, 2**62):
            none = await store.fetch(QUEUE, receive=RECEIVE, after=after, now=NOW)
            assert (none.stored, none.more) == ((), False)

    async def test_one_envelope_is_given_however_small_the_request(self, bench: StoreBench) -> None:
        store = bench.store
        await make(store)
        await put(store, 1)
        assert len((await store.fetch(QUEUE, receive=RECEIVE, after=0, now=NOW, octets=1)).stored) == 1

    async def test_putting_twice_is_putting_once_also_after_the_acknowledgement(self, bench: StoreBench) -> None:
        store = bench.store
        await make(store)
        once = await put(store, 1)
        await put(store, 1)
        await store.put(QUEUE, send=SEND, envelope_id=envelope_id(once), envelope=envelope("another"), now=NOW)
        assert await fetched(store) == [once]
        await acknowledge(store, once)
        for now in (NOW, NOW + HOUR - 1):
            await put(store, 1, now=now)
            assert await fetched(store) == []
        await put(store, 1, now=NOW + HOUR)
        assert await fetched(store) == [once]

    async def test_what_was_done_is_there_when_the_store_is_opened_again(self, bench: StoreBench) -> None:
        await make(bench.store)
        kept, gone = await put(bench.store, 1), await put(bench.store, 2)
        await acknowledge(bench.store, gone)
        totals = bench.store.totals
        await bench.reopen()
        assert await fetched(bench.store) == [kept]
        assert bench.store.totals == totals
        await put(bench.store, 2)
        assert await fetched(bench.store) == [kept]

    async def test_creating_twice_keeps_what_is_there(self, bench: StoreBench) -> None:
        await make(bench.store)
        kept = await put(bench.store, 1)
        await make(bench.store)
        assert await fetched(bench.store) == [kept]

    async def test_nobody_creates_what_is_there_with_other_verifiers(self, bench: StoreBench) -> None:
        await make(bench.store)
        with refused(Code.DENIED):
            await bench.store.create(QUEUE, send=SEND, receive=digest("other"), now=NOW)
        with refused(Code.DENIED):
            await bench.store.create(QUEUE, send=digest("other"), receive=RECEIVE, now=NOW)
        with refused(Code.DENIED):
            await bench.store.create(QUEUE, send=None, receive=None, now=NOW)

    @pytest.mark.parametrize("there", [True, False])
    async def test_a_wrong_capability_and_an_absent_queue_are_refused_alike(
        self, bench: StoreBench, there: bool
    ) -> None:
        store = bench.store
        if there:
            await make(store)
        wrong = digest("wrong")
        texts: set[str] = set()
        for receive in (wrong, SEND, None):
            for call in (
                partial(store.fetch, QUEUE, receive=receive, after=0, now=NOW),
                partial(store.status, QUEUE, receive=receive),
                partial(store.acknowledge, QUEUE, receive=receive, envelope_ids=[wrong], now=NOW),
                partial(store.delete, QUEUE, receive=receive),
                partial(store.publish, QUEUE, receive=receive, cards=[], last_resort=None, tokens=[], now=NOW),
            ):
                with refused(Code.DENIED) as error:
                    await call()
                texts.add(str(error.value))
        for send in (wrong, RECEIVE, None):
            for call in (
                partial(store.put, QUEUE, send=send, envelope_id=wrong, envelope=envelope(1), now=NOW),
                partial(store.claim, QUEUE, send=send, token=None, now=NOW),
            ):
                with refused(Code.DENIED) as error:
                    await call()
                texts.add(str(error.value))
        assert len(texts) == 1
        assert store.totals.envelopes == 0

    async def test_a_capability_is_compared_as_a_whole_and_in_constant_time(self, bench: StoreBench) -> None:
        store, before = bench.store, Compared.by_equality
        await make(store)
        right, almost = Compared(RECEIVE), Compared(RECEIVE[:-1] + bytes([RECEIVE[-1] ^ 1]))
        await store.fetch(QUEUE, receive=right, after=0, now=NOW)
        await store.status(QUEUE, receive=right)
        for call in (
            partial(store.fetch, QUEUE, receive=almost, after=0, now=NOW),
            partial(store.acknowledge, QUEUE, receive=almost, envelope_ids=[], now=NOW),
            partial(put, store, 1, send=Compared(SEND[:-1] + bytes([SEND[-1] ^ 1]))),
            partial(put, store, 1, send=SEND[:16]),
            partial(store.delete, QUEUE, receive=almost),
        ):
            with refused(Code.DENIED):
                await call()
        await put(store, 1, send=Compared(SEND))
        await put_blob(store, 1)
        await store.delete_blobs([(digest(1), Compared(DELETE))])
        assert Compared.by_equality == before, "a capability is compared by ==, whose time tells how much is right"

    async def test_nothing_of_queues_is_in_its_repr(self, bench: StoreBench) -> None:
        await make(bench.store)
        await put(bench.store, 1)
        shown = repr(bench.store)
        for octets in (QUEUE, SEND, RECEIVE):
            assert octets.hex() not in shown
            assert repr(octets)[2:-1] not in shown

    async def test_closing_twice_is_harmless(self, bench: StoreBench) -> None:
        for _ in range(2):
            await bench.store.aclose()

    async def test_a_deleted_queue_is_gone_with_everything_in_it(self, bench: StoreBench) -> None:
        store, other = bench.store, digest("another one of the same owner")
        await make(store, other)
        kept = await put(store, 1, queue=other)
        await make(store)
        await acknowledge(store, await put(store, 2))
        await put(store, 1)
        await store.publish(QUEUE, receive=RECEIVE, cards=[card(1)], last_resort=card(2), tokens=[digest(1)], now=NOW)
        await store.delete(QUEUE, receive=RECEIVE)
        with refused(Code.DENIED):
            await fetched(store)
        with refused(Code.DENIED):
            await store.delete(QUEUE, receive=RECEIVE)
        totals = store.totals
        assert (totals.queues, totals.envelopes, totals.octets, totals.cards) == (1, 1, SIZE, 0)
        assert await fetched(store, queue=other) == [kept]
        await make(store)
        assert await fetched(store) == []
        with refused(Code.NO_KEY_PACKAGE):
            await store.claim(QUEUE, send=SEND, token=None, now=NOW)
        assert await put(store, 2) in await fetched(store), "it remembers what was acknowledged before"
        await store.delete(QUEUE, receive=RECEIVE)
        await store.create(QUEUE, send=digest("another's"), receive=digest("another's"), now=NOW)
        assert await fetched(store, receive=digest("another's")) == []

    async def test_what_is_deleted_does_not_lie_on_the_disk(self, bench: StoreBench) -> None:
        await make(bench.store)
        gone, kept = await put(bench.store, "gone"), await put(bench.store, "kept")
        await acknowledge(bench.store, gone)
        await bench.reopen()
        assert not await to_thread.run_sync(bench.lies_on_disk, gone[:32] + bytes(64))
        assert await fetched(bench.store) == [kept]

    async def test_the_status_says_how_full_a_queue_is(self, bench: StoreBench) -> None:
        store = bench.store
        await make(store)
        await put(store, 1)
        await store.publish(QUEUE, receive=RECEIVE, cards=[card(1)], last_resort=card(2), tokens=[], now=NOW)
        status = await store.status(QUEUE, receive=RECEIVE)
        assert (status.envelopes, status.octets, status.cards, status.last_resort) == (1, SIZE, 1, True)
        assert (status.max_envelopes, status.max_octets) == (LIMITS.queue_envelopes, LIMITS.queue_octets)
        await acknowledge(store, envelope(1))
        await store.claim(QUEUE, send=SEND, token=None, now=NOW)
        status = await store.status(QUEUE, receive=RECEIVE)
        assert (status.envelopes, status.octets, status.cards, status.last_resort) == (0, 0, 0, True)
        assert (store.limits, store.trouble) == (LIMITS, None)

    async def test_closing_finishes_what_is_under_way(self, bench: StoreBench) -> None:
        await make(bench.store)
        async with anyio.create_task_group() as tasks:
            for name in range(LIMITS.queue_envelopes):
                tasks.start_soon(put, bench.store, name)
            await checkpoint()
            await bench.store.aclose()
        await bench.open()
        assert set(await fetched(bench.store)) == {envelope(name) for name in range(LIMITS.queue_envelopes)}

    async def test_whoever_gives_up_hinders_nobody(self, bench: StoreBench) -> None:
        store = bench.store
        await make(store)
        first = await put(store, 1)
        for given_up in (
            partial(put, store, 2),
            partial(fetched, store),
            partial(store.status, QUEUE, receive=RECEIVE),
            partial(acknowledge, store, envelope("none")),
            partial(store.publish, QUEUE, receive=RECEIVE, cards=[card(1)], last_resort=card(2), tokens=[], now=NOW),
            partial(store.claim, QUEUE, send=SEND, token=None, now=NOW),
            partial(make, store, digest("other")),
            partial(store.delete, digest("other"), receive=RECEIVE),
            partial(store.sweep, now=NOW),
        ):
            with anyio.CancelScope() as scope, suppress(Refused):
                scope.cancel()
                await given_up()
        assert (await fetched(store))[:1] == [first]
        await put(store, 3)
        there = await fetched(store)
        totals, status = store.totals, await store.status(QUEUE, receive=RECEIVE)
        assert (totals.envelopes, totals.octets - SIZE * len(there)) == (len(there), CARD_SIZE * totals.cards)
        assert (status.envelopes, status.octets) == (len(there), SIZE * len(there))

    async def test_many_at_once_do_not_disturb_each_other(self, bench: StoreBench) -> None:
        store = bench.store
        queues = [digest(f"queue {n}") for n in range(6)]
        for queue in queues:
            await make(store, queue)
        async with anyio.create_task_group() as tasks:
            for queue in queues:
                for name in range(6):
                    tasks.start_soon(lambda queue=queue, name=name: put(store, (queue, name), queue=queue))
                tasks.start_soon(lambda queue=queue: put_denied(store, queue))
        for queue in queues:
            assert set(await fetched(store, queue=queue)) == {envelope((queue, name)) for name in range(6)}
