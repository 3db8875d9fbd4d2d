"""Files by relay between whole accounts that need never be there together, whoever dies, is full, forgets or lies."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import anyio
import pytest

from balchat_host.api.views import FileState
from balchat_host.core.files.part_bitmaps import MANIFEST
from balchat_host.core.files.part_notices import MAX_ABSENT
from balchat_host.core.files.shape import Shape
from balchat_host.loader.configuration import load_configuration
from balchat_host.loader.selection import permits
from balchat_host.testing.app_kit.files import made_up, read
from balchat_host.testing.app_pair_kit import introduce
from balchat_host.testing.waiting import until_true
from tests.simulation.test_files import LONG, MIB, offer, offered, until_here
from tests.simulation.test_relayed import friends
from tests.support.virtual_relay import VirtualRelay

if TYPE_CHECKING:
    from balchat_host.api.frontend import App
    from tests.simulation.conftest import People, Someone

pytestmark = pytest.mark.anyio

HOUR = 3600.0
DAY = 24 * HOUR


@pytest.fixture
def relay(people: People) -> VirtualRelay:
    relay = VirtualRelay()
    people.more = [relay.setup]
    return relay


@pytest.mark.parametrize("sizes", [(0, 1, 65_535, 65_536, 65_537, MIB, MIB + 1), (16 * MIB,), (16 * MIB + 1,)])
async def test_files_come_although_the_two_are_never_there_together(
    people: People, relay: VirtualRelay, sizes: tuple[int, ...]
) -> None:
    async with people:
        alice, bob = await friends(people)
        async with alice.up() as a:
            sent = [await offer(a, made_up(size)) for size in sizes]
            await anyio.sleep(HOUR)
        assert relay.blobs_put
        async with bob.up() as b:
            await until_true(b, lambda: offers(b, len(sizes)), patience=LONG)
            got = relay.blobs_got
            await anyio.sleep(HOUR)
            theirs = await b.files.list("Alice")
            assert {file.state for file in theirs} == {FileState.OFFERED}, "nothing comes before it is wanted"
            assert relay.blobs_got == got
            for file in theirs:
                await b.files.fetch(file.id)
            for file in theirs:
                await until_here(b, file)
                assert await read(b, file.id) == made_up(file.size)
            assert sorted(file.size for file in theirs) == sorted(sizes)
            await anyio.sleep(60)
        async with alice.up() as a:
            await anyio.sleep(HOUR)
            for file in sent:
                now = await a.files.get(file.id)
                assert (now.received_by, now.recipients) == (1, 1)
        assert relay.blobs == {}, "what has been received is deleted at the relay"


async def offers(app: App, count: int) -> bool:
    return len(await app.files.list("Alice")) == count


async def test_a_file_larger_than_the_relay_passes_while_the_two_are_never_there_together(
    people: People, relay: VirtualRelay
) -> None:
    relay.blob_octets = 10 * MIB
    async with people:
        alice, bob = await friends(people)
        octets = made_up(40 * MIB)
        async with alice.up() as a:
            sent = await offer(a, octets)
            await anyio.sleep(HOUR)
            assert (await a.files.get(sent.id)).reason == "own-relay-full"
        async with bob.up() as b:
            theirs = await offered(b)
            await b.files.fetch(theirs.id)
        rounds = 0
        confirmed = [0]
        while True:
            async with bob.up() as b:
                await anyio.sleep(2 * HOUR)
                here = await b.files.get(theirs.id)
            async with alice.up() as a:
                await anyio.sleep(2 * HOUR)
                confirmed.append((await a.files.get(sent.id)).there)
            if here.state is FileState.COMPLETE:
                break
            rounds += 1
            assert rounds < 8
        assert rounds >= 3, "each time only as much as the relay takes"
        assert relay.most_blob_octets <= relay.blob_octets < 40 * MIB // 3
        assert confirmed == sorted(confirmed)
        assert 0 < confirmed[1] < confirmed[-1] == 40 * MIB, "the sender sees how far the other side is"
        async with bob.up() as b:
            assert await read(b, theirs.id) == octets
        assert relay.blobs == {}


@pytest.mark.parametrize("direct", [True, False], ids=["both", "relay only"])
async def test_where_both_are_up_it_passes_through_a_window(people: People, relay: VirtualRelay, direct: bool) -> None:
    relay.blob_octets = 6 * MIB
    async with people:
        alice, bob = await friends(people, direct=direct)
        octets = made_up(24 * MIB)
        async with alice.up() as a, bob.up() as b:
            await offer(a, octets)
            theirs = await offered(b)
            dials = len(people.world.times_of(alice.peer))
            await b.files.fetch(theirs.id)
            began = anyio.current_time()
            await until_here(b, theirs)
            assert await read(b, theirs.id) == octets
            await anyio.sleep(HOUR)
            assert anyio.current_time() - began < 4 * HOUR
            if direct:
                assert relay.blobs_put == 0, "whoever is there fetches directly"
            else:
                assert relay.most_blob_octets <= 6 * MIB
                assert len(people.world.times_of(alice.peer)) == dials, "nobody is dialled"
        assert relay.blobs == {}


async def test_parts_come_from_a_relay_and_directly_at_once(people: People, relay: VirtualRelay) -> None:
    async with people:
        alice, bob = await friends(people)
        octets = made_up(24 * MIB)
        async with alice.up() as a:
            await offer(a, octets)
            await anyio.sleep(HOUR)
        relay.blob_time = 2.0
        async with alice.up(), bob.up() as b:
            theirs = await offered(b)
            await b.files.fetch(theirs.id)
            ways: set[str] = set()

            async def both() -> bool:
                now = await b.files.get(theirs.id)
                ways.update(now.ways)
                return now.state is FileState.COMPLETE

            await until_true(b, both, patience=LONG)
            assert await read(b, theirs.id) == octets
        assert ways == {"direct", "relay"}
        assert 0 < relay.blobs_got < 24


@pytest.mark.parametrize("liar", ["relay", "sender"])
async def test_of_two_sources_at_once_one_lies_and_all_comes_from_the_other(
    people: People, relay: VirtualRelay, liar: str
) -> None:
    async with people:
        alice, bob = await friends(people)
        octets = made_up(9 * MIB)
        async with alice.up() as a:
            sent = await offer(a, octets)
            await anyio.sleep(HOUR)
            assert (await a.files.get(sent.id)).at_relays == 9 * MIB
        relay.blob_time = 2.0
        wrong: list[int] = []

        def lie(index: int, blob: bytes) -> bytes:
            # What it gives first is right, so that it is one of the two sources.
            if relay.blobs_got < 4:
                return blob
            wrong.append(index)
            return bytes([blob[0] ^ 1]) + blob[1:]

        if liar == "relay":
            relay.lie = lie
        else:
            (sealed,) = alice.folder.files.values()
            for begin in range(MIB, len(sealed), MIB):
                sealed[begin] ^= 1
        async with alice.up(), bob.up() as b:
            dials = len(people.world.times_of(alice.peer))
            theirs = await offered(b)
            await b.files.fetch(theirs.id)
            await until_here(b, theirs)
            assert await read(b, theirs.id) == octets
            assert relay.blobs_got
            assert len(people.world.times_of(alice.peer)) > dials
        if liar == "relay":
            assert 1 <= len(wrong) <= 3, "no more than was on its way is asked of it"


async def test_a_relay_that_lies_costs_one_part_and_the_rest_comes_directly(
    people: People, relay: VirtualRelay
) -> None:
    relay.lie = lambda index, octets: bytes([octets[0] ^ 1]) + octets[1:] if index == 3 else octets
    async with people:
        alice, bob = await friends(people)
        octets = made_up(12 * MIB)
        async with alice.up() as a:
            await offer(a, octets)
            await anyio.sleep(HOUR)
        async with bob.up() as b:
            theirs = await offered(b)
            await b.files.fetch(theirs.id)
            await until_here(b, theirs, 3 * MIB)
            await anyio.sleep(600)
            now = await b.files.get(theirs.id)
            assert now.state is FileState.FETCHING
        async with alice.up(), bob.up() as b:
            await until_here(b, theirs)
            assert await read(b, theirs.id) == octets


@pytest.mark.parametrize("lost", [(2, 3, 4), (MANIFEST,)], ids=["parts", "manifest"])
async def test_what_a_relay_forgets_is_put_again(people: People, relay: VirtualRelay, lost: tuple[int, ...]) -> None:
    async with people:
        alice, bob = await friends(people)
        octets = made_up(6 * MIB)
        async with alice.up() as a:
            await offer(a, octets)
            await anyio.sleep(HOUR)
        put = relay.blobs_put
        (blobs,) = relay.blobs.values()
        for index in lost:  # not by the order in which they came: several are put at once
            del blobs[index]
        async with bob.up() as b:
            theirs = await offered(b)
            await b.files.fetch(theirs.id)
            await anyio.sleep(HOUR)
            assert (await b.files.get(theirs.id)).state is FileState.FETCHING
        async with alice.up():
            await anyio.sleep(HOUR)
        assert relay.blobs_put == put + len(lost)
        async with bob.up() as b:
            await until_here(b, theirs)
            assert await read(b, theirs.id) == octets


async def test_a_relay_that_forgets_more_than_one_notice_can_name_has_all_of_it_put_again_at_once(
    people: People, relay: VirtualRelay
) -> None:
    async with people:
        alice, bob = await friends(people)
        octets = made_up(16 * MIB)
        assert Shape(len(octets)).parts > MAX_ABSENT
        async with alice.up() as a:
            await offer(a, octets)
            await anyio.sleep(HOUR)
        put = relay.blobs_put
        (blobs,) = relay.blobs.values()
        for index in set(blobs) - {MANIFEST}:
            del blobs[index]
        async with bob.up() as b:
            theirs = await offered(b)
            await b.files.fetch(theirs.id)
            await anyio.sleep(HOUR)
        async with alice.up():
            await anyio.sleep(HOUR)
        assert relay.blobs_put == put + Shape(len(octets)).parts
        async with bob.up() as b:
            await until_here(b, theirs)
            assert await read(b, theirs.id) == octets


async def test_what_was_received_and_removed_comes_by_relay_once_more(people: People, relay: VirtualRelay) -> None:
    async with people:
        alice, bob = await friends(people)
        octets = made_up(MIB)
        async with alice.up() as a:
            await offer(a, octets)
            await anyio.sleep(HOUR)
        async with bob.up() as b:
            theirs = await offered(b)
            await b.files.fetch(theirs.id)
            await until_here(b, theirs)
            await anyio.sleep(60)
        async with alice.up():
            await anyio.sleep(HOUR)
            assert relay.blobs == {}
        async with bob.up() as b:
            await b.files.remove(theirs.id)
            await b.files.fetch(theirs.id)
            await anyio.sleep(HOUR)
        async with alice.up():
            await anyio.sleep(HOUR)
        async with bob.up() as b:
            await until_here(b, theirs)
            assert await read(b, theirs.id) == octets


async def test_a_relay_that_is_gone_for_a_while_is_used_when_it_is_back(people: People, relay: VirtualRelay) -> None:
    async with people:
        alice, bob = await friends(people)
        octets = made_up(3 * MIB)
        async with alice.up() as a:
            await offer(a, octets)
            await anyio.sleep(HOUR)
        async with bob.up() as b:
            theirs = await offered(b)
            relay.gone = True
            await b.files.fetch(theirs.id)
            await anyio.sleep(5 * HOUR)
            assert (await b.files.get(theirs.id)).reason in ("their-relay-unreachable", "unreachable")
            relay.gone = False
            await until_here(b, theirs)
            assert await read(b, theirs.id) == octets


async def test_what_is_paused_for_a_week_goes_on_and_is_kept_for_so_long(people: People, relay: VirtualRelay) -> None:
    relay.blobs_kept = 2 * DAY
    async with people:
        alice, bob = await friends(people)
        octets = made_up(9 * MIB)
        async with alice.up() as a, bob.up() as b:
            relay.blob_time = 1.0
            people.world.cut(alice.node, bob.node)
            await offer(a, octets)
            theirs = await offered(b)
            await b.files.fetch(theirs.id)
            await until_here(b, theirs, MIB)
            await b.files.pause(theirs.id)
            await anyio.sleep(7 * DAY)
            assert relay.blobs == {}, "what is not wanted now lies nowhere"
            await b.files.fetch(theirs.id)
            await until_here(b, theirs)
            assert await read(b, theirs.id) == octets


async def test_parts_are_kept_for_longer_while_somebody_is_away(people: People, relay: VirtualRelay) -> None:
    relay.blobs_kept = 4 * HOUR
    async with people:
        alice, bob = await friends(people)
        async with alice.up() as a:
            sent = await offer(a, made_up(MIB))
            await anyio.sleep(DAY)
            assert (await a.files.get(sent.id)).at_relays == MIB
        async with bob.up() as b:
            theirs = await offered(b)
            await b.files.fetch(theirs.id)
            await until_here(b, theirs)


@pytest.mark.parametrize("how", ["file", "message", "contact", "block"])
async def test_what_its_sender_takes_back_goes_from_the_relay(people: People, relay: VirtualRelay, how: str) -> None:
    async with people:
        alice, _ = await friends(people)
        async with alice.up() as a:
            sent = await offer(a, made_up(3 * MIB))
            await anyio.sleep(HOUR)
            assert relay.blobs
            relay.gone = True
            match how:
                case "file":
                    await a.files.remove(sent.id)
                case "message":
                    (message,) = await a.messages.history("Bob")
                    await a.messages.delete(message.id)
                case "contact":
                    await a.contacts.remove("Bob")
                case _:
                    await a.contacts.block("Bob")
            await anyio.sleep(HOUR)
        relay.gone = False
        async with alice.up():
            await anyio.sleep(HOUR)
        assert relay.blobs == {}


async def test_the_first_parts_come_while_the_others_are_put(people: People, relay: VirtualRelay) -> None:
    relay.blob_time = 5.0
    async with people:
        alice, bob = await friends(people, direct=False)
        octets = made_up(12 * MIB)
        async with alice.up() as a, bob.up() as b:
            await offer(a, octets)
            theirs = await offered(b)
            await b.files.fetch(theirs.id)
            await until_here(b, theirs, 1)
            assert relay.blobs_put < Shape(len(octets)).parts // 2


@pytest.mark.parametrize("who", ["sender", "receiver"])
async def test_who_dies_in_the_middle_goes_on_by_itself(people: People, relay: VirtualRelay, who: str) -> None:
    relay.blob_time = 5.0
    async with people:
        alice, bob = await friends(people)
        octets = made_up(12 * MIB)
        async with alice.up() as a:
            await offer(a, octets)
            await relay.until_put(6)
            if who == "sender":
                alice.kill()
        async with alice.up():
            await anyio.sleep(HOUR)
        parts = Shape(len(octets)).parts + 1
        assert relay.blobs_put == parts
        assert relay.puts <= parts + 3, "one part for each stream is put again"
        async with bob.up() as b:
            theirs = await offered(b)
            await b.files.fetch(theirs.id)
            await until_here(b, theirs, 4 * MIB)
            if who == "receiver":
                bob.kill()
        async with bob.up() as b:
            assert (await b.files.get(theirs.id)).here >= 4 * MIB
            await until_here(b, theirs)
            assert await read(b, theirs.id) == octets
            assert relay.blobs_got <= parts + 3, "one part for each stream comes again"
            await anyio.sleep(60)
        async with alice.up():
            await anyio.sleep(HOUR)
        assert relay.blobs == {}


async def test_a_full_disk_of_ours_is_said_and_asked_little(people: People, relay: VirtualRelay) -> None:
    async with people:
        alice, bob = await friends(people)
        octets = made_up(6 * MIB)
        async with alice.up() as a:
            await offer(a, octets)
            await anyio.sleep(HOUR)
        async with bob.up() as b:
            theirs = await offered(b)
            await b.files.fetch(theirs.id)
            await until_here(b, theirs, MIB)
            bob.folder.full = True
            await anyio.sleep(60)
            got = relay.blobs_got
            await anyio.sleep(6 * HOUR)
            assert relay.blobs_got - got <= 3 * 10, "it is not fetched again and again"
            assert (await b.files.get(theirs.id)).reason == "storage-full"
            bob.folder.full = False
            await until_here(b, theirs)
            assert await read(b, theirs.id) == octets


async def test_two_receivers_get_parts_of_their_own(people: People, relay: VirtualRelay) -> None:
    async with people:
        alice, bob = await friends(people)
        carol = await people.make("Carol")
        octets = made_up(3 * MIB)
        async with alice.up() as a, carol.up() as c:
            await a.contacts.rename("Bob", "Robert")
            await introduce(a, c)
            await anyio.sleep(2 * HOUR)
        async with alice.up() as a:
            sent = await offer(a, octets, to="Robert")
            await a.messages.send("Bob", "You, too.", files=[sent.id])
            await anyio.sleep(HOUR)
        assert len(relay.blobs) == 2
        async with bob.up() as b:
            theirs = await offered(b)
            await b.files.fetch(theirs.id)
            await until_here(b, theirs)
            await anyio.sleep(60)
        async with alice.up() as a:
            await anyio.sleep(HOUR)
            now = await a.files.get(sent.id)
            assert (now.received_by, now.recipients) == (1, 2)
        assert len(relay.blobs) == 1, "what one has goes, what the other has not stays"
        async with carol.up() as c:
            theirs = await offered(c)
            await c.files.fetch(theirs.id)
            await until_here(c, theirs)
            assert await read(c, theirs.id) == octets


async def test_whoever_uses_no_relays_neither_leaves_parts_there_nor_gets_any(
    people: People, relay: VirtualRelay
) -> None:
    async with people:
        alice = await people.make("Alice")
        people.more = []  # as with the delivery policy direct-only
        bob = await people.make("Bob")
        octets = made_up(MIB)
        async with alice.up() as a, bob.up() as b:
            await introduce(a, b)
            await offer(a, octets)
            theirs = await offered(b)
        async with bob.up() as b:
            await b.files.fetch(theirs.id)
            await offer(b, octets[::-1], to="Alice")
            await anyio.sleep(HOUR)
        assert relay.puts == 0
        async with alice.up():
            await anyio.sleep(HOUR)
        async with alice.up(), bob.up() as b:
            await until_here(b, theirs)
            assert await read(b, theirs.id) == octets
        assert relay.blobs_got == 0


def set_policy(someone: Someone, policy: str) -> None:
    """Have somebody's configuration say from the next start on which transports are used."""
    overrides = {"delivery.policy": policy}
    configuration = load_configuration(None, system_file=Path("/none"), environment={}, overrides=overrides)
    someone.transports = [each for each in someone.transports if permits(configuration.delivery.policy, each.latency)]


async def test_under_direct_only_nothing_of_a_file_reaches_a_relay_nor_comes_from_one(
    people: People, relay: VirtualRelay
) -> None:
    async with people:
        alice, bob = await friends(people)
        set_policy(alice, "direct-only")
        octets = made_up(MIB)
        async with alice.up() as a, bob.up() as b:
            await offer(a, octets)
            theirs = await offered(b)
            stored = relay.stored
        async with alice.up() as a:
            await offer(a, octets[1:])
            await anyio.sleep(HOUR)
        assert (relay.puts, relay.stored) == (0, stored), "Bob has a relay, and is away"
        async with bob.up() as b:
            await b.files.fetch(theirs.id)
            await offer(b, octets[2:], to="Alice")
            await anyio.sleep(HOUR)
        puts, stored = relay.puts, relay.stored
        async with alice.up():
            await anyio.sleep(2 * HOUR)
        assert (relay.puts, relay.blobs_got, relay.stored) == (puts, 0, stored), (
            "Bob asked by relay, and she is not there"
        )
        async with alice.up() as a, bob.up() as b:
            await until_here(b, theirs)
            assert await read(b, theirs.id) == octets
            from_bob = await offered(a, by="Bob")
            await a.files.fetch(from_bob.id)
            await until_here(a, from_bob)
            assert await read(a, from_bob.id) == octets[2:]
        assert (relay.puts, relay.blobs_got) == (puts, 0)


async def test_under_relay_only_no_direct_stream_is_opened_for_a_file(people: People, relay: VirtualRelay) -> None:
    async with people:
        alice, bob = await friends(people)
        set_policy(alice, "relay-only")
        octets = made_up(MIB)
        dials = len(people.world.times_of(bob.peer))
        async with alice.up() as a, bob.up() as b:
            await offer(a, octets)
            await offer(b, octets[1:], to="Alice")
            theirs, from_bob = await offered(b), await offered(a, by="Bob")
            await b.files.fetch(theirs.id)
            await a.files.fetch(from_bob.id)
            await until_here(b, theirs)
            await until_here(a, from_bob)
            assert await read(b, theirs.id) == octets
            assert await read(a, from_bob.id) == octets[1:]
        assert relay.blobs_got > 2
        assert len(people.world.times_of(bob.peer)) == dials, "she dials nobody, and nobody reaches her"


async def test_who_asks_gets_it_by_relay_although_the_message_came_directly(
    people: People, relay: VirtualRelay
) -> None:
    async with people:
        alice, bob = await friends(people)
        octets = made_up(3 * MIB)
        async with alice.up() as a, bob.up() as b:
            await offer(a, octets)
            theirs = await offered(b)
            await anyio.sleep(60)
        assert relay.blobs_put == 0
        async with bob.up() as b:
            await b.files.fetch(theirs.id)
            await anyio.sleep(HOUR)
        async with alice.up():
            await anyio.sleep(HOUR)
        async with bob.up() as b:
            await until_here(b, theirs)
            assert await read(b, theirs.id) == octets
