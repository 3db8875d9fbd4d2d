"""The inbox, which anybody puts into, and the pool of cards."""

import anyio
from balchat_relay_proto.capabilities import envelope_id
from balchat_relay_proto.errors import Code

from balchat_relay.storage.contract import HOUR
from balchat_relay.testing.store_kit.bench import (
    INBOX,
    LIMITS,
    NOW,
    QUEUE,
    RECEIVE,
    SEND,
    StoreBench,
    card,
    digest,
    fetched,
    make,
    make_inbox,
    put,
    refused,
)


class InboxTests:
    """Part of StoreKit."""

    async def test_anybody_puts_into_an_inbox_and_only_its_owner_reads(self, bench: StoreBench) -> None:
        store = bench.store
        await make_inbox(store)
        there = await put(store, 1, queue=INBOX, send=None)
        assert await fetched(store, queue=INBOX, receive=None) == [there]
        with refused(Code.DENIED):
            await fetched(store, queue=INBOX, receive=RECEIVE)
        with refused(Code.DENIED):
            await put(store, 1, queue=INBOX, send=SEND)

    async def test_an_inbox_takes_small_envelopes_few_and_slowly(self, bench: StoreBench) -> None:
        store = bench.store
        await make_inbox(store)
        with refused(Code.TOO_LARGE):
            await put(store, 0, queue=INBOX, send=None, size=256 * 1024)
        envelopes = [await put(store, name, queue=INBOX, send=None) for name in range(4)]
        with refused(Code.QUEUE_FULL):
            await put(store, 4, queue=INBOX, send=None)
        ids = [envelope_id(each) for each in envelopes]
        await store.acknowledge(INBOX, receive=None, envelope_ids=ids, now=NOW)
        await put(store, 4, queue=INBOX, send=None)
        with refused(Code.TOO_MANY_REQUESTS) as error:
            await put(store, 5, queue=INBOX, send=None, now=NOW + 600)
        assert error.value.retry_after == 3000
        await put(store, 5, queue=INBOX, send=None, now=NOW + HOUR)

    async def test_a_card_is_claimed_once_and_the_last_resort_stays(self, bench: StoreBench) -> None:
        store = bench.store
        await make(store)
        size = await store.publish(
            QUEUE, receive=RECEIVE, cards=[card(1), card(2)], last_resort=card(3), tokens=[], now=NOW
        )
        assert size == 2
        claimed = [await store.claim(QUEUE, send=SEND, token=None, now=NOW) for _ in range(4)]
        assert [each.card for each in claimed] == [card(1), card(2), card(3), card(3)]
        assert [each.last_resort for each in claimed] == [False, False, True, True]

    async def test_many_claims_at_once_get_different_cards(self, bench: StoreBench) -> None:
        store = bench.store
        await make(store)
        cards = [card(n) for n in range(10)]
        await store.publish(QUEUE, receive=RECEIVE, cards=cards, last_resort=None, tokens=[], now=NOW)
        got: list[bytes] = []

        async def claim() -> None:
            got.append((await store.claim(QUEUE, send=SEND, token=None, now=NOW)).card)

        async with anyio.create_task_group() as tasks:
            for _ in range(10):
                tasks.start_soon(claim)
        assert sorted(got) == sorted(cards)
        with refused(Code.NO_KEY_PACKAGE):
            await store.claim(QUEUE, send=SEND, token=None, now=NOW)

    async def test_strangers_cannot_drain_a_pool(self, bench: StoreBench) -> None:
        store = bench.store
        await make_inbox(store)
        await store.publish(
            INBOX, receive=None, cards=[card(n) for n in range(10)], last_resort=card("last"), tokens=[], now=NOW
        )
        for hour in range(5):
            claimed = [await store.claim(INBOX, send=None, token=None, now=NOW + hour * HOUR) for _ in range(5)]
            ordinary = [each for each in claimed if not each.last_resort]
            assert len(ordinary) <= LIMITS.claims_per_hour
        assert (await store.status(INBOX, receive=None)).cards == 5

    async def test_a_token_is_good_for_one_ordinary_card(self, bench: StoreBench) -> None:
        store = bench.store
        await make_inbox(store)
        await store.publish(
            INBOX,
            receive=None,
            cards=[card(n) for n in range(4)],
            last_resort=card("last"),
            tokens=[digest(1)],
            now=NOW,
        )
        for _ in range(3):  # strangers use up what they may
            await store.claim(INBOX, send=None, token=None, now=NOW)
        assert (await store.claim(INBOX, send=None, token=None, now=NOW)).last_resort
        assert not (await store.claim(INBOX, send=None, token=digest(1), now=NOW)).last_resort
        assert (await store.claim(INBOX, send=None, token=digest(1), now=NOW)).last_resort

    async def test_a_token_is_good_at_its_queue_and_used_up_by_an_ordinary_card(self, bench: StoreBench) -> None:
        store, other = bench.store, digest("other")
        await make_inbox(store)
        await store.create(other, send=None, receive=None, now=NOW)
        for queue, token in ((INBOX, digest(1)), (other, digest(2))):
            await store.publish(
                queue, receive=None, cards=[], last_resort=card(f"last of {token}"), tokens=[token], now=NOW
            )
        assert (await store.claim(INBOX, send=None, token=digest(1), now=NOW)).last_resort
        cards = [card(n) for n in range(4)]
        await store.publish(INBOX, receive=None, cards=cards, last_resort=None, tokens=[], now=NOW)
        while not (await store.claim(INBOX, send=None, token=None, now=NOW)).last_resort:
            pass
        assert (await store.claim(INBOX, send=None, token=digest(2), now=NOW)).last_resort, "it is another queue's"
        assert not (await store.claim(INBOX, send=None, token=digest(1), now=NOW)).last_resort

    async def test_what_is_published_is_added_to_what_is_there(self, bench: StoreBench) -> None:
        store = bench.store
        await make(store)
        await store.publish(QUEUE, receive=RECEIVE, cards=[card(1)], last_resort=card("last"), tokens=[], now=NOW)
        size = await store.publish(QUEUE, receive=RECEIVE, cards=[card(2)], last_resort=None, tokens=[], now=NOW)
        assert size == 2
        claimed = [(await store.claim(QUEUE, send=SEND, token=None, now=NOW)).card for _ in range(3)]
        assert claimed == [card(1), card(2), card("last")]

    async def test_a_token_of_a_refused_publication_is_not_good(self, bench: StoreBench) -> None:
        store = bench.store
        await make_inbox(store)
        cards = [card(n) for n in range(LIMITS.cards + 1)]
        with refused(Code.POOL_FULL):
            await store.publish(INBOX, receive=None, cards=cards, last_resort=None, tokens=[digest(1)], now=NOW)
        await store.publish(INBOX, receive=None, cards=cards[:4], last_resort=card("last"), tokens=[], now=NOW)
        while not (await store.claim(INBOX, send=None, token=None, now=NOW)).last_resort:
            pass
        assert (await store.claim(INBOX, send=None, token=digest(1), now=NOW)).last_resort

    async def test_a_pool_is_bounded_and_a_refused_publication_changes_nothing(self, bench: StoreBench) -> None:
        store = bench.store
        await make(store)
        cards = [card(n) for n in range(LIMITS.cards + 1)]
        with refused(Code.POOL_FULL):
            await store.publish(QUEUE, receive=RECEIVE, cards=cards, last_resort=card("last"), tokens=[], now=NOW)
        tokens = [digest(n) for n in range(LIMITS.tokens + 1)]
        with refused(Code.POOL_FULL):
            await store.publish(QUEUE, receive=RECEIVE, cards=[], last_resort=card("last"), tokens=tokens, now=NOW)
        status = await store.status(QUEUE, receive=RECEIVE)
        assert (status.cards, status.last_resort, store.totals.cards) == (0, False, 0)

    async def test_a_newer_last_resort_replaces_the_older(self, bench: StoreBench) -> None:
        store = bench.store
        await make(store)
        for name in ("old", "new"):
            await store.publish(QUEUE, receive=RECEIVE, cards=[], last_resort=card(name), tokens=[], now=NOW)
        assert (await store.claim(QUEUE, send=SEND, token=None, now=NOW)).card == card("new")
        assert store.totals.cards == 1
