"""What outlives a power failure: everything that was answered. A kill leaves what the system has; this leaves less."""

from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import asynccontextmanager

import anyio
import pytest
from anyio import to_thread
from balchat_relay_proto.errors import Code

from balchat_host.testing.octets import assert_octets
from balchat_host.testing.power import Power
from balchat_relay.testing.store_kit.bench import (
    DELETE,
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
    put,
    put_blob,
    refused,
)


class PowerFailureTests:
    """Part of StoreKit."""

    async def test_what_was_answered_outlives_a_power_failure(self, bench: StoreBench) -> None:
        async with self._powered(bench) as power:
            gone, kept = await put(bench.store, 1), await put(bench.store, 2)
            await acknowledge(bench.store, gone)
            cards = [card(1), card(2)]
            await bench.store.publish(QUEUE, receive=RECEIVE, cards=cards, last_resort=None, tokens=[], now=NOW)
            claimed = await bench.store.claim(QUEUE, send=SEND, token=None, now=NOW)
            await self._fails(bench, power)
            assert await fetched(bench.store) == [kept]
            await put(bench.store, 1)
            assert await fetched(bench.store) == [kept], "it is taken again, although it was acknowledged"
            assert [claimed.card, (await bench.store.claim(QUEUE, send=SEND, token=None, now=NOW)).card] == cards

    async def test_what_a_subscriber_was_told_outlives_a_power_failure(self, bench: StoreBench) -> None:
        async with self._powered(bench) as power:
            told = anyio.Event()

            class Telling(Witness):
                def stored(self, sequence: int, envelope: bytes) -> None:
                    power.off()
                    super().stored(sequence, envelope)
                    told.set()

            witness = Telling()
            await bench.store.subscribe(QUEUE, witness, receive=RECEIVE)
            await put(bench.store, 1)
            await told.wait()
            await self._fails(bench, power)
            assert await fetched(bench.store) == witness.envelopes

    async def test_blobs_outlive_a_power_failure(self, bench: StoreBench) -> None:
        async with self._powered(bench) as power:
            octets = {name: await put_blob(bench.store, name) for name in range(2)}
            await self._fails(bench, power)
            for name, expected in octets.items():
                assert_octets(await got_blob(bench.store, name), expected)

    async def test_a_blob_that_was_deleted_does_not_come_back_after_a_power_failure(self, bench: StoreBench) -> None:
        async with self._powered(bench) as power:
            octets = await put_blob(bench.store, 1)
            await bench.store.delete_blobs([(digest(1), DELETE)])
            await self._fails(bench, power)
            with refused(Code.NO_BLOB):
                await got_blob(bench.store, 1)
            assert not await to_thread.run_sync(bench.lies_on_disk, octets[:32])

    async def test_of_a_blob_that_was_coming_nothing_is_left_after_a_power_failure(self, bench: StoreBench) -> None:
        async with self._powered(bench) as power:
            octets = blob(1)

            async def half() -> AsyncIterator[bytes]:
                yield octets[:40_000]
                power.off()
                yield octets[40_000:]

            await bench.store.put_blob(
                QUEUE, receive=RECEIVE, blob=digest(1), delete=DELETE, size=len(octets), octets=half(), now=NOW
            )
            await self._fails(bench, power)
            with refused(Code.NO_BLOB):
                await got_blob(bench.store, 1)
            assert not await to_thread.run_sync(bench.lies_on_disk, octets[:32])
            assert bench.store.totals.blobs == 0
            await put_blob(bench.store, 1)

    @staticmethod
    @asynccontextmanager
    async def _powered(bench: StoreBench) -> AsyncGenerator[Power]:
        """Have a queue in a store that has power."""
        if not bench.synced:
            pytest.skip("the store does not promise `synced`")
        async with bench.power() as power:
            # What is open now was opened before `power` could look.
            await bench.reopen()
            await make(bench.store)
            yield power

    @staticmethod
    async def _fails(bench: StoreBench, power: Power) -> None:
        """Have the power fail, unless it has, and come back."""
        power.off()
        await bench.store.aclose()
        await power.on()
        await bench.open()
