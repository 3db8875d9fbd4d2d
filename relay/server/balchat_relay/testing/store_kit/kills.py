"""What outlives a kill: everything that was answered."""

from collections.abc import AsyncIterator

import anyio
import pytest
from anyio import to_thread
from balchat_relay_proto.capabilities import envelope_id
from balchat_relay_proto.errors import Code

from balchat_host.testing.octets import assert_octets
from balchat_relay.testing.store_kit.bench import (
    DELETE,
    INBOX,
    LIMITS,
    NOW,
    QUEUE,
    RECEIVE,
    SEND,
    StoreBench,
    Witness,
    acknowledge,
    blob,
    card,
    digest,
    fetched,
    got_blob,
    make,
    make_inbox,
    put,
    put_blob,
    refused,
)


class KillTests:
    """Part of StoreKit."""

    async def test_what_was_put_outlives_a_kill(self, bench: StoreBench) -> None:
        await self._made(bench)
        envelopes = [await put(bench.store, name) for name in range(3)]
        await bench.kill()
        assert await fetched(bench.store) == envelopes

    async def test_what_was_acknowledged_does_not_come_back_after_a_kill(self, bench: StoreBench) -> None:
        await self._made(bench)
        gone, kept = await put(bench.store, 1), await put(bench.store, 2)
        await acknowledge(bench.store, gone)
        await bench.kill()
        assert await fetched(bench.store) == [kept]
        await put(bench.store, 1)
        assert await fetched(bench.store) == [kept], "it is taken again, although it was acknowledged"

    async def test_no_sequence_is_given_again_after_a_kill(self, bench: StoreBench) -> None:
        await self._made(bench)
        await acknowledge(bench.store, await put(bench.store, 1))
        await bench.kill()
        sent = await put(bench.store, 2)
        found = await bench.store.fetch(QUEUE, receive=RECEIVE, after=1, now=NOW)
        assert [each.envelope for each in found.stored] == [sent], "whoever goes on after the last one misses this"

    async def test_what_a_subscriber_was_told_outlives_a_kill(self, bench: StoreBench) -> None:
        await self._made(bench)
        store, witness, told = bench.store, Witness(), anyio.Event()

        class Telling(Witness):
            def stored(self, sequence: int, envelope: bytes) -> None:
                witness.stored(sequence, envelope)
                told.set()

        await store.subscribe(QUEUE, Telling(), receive=RECEIVE)
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(put, store, 1)
            await told.wait()
            await bench.kill()
        assert await fetched(bench.store) == witness.envelopes

    async def test_what_the_operator_said_outlives_a_kill(self, bench: StoreBench) -> None:
        self._needs_durable(bench)
        await bench.store.set_draining(draining=True)
        await bench.store.invite(digest("permit"), queues=1)
        await bench.kill()
        assert bench.store.draining
        await bench.store.create(QUEUE, send=SEND, receive=RECEIVE, invitation=digest("permit"), now=NOW)

    async def test_the_number_of_an_hour_outlives_a_kill(self, bench: StoreBench) -> None:
        self._needs_durable(bench)
        await make_inbox(bench.store)
        for name in range(LIMITS.inbox_puts_per_hour):
            sent = await put(bench.store, name, queue=INBOX, send=None)
            await bench.store.acknowledge(INBOX, receive=None, envelope_ids=[envelope_id(sent)], now=NOW)
        await bench.kill()
        with refused(Code.TOO_MANY_REQUESTS):
            await put(bench.store, "more", queue=INBOX, send=None)

    async def test_a_pool_outlives_a_kill(self, bench: StoreBench) -> None:
        self._needs_durable(bench)
        await make_inbox(bench.store)
        cards, tokens = [card(n) for n in range(4)], [digest("used"), digest("unused")]
        await bench.store.publish(INBOX, receive=None, cards=cards, last_resort=card("last"), tokens=tokens, now=NOW)
        while not (await bench.store.claim(INBOX, send=None, token=None, now=NOW)).last_resort:
            pass
        claimed = await bench.store.claim(INBOX, send=None, token=digest("used"), now=NOW)
        assert not claimed.last_resort
        await bench.kill()
        again = await bench.store.claim(INBOX, send=None, token=digest("used"), now=NOW)
        assert again.card == card("last"), "a token is good again"
        assert not (await bench.store.claim(INBOX, send=None, token=digest("unused"), now=NOW)).last_resort

    async def test_a_queue_that_was_deleted_does_not_come_back_after_a_kill(self, bench: StoreBench) -> None:
        await self._made(bench)
        await put(bench.store, 1)
        await bench.store.delete(QUEUE, receive=RECEIVE)
        await bench.kill()
        with refused(Code.DENIED):
            await fetched(bench.store)

    async def test_a_card_that_was_claimed_is_not_given_again_after_a_kill(self, bench: StoreBench) -> None:
        await self._made(bench)
        cards = [card(1), card(2)]
        await bench.store.publish(QUEUE, receive=RECEIVE, cards=cards, last_resort=None, tokens=[], now=NOW)
        first = await bench.store.claim(QUEUE, send=SEND, token=None, now=NOW)
        await bench.kill()
        second = await bench.store.claim(QUEUE, send=SEND, token=None, now=NOW)
        assert [first.card, second.card] == cards

    async def test_an_invitation_that_was_used_is_not_good_again_after_a_kill(self, bench: StoreBench) -> None:
        self._needs_durable(bench)
        await bench.store.invite(digest("permit"), queues=1)
        await bench.store.create(QUEUE, send=SEND, receive=RECEIVE, invitation=digest("permit"), now=NOW)
        await bench.kill()
        with refused(Code.NOT_INVITED):
            await bench.store.create(
                digest("another"), send=SEND, receive=RECEIVE, invitation=digest("permit"), now=NOW
            )

    async def test_a_blob_outlives_a_kill(self, bench: StoreBench) -> None:
        await self._made(bench)
        octets = await put_blob(bench.store, 1)
        await bench.kill()
        assert_octets(await got_blob(bench.store, 1), octets)

    async def test_the_time_of_blobs_outlives_a_kill(self, bench: StoreBench) -> None:
        await self._made(bench)
        octets = await put_blob(bench.store, 1)
        later = NOW + LIMITS.blob_age - 1
        await bench.store.renew_blobs(QUEUE, receive=RECEIVE, now=later)
        await bench.kill()
        assert_octets(await got_blob(bench.store, 1, now=later + 1), octets)

    async def test_a_blob_that_was_deleted_does_not_come_back_after_a_kill(self, bench: StoreBench) -> None:
        await self._made(bench)
        octets = await put_blob(bench.store, 1)
        await bench.store.delete_blobs([(digest(1), DELETE)])
        await bench.kill()
        with refused(Code.NO_BLOB):
            await got_blob(bench.store, 1)
        assert not await to_thread.run_sync(bench.lies_on_disk, octets[:32])

    async def test_of_a_blob_that_was_coming_nothing_is_left_after_a_kill(self, bench: StoreBench) -> None:
        await self._made(bench)
        store, octets, killed, gone = bench.store, blob(1), anyio.Event(), anyio.Event()

        async def half() -> AsyncIterator[bytes]:
            yield octets[:40_000]
            killed.set()
            await gone.wait()
            raise ConnectionResetError

        async def put_half() -> None:
            with pytest.raises(ConnectionResetError):
                await store.put_blob(
                    QUEUE, receive=RECEIVE, blob=digest(1), delete=DELETE, size=len(octets), octets=half(), now=NOW
                )

        async with anyio.create_task_group() as tasks:
            tasks.start_soon(put_half)
            await killed.wait()
            await bench.kill()
            gone.set()
        assert store is not bench.store
        with refused(Code.NO_BLOB):
            await got_blob(bench.store, 1)
        assert not await to_thread.run_sync(bench.lies_on_disk, octets[:32])
        await put_blob(bench.store, 1)

    @staticmethod
    def _needs_durable(bench: StoreBench) -> None:
        if not bench.durable:
            pytest.skip("the store does not promise `durable`")

    async def _made(self, bench: StoreBench) -> None:
        self._needs_durable(bench)
        await make(bench.store)
