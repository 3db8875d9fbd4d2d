"""The conformance kit of stores: subclass `StoreKit`, give the fixture `bench`, and get the suite.

class TestMyStore(StoreKit):
    @pytest.fixture
    async def bench(self, tmp_path):
        ...
        yield MyBench(...)
"""

import asyncio
import hashlib
from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass, field

import anyio
import pytest
from anyio import to_thread
from balchat_relay_proto.capabilities import envelope_id
from balchat_relay_proto.errors import Code, Refused
from balchat_relay_proto.sizes import CARD_SIZE

from balchat_relay.storage.contract import DAY, HOUR, Place, QueueStore, StoreLimits

NOW = 1_800_000_000 // HOUR * HOUR
SIZE = 16 * 1024

LIMITS = StoreLimits(
    queues=8,
    octets=40 * SIZE,
    queue_envelopes=6,
    queue_octets=8 * SIZE,
    inbox_envelopes=4,
    inbox_octets=8 * SIZE,
    inbox_puts_per_hour=5,
    cards=10,
    tokens=4,
    claims_per_hour=3,
    max_age=10 * DAY,
    max_idle=30 * DAY,
    remembered=HOUR,
)


def digest(name: object) -> bytes:
    """Give 32 octets for a name."""
    return hashlib.sha256(str(name).encode()).digest()


def envelope(name: object, size: int = SIZE) -> bytes:
    """Give an envelope that no other name has."""
    return digest(name) + bytes(size - 32)


SEND, RECEIVE, QUEUE, INBOX = digest("send"), digest("receive"), digest("queue"), digest("inbox")


class StoreBench(ABC):
    """What the kit asks of whoever runs it."""

    @property
    @abstractmethod
    def store(self) -> QueueStore:
        """The open store, with LIMITS; after `reopen` the newly opened one."""

    @abstractmethod
    async def reopen(self) -> None:
        """Close the store and open the same one again."""

    @abstractmethod
    def lies_on_disk(self, octets: bytes) -> bool:
        """Say whether these octets lie in any file of the closed store. False where it has none."""


@dataclass
class Witness:
    """An observer that writes down what it hears."""

    wanted: set[bytes]
    heard: list[tuple[str, object]] = field(default_factory=list[tuple[str, object]])

    def wants(self, queue: bytes) -> bool:
        return queue in self.wanted

    def arrived(self, place: Place, envelope: bytes) -> None:
        self.heard.append(("arrived", (place, envelope)))

    def committed(self, places: Sequence[Place]) -> None:
        self.heard += [("committed", place) for place in places]

    def undone(self, places: Sequence[Place]) -> None:
        self.heard += [("undone", place) for place in places]

    def deleted(self, queue: bytes) -> None:
        self.heard.append(("deleted", queue))


async def make(store: QueueStore, queue: bytes = QUEUE) -> None:
    await store.create(queue, send=SEND, receive=RECEIVE, now=NOW)


async def make_inbox(store: QueueStore) -> None:
    await store.create(INBOX, send=None, receive=None, now=NOW)


async def put(
    store: QueueStore,
    name: object,
    *,
    queue: bytes = QUEUE,
    send: bytes | None = SEND,
    now: int = NOW,
    size: int = SIZE,
) -> bytes:
    octets = envelope(name, size)
    await store.put(queue, send=send, envelope_id=envelope_id(octets), envelope=octets, now=now)
    return octets


async def fetched(
    store: QueueStore, *, queue: bytes = QUEUE, receive: bytes | None = RECEIVE, after: int = 0, now: int = NOW
) -> list[bytes]:
    found = await store.fetch(queue, receive=receive, after=after, now=now)
    return [each.envelope for each in found.stored]


async def acknowledge(store: QueueStore, *envelopes: bytes, now: int = NOW) -> None:
    await store.acknowledge(QUEUE, receive=RECEIVE, envelope_ids=[envelope_id(each) for each in envelopes], now=now)


def refused(code: Code) -> pytest.RaisesExc[Refused]:
    return pytest.RaisesExc(Refused, check=lambda error: error.code is code)


@pytest.mark.anyio
class StoreKit:
    """The suite."""

    # -- queues --

    async def test_what_was_put_is_fetched_in_order_until_it_is_acknowledged(self, bench: StoreBench) -> None:
        store = bench.store
        await make(store)
        first, second, third = [await put(store, name) for name in range(3)]
        assert await fetched(store) == [first, second, third]
        assert await fetched(store) == [first, second, third]
        await acknowledge(store, second, digest(b"none"))
        assert await fetched(store) == [first, third]

    async def test_a_cursor_goes_on_where_the_last_fetch_ended(self, bench: StoreBench) -> None:
        store = bench.store
        await make(store)
        envelopes = [await put(store, name) for name in range(5)]
        found = await store.fetch(QUEUE, receive=RECEIVE, after=0, now=NOW, octets=2 * SIZE)
        assert ([each.envelope for each in found.stored], found.more) == (envelopes[:2], True)
        rest = await store.fetch(QUEUE, receive=RECEIVE, after=found.stored[-1].sequence, now=NOW)
        assert ([each.envelope for each in rest.stored], rest.more) == (envelopes[2:], False)

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
        assert await fetched(store) == [once]
        await acknowledge(store, once)
        await put(store, 1)
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
                store.fetch(QUEUE, receive=receive, after=0, now=NOW),
                store.status(QUEUE, receive=receive),
                store.acknowledge(QUEUE, receive=receive, envelope_ids=[wrong], now=NOW),
                store.delete(QUEUE, receive=receive),
                store.publish(QUEUE, receive=receive, cards=[], last_resort=None, tokens=[], now=NOW),
            ):
                with refused(Code.DENIED) as error:
                    await call
                texts.add(str(error.value))
        for send in (wrong, RECEIVE, None):
            for call in (
                store.put(QUEUE, send=send, envelope_id=wrong, envelope=envelope(1), now=NOW),
                store.claim(QUEUE, send=send, token=None, now=NOW),
            ):
                with refused(Code.DENIED) as error:
                    await call
                texts.add(str(error.value))
        assert len(texts) == 1
        assert store.totals.envelopes == 0

    async def test_a_deleted_queue_is_gone_with_everything_in_it(self, bench: StoreBench) -> None:
        store = bench.store
        await make(store)
        await put(store, 1)
        await store.publish(QUEUE, receive=RECEIVE, cards=[card(1)], last_resort=card(2), tokens=[digest(1)], now=NOW)
        await store.delete(QUEUE, receive=RECEIVE)
        with refused(Code.DENIED):
            await fetched(store)
        totals = store.totals
        assert (totals.queues, totals.envelopes, totals.octets, totals.cards) == (0, 0, 0, 0)
        await make(store)
        assert await fetched(store) == []

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

    async def test_changes_of_one_queue_take_effect_in_the_order_in_which_they_were_begun(
        self, bench: StoreBench
    ) -> None:
        store = bench.store
        await make(store)
        octets = [envelope(name) for name in range(5)]
        await asyncio.gather(
            *(change for name in range(5) for change in (put(store, name), acknowledge(store, octets[name])))
        )
        assert await fetched(store) == []

    # -- quotas and ages --

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

    # -- the inbox --

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

    # -- cards --

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

    # -- the observer --

    async def test_the_observer_hears_of_what_it_wants_and_of_nothing_else(self, bench: StoreBench) -> None:
        store = bench.store
        other = digest("other")
        await make(store)
        await make(store, other)
        witness = Witness({QUEUE})
        store.watch(witness)
        there = await put(store, 1)
        await put(store, 1)
        await put(store, 2, queue=other)
        with refused(Code.DENIED):
            await put(store, 3, send=digest("wrong"))
        place = Place(queue=QUEUE, sequence=1)
        assert witness.heard == [("arrived", (place, there)), ("committed", place)]
        await store.delete(QUEUE, receive=RECEIVE)
        assert witness.heard[-1] == ("deleted", QUEUE)


def card(name: object) -> bytes:
    """Give a card that no other name has."""
    return digest(name) + bytes(CARD_SIZE - 32)


async def put_denied(store: QueueStore, queue: bytes) -> None:
    """Fail within others' commits."""
    with refused(Code.DENIED):
        await put(store, "wrong", queue=queue, send=digest("wrong"))
