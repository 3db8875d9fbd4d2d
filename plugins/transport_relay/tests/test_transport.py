"""What a person and a contact notice of the transport, with relays that do as they should."""

from __future__ import annotations

from os import urandom
from typing import TYPE_CHECKING

import anyio
import pytest
import trio
from balchat_relay_proto.capabilities import inbox_id
from balchat_relay_proto.cards import Card, card_message, wrap
from balchat_relay_proto.errors import Code, Refused
from balchat_relay_proto.frames import Subscribed
from balchat_relay_proto.replies import Fetched, Stored
from balchat_relay_proto.requests import Claim, Create, CreateInbox, Delete, Fetch, Holder, Publish, Put
from balchat_relay_proto.sealing import OpeningKey
from balchat_transport_relay.address import Destination
from balchat_transport_relay.circuits import IDLE, Circuits
from balchat_transport_relay.health import SLOW
from balchat_transport_relay.queue_maintainer import DRAIN
from balchat_transport_relay.settings import RelaySettings

from balchat_host.api.errors import BadRelayAddress, NoSuchRelay, PeerUnreachable, RelayUnusable, TooMany
from balchat_host.api.transport import Disposition, KeyPackages, Outcome, Verdict
from balchat_host.api.types import PeerId, Phase, Route, Secret
from balchat_host.testing.dict_area import DictArea
from balchat_host.testing.fake_transport_context import FakeTransportContext, commit_all, sign
from balchat_host.testing.waiting import running

if TYPE_CHECKING:
    from conftest import World

pytestmark = pytest.mark.anyio
HOUR = 3600.0
DAY = 24 * HOUR
EPOCH = 1_800_000_000
CALM = {"silence_timeout": 3600.0, "care_seconds": 6 * HOUR, "poll_seconds": HOUR}
"""Settings for tests of weeks: less often is enough."""


@pytest.fixture
def anyio_backend(virtual_time):
    return virtual_time


# -- relays of ours


async def test_without_a_relay_it_says_so_and_can_still_send(world) -> None:
    async with world() as w, w.account() as alice:
        await alice.degraded("no relay is set up: see `balchat relay add --help`")
        relay = await w.relay()
        async with w.account(relay) as bob:
            (sent,) = await alice.send(bob, b"hello")
            assert alice.host.outcomes(sent) == [Outcome.SENT, Outcome.STORED]
            assert await alice.transport.allocate_routes(bob.peer) == []


async def test_adding_one_registers_the_inbox_and_tells_everybody(world, address) -> None:
    async with world() as w, w.account() as bob:
        relay = await w.relay(permit="invited")
        view = await bob.transport.relays.add(address(relay))
        assert (view.onion, view.default) == (relay.peer.onion, True)
        assert view.answered_at is not None
        await bob.online()
        assert inbox_id(bob.peer.octets) in relay.boxes
        await bob.host.advertised.until(lambda told: told[-1:] == [(relay.peer.onion,)])
        assert None in bob.host.route_news.all
        (view,) = await bob.transport.relays.all()
        assert view.state.phase is Phase.ONLINE


async def test_a_wrong_permit_is_said_at_once(world, address) -> None:
    async with world() as w, w.account() as bob:
        relay = await w.relay(permit="invited")
        for permit in ("", "?permit=wrong"):
            with pytest.raises(RelayUnusable, match=r"it wants another invitation or password\. Ask its operator"):
                await bob.transport.relays.add(f"balchat-relay:{relay.peer.onion.removesuffix('.onion')}{permit}")
        assert await bob.transport.relays.all() == []
        await bob.transport.relays.add(address(relay))
        await bob.online()


async def test_what_is_no_address_is_said_at_once(world) -> None:
    async with world() as w, w.account() as bob:
        with pytest.raises(BadRelayAddress, match=r"it has [0-9]+ characters before \.onion"):
            await bob.transport.relays.add("balchat-relay:nopes")


@pytest.mark.parametrize(
    "mangled",
    [
        "<BALCHAT-RELAY:{0}?PERMIT={1}>.",
        "balchat-relay%3A{0}%3Fpermit%3D{1}",
        "balchat\u2013relay\uff1a{0}\uff1fpermit\uff1d{1}",
        "Our relay: \u201cbalchat-relay:{0}/?permit={1}\u201d",
        "balchat-relay:\u00ad{0}\r\n?permit=3D{1}&amp;later=1",
    ],
)
async def test_an_address_is_taken_as_mail_leaves_it(world, mangled: str) -> None:
    async with world() as w, w.account() as bob:
        relay = await w.relay(permit="in-vi_ted")
        written = mangled.format(relay.peer.onion.removesuffix(".onion"), "in%2Dvi%5Fted")
        assert (await bob.transport.relays.add(written)).onion == relay.peer.onion
        assert (await bob.transport.relays.set_default(written)).onion == relay.peer.onion


async def test_a_relay_that_nobody_answers_at_is_not_added(world) -> None:
    async with world() as w, w.account() as bob:
        with pytest.raises(RelayUnusable, match="it cannot be reached: nobody answers at its address"):
            await bob.transport.relays.add(PeerId(urandom(32)).onion)
        await bob.degraded("no relay is set up")


async def test_there_are_at_most_so_many(world, address) -> None:
    async with world() as w:
        relays = [await w.relay() for _ in range(4)]
        async with w.account(*relays[:3]) as bob:
            with pytest.raises(TooMany, match="already 3 relays"):
                await bob.transport.relays.add(address(relays[3]))
            await bob.transport.relays.add(address(relays[0]))  # again, for a new permit


async def test_the_default_one_comes_first_everywhere(world) -> None:
    async with world() as w, w.account() as alice:
        relays = [await w.relay() for _ in range(3)]
        async with w.account(*relays) as bob:
            view = await bob.transport.relays.set_default(relays[2].peer.onion[:10])
            assert view.default
            order = [relays[2], relays[0], relays[1]]
            assert [each.onion for each in await bob.transport.relays.all()] == [each.peer.onion for each in order]
            await bob.host.advertised.until(lambda told: told[-1] == tuple(each.peer.onion for each in order))
            routes = await bob.transport.allocate_routes(alice.peer)
            keys = [Destination.of(route).address.relay_key for route in routes]
            assert keys == [each.peer.octets for each in order]
            for wrong in ("abc", "x" * 10, ""):
                with pytest.raises(NoSuchRelay):
                    await bob.transport.relays.check(wrong)


@pytest.mark.slow
async def test_a_removed_one_is_drained_and_then_left_clean(world) -> None:
    async with world() as w, w.account(settings=RelaySettings(**CALM)) as alice:
        relay, other = await w.relay(), await w.relay()
        async with w.account(relay, other, settings=RelaySettings(**CALM)) as bob:
            old = await bob.transport.allocate_routes(alice.peer)
            await bob.transport.relays.remove(relay.peer.onion)
            assert [view.onion for view in await bob.transport.relays.all()] == [other.peer.onion]
            (new,) = await bob.transport.allocate_routes(alice.peer)
            assert Destination.of(new).address.relay_key == other.peer.octets
            await anyio.sleep(10 * DAY)
            await alice.send(bob, b"by the old way", routes=old[:1])
            await bob.has(b"by the old way")
            await anyio.sleep(DRAIN)
            assert relay.boxes == {}
            assert relay.subscribers == []
            await bob.online()


@pytest.mark.slow
async def test_one_that_is_added_at_the_moment_when_it_is_left_is_used(world, address) -> None:
    async with world() as w, w.account(settings=RelaySettings(**CALM)) as alice:
        relay = await w.relay()
        async with w.account(relay, settings=RelaySettings(**CALM)) as bob, anyio.create_task_group() as tasks:

            def add_meanwhile(request) -> None:
                if isinstance(request, Delete):
                    relay.script = lambda request: None
                    tasks.start_soon(bob.transport.relays.add, address(relay))

            relay.script = add_meanwhile
            await bob.transport.relays.remove(relay.peer.onion)
            await anyio.sleep(DRAIN + DAY)
            assert relay.asked_for(Delete)
            await alice.send(bob, b"hello")
            await bob.has(b"hello")
            await bob.online()


@pytest.mark.slow
async def test_one_that_is_gone_for_good_is_forgotten_in_the_end(world) -> None:
    async with world() as w, w.account(settings=RelaySettings(**CALM)) as alice:
        relay = await w.relay()
        async with w.account(relay, settings=RelaySettings(**CALM)) as bob:
            await bob.transport.allocate_routes(alice.peer)
            w.network.refuse(relay.peer)
            relay.hang_up()
            await bob.degraded("our relay: it cannot be reached")
            await bob.transport.relays.remove(relay.peer.onion)
            await anyio.sleep(30 * DAY)
            assert not any(key.startswith((b"relay/", b"queue/")) for key in bob.host.area.rows)


async def test_the_host_is_told_up_to_when_all_queues_were_read_to_their_end(world) -> None:
    def now() -> float:
        return EPOCH + anyio.current_time()

    async with world() as w, w.account() as alice:
        relay = await w.relay()
        async with w.account(relay) as bob:
            await bob.transport.allocate_routes(alice.peer)
            began = now()
            await anyio.sleep(DAY)
            assert bob.host.read_until is not None
            assert began * 1000 < bob.host.read_until <= now() * 1000
            w.network.refuse(relay.peer)
            relay.hang_up()
            gone = now()
            await anyio.sleep(2 * DAY)
            assert bob.host.read_until <= gone * 1000, "nobody knows what lies there since"


async def test_a_restart_changes_nothing(world) -> None:
    key = Secret(urandom(32))
    async with world() as w, w.account() as alice:
        relay = await w.relay()
        async with w.account(relay, key=key) as bob:
            before = await bob.transport.allocate_routes(alice.peer)
        await alice.send(bob, b"while away", routes=before)
        async with w.account(key=key, area=bob.host.area) as again:
            await again.has(b"while away")
            assert await again.transport.allocate_routes(alice.peer) == before
            await again.online()


async def test_checking_says_how_it_is(world) -> None:
    async with world() as w:
        relay = await w.relay()
        async with w.account(relay) as bob:
            w.network.delay = lambda: 0.1
            view = await bob.transport.relays.check(relay.peer.onion)
            assert view.round_trip is not None
            assert view.round_trip >= 200
            w.network.delay = lambda: SLOW / 1000
            await bob.transport.relays.check(relay.peer.onion)
            await bob.degraded("our relay: it is slow")
            w.network.delay = lambda: 0.0
            await bob.transport.relays.check(relay.peer.onion)
            await bob.online()


@pytest.mark.parametrize(
    ("code", "words"),
    [
        (Code.RELAY_FULL, "it takes nothing new: its disk is full, or cannot be written"),
        (Code.DRAINING, "it is being shut down: move to another one"),
    ],
)
async def test_one_that_is_full_or_closing_is_shown_as_such(world, code, words) -> None:
    async with world() as w, w.account() as alice:
        relay = await w.relay()
        async with w.account(relay) as bob:

            def refuse(request):
                if isinstance(request, (Create, Put)):
                    raise Refused(code, "", retry_after=600)

            relay.script = refuse
            routes = await bob.transport.allocate_routes(alice.peer)
            await bob.degraded(f"our relay: {words}")
            (sent,) = await alice.send(bob, b"hello", routes=routes)
            report = await alice.host.final(sent)
            assert (report.outcome, report.reason, report.retry_after) == (Outcome.REFUSED, code, 600)
            relay.script = lambda request: None
            await alice.insist(bob, b"hello")
            await bob.online()


async def test_whoever_asks_too_fast_waits_a_moment_and_goes_on_in_order(world) -> None:
    async with world() as w, w.account() as alice:
        relay = await w.relay()
        async with w.account(relay) as bob:
            routes = await bob.transport.allocate_routes(alice.peer)

            def every_other(request) -> None:
                if isinstance(request, Put) and len(relay.asked_for(Put)) % 2:
                    raise Refused(Code.TOO_MANY_REQUESTS, "", retry_after=1)

            relay.script = every_other
            sent = await alice.send(bob, b"1", b"2", b"3", routes=routes)
            assert [alice.host.outcomes(each)[-1] for each in sent] == [Outcome.STORED] * 3
            assert len(relay.asked_for(Put)) == 6
            await bob.has(b"1", b"2", b"3")


async def test_states_name_no_address(world) -> None:
    async with world() as w:
        relay, other = await w.relay(), await w.relay()
        async with w.account(relay, other) as bob:
            w.network.refuse(relay.peer)
            relay.hang_up()
            state = await bob.is_(lambda state: state.phase is Phase.DEGRADED)
            assert (state.reason or "").startswith("1 of 2 relays: ")
            reasons = "".join(state.reason or "" for state in bob.host.states.all)
            assert relay.peer.onion[:6] not in reasons
            assert relay.peer.octets.hex()[:6] not in reasons


# -- several relays


async def test_one_of_them_is_enough_and_none_is_lost_when_the_other_is_gone(world) -> None:
    async with world() as w, w.account() as alice:
        relay, other = await w.relay(), await w.relay()
        async with w.account(relay, other) as bob:
            routes = await bob.transport.allocate_routes(alice.peer)
            await alice.send(bob, b"one", routes=routes)
            await relay.until(lambda: len(relay.asked_for(Put)) == 1)
            assert other.asked_for(Put) == []
            await bob.has(b"one")
            w.nodes[relay].go_offline()
            await alice.send(bob, b"two", routes=routes)
            await bob.has(b"one", b"two")


async def test_with_all_each_of_them_has_it(world) -> None:
    async with world() as w, w.account(settings=RelaySettings(redundancy="all")) as alice:
        relay, other = await w.relay(), await w.relay()
        async with w.account(relay, other) as bob:
            (sent,) = await alice.send(bob, b"twice")
            assert alice.host.outcomes(sent) == [Outcome.SENT, Outcome.STORED]
            assert len(relay.asked_for(Put)) == len(other.asked_for(Put)) == 1
            routes = await bob.transport.allocate_routes(alice.peer)
            w.network.refuse(other.peer)
            (sent,) = await alice.send(bob, b"once", routes=routes)
            assert alice.host.outcomes(sent)[-1] is Outcome.STORED


async def test_where_none_can_be_reached_nothing_was_taken(world) -> None:
    async with world() as w, w.account() as alice:
        relay = await w.relay()
        async with w.account(relay) as bob:
            routes = await bob.transport.allocate_routes(alice.peer)
        w.network.refuse(relay.peer)
        (outgoing,) = alice.host.outgoing(b"hello")
        with pytest.raises(PeerUnreachable):
            await alice.transport.send(bob.peer, routes, [outgoing])
        assert alice.host.outcomes(outgoing) == []


async def test_what_has_no_answer_when_we_stop_is_lost(world) -> None:
    async with world() as w:
        relay = await w.relay()
        async with w.account(relay) as bob, anyio.create_task_group() as tasks:
            async with w.account() as alice:
                routes = await bob.transport.allocate_routes(alice.peer)

                def second_hangs(request) -> None:
                    if isinstance(request, Put) and len(relay.asked_for(Put)) > 1:
                        for wire in w.network._wires:
                            wire.ends[0].hush(silent=True)

                relay.script = second_hangs
                outgoing = alice.host.outgoing(b"one", b"two", b"three")
                tasks.start_soon(alice.transport.send, bob.peer, routes, outgoing)
                await relay.until(lambda: len(relay.asked_for(Put)) == 2)
            assert [alice.host.outcomes(each)[-1] for each in outgoing] == [Outcome.STORED, Outcome.LOST, Outcome.LOST]


# -- queues


@pytest.mark.slow
async def test_queues_are_rotated_and_the_old_ones_drained_and_deleted(world) -> None:
    async with world() as w, w.account(settings=RelaySettings(**CALM)) as alice:
        relay = await w.relay()
        async with w.account(relay, settings=RelaySettings(rotate_days=30, **CALM)) as bob:
            (old,) = await bob.transport.allocate_routes(alice.peer)
            before = len(bob.host.route_news.all)
            await anyio.sleep(31 * DAY)
            assert bob.host.route_news.all[before:] == [alice.peer]
            (new,) = await bob.transport.allocate_routes(alice.peer)
            assert new != old
            assert (new.address, new.sealing_key) != (old.address, old.sealing_key)
            await alice.send(bob, b"by the old way", routes=[old])
            await alice.send(bob, b"by the new way", routes=[new])
            await bob.has(b"by the old way", b"by the new way")
            await anyio.sleep(DRAIN + DAY)
            assert len(relay.asked_for(Delete)) == 1
            assert Destination.of(old).address.queue not in relay.boxes
            await bob.online()


async def test_many_queues_are_made_at_a_slow_relay_over_all_circuits_at_once(world) -> None:
    async with world() as w:
        relay = await w.relay()
        async with w.account(relay, settings=RelaySettings(circuits=16)) as bob:
            w.network.delay = lambda: 2.0
            began = anyio.current_time()
            async with anyio.create_task_group() as tasks:
                for _ in range(64):
                    tasks.start_soon(bob.transport.allocate_routes, PeerId(urandom(32)))
            await relay.until(lambda: len(relay.boxes) == 1 + 64)
            # One after the other they would take 64 times 4 seconds, with dialling more.
            assert anyio.current_time() - began <= 64


async def test_whoever_is_forgotten_leaves_nothing_behind(world) -> None:
    async with world() as w, w.account() as alice:
        relay = await w.relay()
        async with w.account(relay) as bob:
            await alice.send(bob, b"hello")
            await bob.transport.forget(alice.peer)
            await relay.until(lambda: relay.asked_for(Delete))
            await bob.online()
            await anyio.sleep(1)
            assert set(relay.boxes) == {inbox_id(bob.peer.octets)}
            assert not any(alice.peer.octets in row for row in bob.host.area.rows.values())


async def test_what_the_host_refuses_for_a_time_is_offered_again(world) -> None:
    async with world() as w, w.account() as alice:
        relay = await w.relay()
        async with w.account(relay) as bob:
            bob.host.answer = lambda source, envelope: Disposition(verdict=Verdict.REFUSED, retry_after=600.0)
            await alice.send(bob, b"later")
            began = anyio.current_time()
            await bob.host.batches.until(lambda batches: len(batches) == 2, patience=HOUR)
            assert 600 <= anyio.current_time() - began < 700
            assert len(relay.waiting) == 1
            bob.host.answer = commit_all
            await relay.until(lambda: not relay.waiting)


@pytest.mark.parametrize("retry_after", [None])
async def test_what_the_host_refuses_for_ever_is_deleted(world, retry_after) -> None:
    async with world() as w, w.account() as alice:
        relay = await w.relay()
        async with w.account(relay) as bob:
            bob.host.answer = lambda source, envelope: Disposition(verdict=Verdict.REFUSED, retry_after=retry_after)
            await alice.send(bob, b"never")
            await relay.until(lambda: not relay.waiting)


async def test_what_the_host_ignores_stays_in_a_queue_but_not_in_the_inbox(world) -> None:
    async with world() as w, w.account() as alice:
        relay = await w.relay()
        async with w.account(relay) as bob:
            bob.host.answer = lambda source, envelope: Disposition(verdict=Verdict.IGNORED)
            await alice.send(bob, b"in the queue")
            await alice.transport.claim_key_package(bob.peer, [relay.peer.onion])
            await alice.send(bob, b"in the inbox", routes=alice.transport.first_routes(bob.peer))
            await bob.has(b"in the queue", b"in the inbox")
            await relay.until(lambda: len(relay.waiting) == 1)
            bob.host.answer = commit_all
            relay.hang_up()
            await relay.until(lambda: not relay.waiting)
            await bob.has(b"in the queue", b"in the inbox", b"in the queue")


async def test_what_is_confirmed_while_it_is_asked_for_is_not_asked_for_any_more(world) -> None:
    async with world() as w, w.account() as alice:
        relay = await w.relay()
        async with w.account(relay, settings=RelaySettings(poll_seconds=10)) as bob:
            await bob.transport.allocate_routes(alice.peer)
            await bob.online()
            relay.frames = lambda frame: () if isinstance(frame, Subscribed) else (frame,)
            relay.hang_up()
            pages: list[Fetch] = []

            def confirm_meanwhile(request) -> Fetched | None:
                """Confirm the subscriptions when the queue is asked for, and have two more pages for whoever asked."""
                if not isinstance(request, Fetch) or not isinstance(request.authority, Holder):
                    return None
                pages.append(request)
                if len(pages) == 1:
                    relay.push(Subscribed(number=1))
                stored = Stored(sequence=len(pages), envelope=bytes(16 * 1024))
                return Fetched(stored=(stored,), more=len(pages) < 3)

            relay.script = confirm_meanwhile
            await relay.until(lambda: len(pages) == 3)
            await anyio.sleep(HOUR)
            assert len(pages) == 3


# -- circuits


def isolations(w: World, relay, account) -> set[str]:
    prefix = f"{relay.peer.octets.hex()}/"
    return {dial.isolation.removeprefix(prefix) for dial in w.network.dials if dial.isolation.startswith(prefix)}


async def test_each_contact_has_circuits_of_its_own_up_to_a_number(world) -> None:
    async with world() as w:
        relay = await w.relay()
        async with w.account(relay, settings=RelaySettings(circuits=4)) as bob:
            contacts = [PeerId(urandom(32)) for _ in range(10)]
            for number, contact in enumerate(contacts, start=1):
                await bob.transport.allocate_routes(contact)
                used = isolations(w, relay, bob)
                assert used == {"inbox", "check", *(f"queue/{slot}" for slot in range(min(number, 4)))}
            # Puts go over others than those that fetch, even to the same relay.
            other = await bob.transport.allocate_routes(contacts[0])
            await bob.transport.send(contacts[1], other, bob.host.outgoing(b"hello"))
            assert isolations(w, relay, bob) - used == {"put/1"}
            await bob.transport.claim_key_package(contacts[2], [relay.peer.onion])
            assert "claim/2" in isolations(w, relay, bob)


async def test_whoever_is_forgotten_leaves_their_circuits_to_others(world) -> None:
    async with world() as w:
        relay = await w.relay()
        async with w.account(relay, settings=RelaySettings(circuits=2)) as bob:
            first, *others = [PeerId(number.to_bytes(8) + urandom(24)) for number in (0, 0, 1)]
            await bob.transport.allocate_routes(first)
            await bob.transport.forget(first)
            await relay.until(lambda: relay.asked_for(Delete))
            for contact in others:
                await bob.transport.allocate_routes(contact)
            await relay.until(lambda: sum(len(each.queues) for each in relay.subscribers) == 3)
            # Each of the two is subscribed to on a connection of its own, as is the inbox.
            assert [len(each.queues) for each in relay.subscribers if each.queues] == [1, 1, 1]


async def test_connections_that_nobody_uses_are_closed(world) -> None:
    async with world() as w, w.account() as alice:
        relay = await w.relay()
        async with w.account(relay) as bob:
            await alice.send(bob, b"hello")
            await bob.has(b"hello")
            await anyio.sleep(2 * IDLE)
            assert relay.open == 2  # Bob's inbox and his queue are pushed
            dials = len(w.network.dials)
            await anyio.sleep(1000)
            assert len(w.network.dials) == dials
            await alice.send(bob, b"again")
            await bob.has(b"hello", b"again")


class Steps(trio.abc.Instrument):
    """Counts how often anything wakes."""

    def __init__(self) -> None:
        self.count = 0

    def before_task_step(self, task: trio.lowlevel.Task) -> None:
        self.count += 1


async def test_an_account_to_whom_nobody_writes_costs_next_to_nothing(world) -> None:
    async with world() as w:
        relay = await w.relay()
        async with w.account(relay, settings=RelaySettings(circuits=4)) as bob:
            for _ in range(20):
                await bob.transport.allocate_routes(PeerId(urandom(32)))
            await bob.online()
            await anyio.sleep(HOUR)
            steps, dials, asked = Steps(), len(w.network.dials), len(relay.asked)
            trio.lowlevel.add_instrument(steps)
            await anyio.sleep(DAY)
            trio.lowlevel.remove_instrument(steps)
            # Twice an hour it looks after the inbox; each of the five circuits asks at most eight times for what may
            # have been kept back.
            assert len(w.network.dials) - dials <= 48 + 5 * 8
            assert len(relay.asked) - asked <= 2 * 48 + (20 + 2) * 8
            # Each of the five push connections is asked every 90 s whether it still stands.
            assert steps.count <= 15 * (5 * DAY / 90) + 100 * (48 + 5 * 8)


async def test_relays_that_contacts_name_are_forgotten_when_idle(world) -> None:
    async with world() as w:
        relay = await w.relay()
        circuits = Circuits(FakeTransportContext(w.network.node()), most=4, timeout=10)
        async with running(circuits):
            named, own = circuits.client(relay.peer, "put/0"), circuits.client(relay.peer, "inbox", ours=True)
            await anyio.sleep(2 * IDLE)
            assert circuits.client(relay.peer, "put/0") is not named
            assert circuits.client(relay.peer, "inbox") is own


async def test_a_relay_that_vanished_without_a_sign_is_noticed(world) -> None:
    async with world() as w, w.account() as alice:
        relay = await w.relay()
        async with w.account(relay) as bob:
            await bob.transport.allocate_routes(alice.peer)
            await bob.online()
            for wire in w.network._wires:
                wire.ends[0].hush(silent=True)
            before = anyio.current_time()
            await bob.degraded("it has fallen silent")
            assert anyio.current_time() - before <= 180
            await alice.insist(bob, b"hello")
            await bob.has(b"hello")
            await bob.online()


# -- strangers


@pytest.mark.slow
async def test_cards_are_made_again_when_half_of_them_are_gone_and_when_they_grow_old(world) -> None:
    class Host(FakeTransportContext):
        """Makes key packages that live for 28 days."""

        async def key_packages(self, count: int) -> KeyPackages:
            made = await super().key_packages(count)
            return KeyPackages(
                single_use=made.single_use,
                last_resort=made.last_resort,
                not_after=EPOCH + int(anyio.current_time() + 28 * DAY),
            )

    async with world() as w, w.account() as alice:
        relay = await w.relay()
        async with w.account(relay, settings=RelaySettings(key_packages=8, **CALM), host=Host) as bob:
            box = relay.boxes[inbox_id(bob.peer.octets)]
            assert len(box.cards) == 8
            for left in (7, 6, 5, 4):
                assert await alice.transport.claim_key_package(bob.peer, [relay.peer.onion])
                assert len(box.cards) == left
            await anyio.sleep(HOUR)
            assert len(box.cards) == 4
            await alice.transport.claim_key_package(bob.peer, [relay.peer.onion])
            await anyio.sleep(7 * HOUR)
            assert len(box.cards) == 8
            published = len(relay.asked_for(Publish))
            await anyio.sleep(20 * DAY)
            assert len(relay.asked_for(Publish)) == published
            await anyio.sleep(2 * DAY)
            assert len(relay.asked_for(Publish)) == published + 2
            # The old cards were taken out of the pool first, so that no stranger gets one.
            assert len(box.cards) == 8
            await anyio.sleep(7 * DAY)
            for _ in range(3):
                assert await alice.transport.claim_key_package(bob.peer, [relay.peer.onion])


@pytest.mark.parametrize("days", [40, 3650])
async def test_cards_made_by_a_clock_that_was_ahead_are_replaced_once_it_is_right(world, days: int) -> None:
    key, area = Secret(urandom(32)), DictArea()
    async with world() as w:
        relay = await w.relay()
        async with w.account(relay, key=key, area=area, ahead=days * DAY):
            assert len(relay.asked_for(Publish)) == 1
        async with w.account(key=key, area=area) as bob:
            await bob.online()
            await anyio.sleep(DAY)
            # The old ones were taken out of the pool first, by tokens that were published for that.
            assert len(relay.asked_for(Publish)) == 3
            await anyio.sleep(2 * DAY)
            assert len(relay.asked_for(Publish)) == 3


async def test_with_requests_off_the_inbox_is_gone_and_conversations_go_on(world) -> None:
    async with world() as w, w.account() as alice:
        relay = await w.relay()
        async with w.account(relay) as bob:
            routes = await bob.transport.allocate_routes(alice.peer)
            assert inbox_id(bob.peer.octets) in relay.boxes
            bob.host.accept_requests(accepted=False)
            await anyio.sleep(60)
            assert inbox_id(bob.peer.octets) not in relay.boxes
            assert await alice.transport.claim_key_package(bob.peer, [relay.peer.onion]) is None
            await alice.send(bob, b"still here", routes=routes)
            await bob.has(b"still here")
            await anyio.sleep(DAY)
            assert inbox_id(bob.peer.octets) not in relay.boxes
            await bob.online()
            bob.host.accept_requests(accepted=True)
            await anyio.sleep(60)
            assert len(relay.boxes[inbox_id(bob.peer.octets)].cards) == RelaySettings().key_packages
            assert await alice.transport.claim_key_package(bob.peer, [relay.peer.onion])


async def test_an_account_that_comes_up_with_requests_off_has_no_inbox(world) -> None:
    key, area = Secret(urandom(32)), DictArea()
    async with world() as w:
        relay = await w.relay()
        async with w.account(relay, key=key, area=area):
            assert relay.boxes
        async with w.account(key=key, area=area) as bob:
            bob.host.accept_requests(accepted=False)
            await anyio.sleep(60)
            assert relay.boxes == {}
        async with w.account(key=key, area=area) as bob:
            await anyio.sleep(HOUR)
            assert len(relay.boxes[inbox_id(bob.peer.octets)].cards) == RelaySettings().key_packages


async def test_a_stranger_finds_an_inbox_by_a_card_and_remembers_it(world) -> None:
    key = Secret(urandom(32))
    async with world() as w, w.account(key=key) as alice:
        relay = await w.relay()
        async with w.account(relay) as bob:
            assert alice.transport.first_routes(bob.peer) == []
            made = await alice.transport.claim_key_package(bob.peer, [relay.peer.onion])
            assert made is not None
            assert bob.peer.octets in made
            (route,) = alice.transport.first_routes(bob.peer)
            await alice.send(bob, b"may I?", routes=[route])
            await bob.has(b"may I?")
            async with w.account(key=key, area=alice.host.area) as again:
                assert again.transport.first_routes(bob.peer) == [route]
                await again.transport.forget(bob.peer)
                assert again.transport.first_routes(bob.peer) == []


async def test_a_card_that_is_not_theirs_is_not_taken(world) -> None:
    async with world() as w, w.account() as alice:
        relay, other = await w.relay(), await w.relay()
        async with w.account(relay, other) as bob:
            mallory = Secret(urandom(32))
            sealing_key, package = OpeningKey.generate().sealing_key, b"a key package of Mallory's"
            message = card_message(sealing_key=sealing_key, key_package=package, not_after=2**40)
            card = Card(
                sealing_key=sealing_key.octets,
                key_package=package,
                not_after=2**40,
                signature=sign(mallory, domain="balchat-relay-card-v1", message=message),
            )
            box = relay.boxes[inbox_id(bob.peer.octets)]
            box.cards, box.last_resort = [wrap(card, onion_key=bob.peer.octets)], bytes(4096)
            for _ in range(2):
                with pytest.raises(PeerUnreachable, match="a relay did not help"):
                    await alice.transport.claim_key_package(bob.peer, [relay.peer.onion])
            assert alice.transport.first_routes(bob.peer) == []
            # Another of their relays has a good one.
            named = [relay.peer.onion, "nonsense", other.peer.onion]
            assert await alice.transport.claim_key_package(bob.peer, named) is not None


@pytest.mark.parametrize(("stale", "found"), [(0, True), (3, True), (4, False)])
async def test_cards_that_are_out_of_date_are_passed_over_a_few_times(world, stale: int, found: bool) -> None:
    key = Secret(urandom(32))
    async with world() as w, w.account() as alice:
        relay = await w.relay()
        async with w.account(relay, key=key) as bob:
            sealing_key, package = OpeningKey.generate().sealing_key, b"an old one"
            message = card_message(sealing_key=sealing_key, key_package=package, not_after=EPOCH - 1)
            card = Card(
                sealing_key=sealing_key.octets,
                key_package=package,
                not_after=EPOCH - 1,
                signature=sign(key, domain="balchat-relay-card-v1", message=message),
            )
            box = relay.boxes[inbox_id(bob.peer.octets)]
            box.cards = [wrap(card, onion_key=bob.peer.octets)] * stale + box.cards
            made = await alice.transport.claim_key_package(bob.peer, [relay.peer.onion])
            assert (made is not None) is found
            assert made != package
            assert len(relay.asked_for(Claim)) == min(stale + 1, 4)


async def test_somebody_who_left_no_card_has_none(world) -> None:
    async with world() as w:
        relay = await w.relay()
        async with w.account(relay) as alice:
            assert await alice.transport.claim_key_package(PeerId(urandom(32)), []) is None
            assert len(relay.asked_for(Claim)) == 1
            assert len(relay.asked_for(CreateInbox)) == 1


async def test_somebody_who_moved_to_a_relay_of_ours_is_found_there(world) -> None:
    async with world() as w:
        old, relay = await w.relay(), await w.relay()
        async with w.account(relay) as alice, w.account(relay) as bob:
            assert await alice.transport.claim_key_package(bob.peer, [old.peer.onion]) is not None
            assert len(old.asked_for(Claim)) == len(relay.asked_for(Claim)) == 1
            await alice.send(bob, b"may I?", routes=alice.transport.first_routes(bob.peer))
            await bob.has(b"may I?")


async def test_our_relay_is_not_asked_for_whom_we_look_where_theirs_cannot_be_asked_now(world) -> None:
    async with world() as w:
        theirs, ours = await w.relay(), await w.relay()
        async with w.account(ours) as alice, w.account(ours) as bob:
            code = [theirs.peer.onion]

            def busy(request) -> None:
                raise Refused(Code.TOO_MANY_REQUESTS, "", retry_after=60)

            theirs.script = busy
            with pytest.raises(PeerUnreachable):
                await alice.transport.claim_key_package(bob.peer, code)
            w.network.refuse(theirs.peer)
            await anyio.sleep(2 * IDLE)  # virtual time: the connection is closed
            with pytest.raises(PeerUnreachable):
                await alice.transport.claim_key_package(bob.peer, code)
            assert ours.asked_for(Claim) == []


async def test_our_relay_is_asked_less_and_less_often_for_whom_it_does_not_know(world) -> None:
    """Each time it is asked it can guess once more for whom we look, and that we have not found them."""
    async with world() as w:
        ours = await w.relay()
        async with w.account(ours, settings=RelaySettings(**CALM)) as alice:
            somebody, another = PeerId(urandom(32)), PeerId(urandom(32))
            asked: list[int] = []
            for _ in range(3):
                for _ in range(24 * 12):
                    assert await alice.transport.claim_key_package(somebody, []) is None
                    await anyio.sleep(300)
                asked.append(len(ours.asked_for(Claim)))
            assert asked == [7, 8, 9]
            # For somebody else, or who was removed and is looked for again, it is asked at once.
            for number, person in enumerate((another, somebody)):
                await alice.transport.forget(person)
                await alice.transport.claim_key_package(person, [])
                assert len(ours.asked_for(Claim)) == 10 + number


async def test_our_relay_is_asked_at_once_when_it_can_be_reached_again(world) -> None:
    async with world() as w:
        ours = await w.relay()
        async with w.account(ours) as alice, w.account(ours) as bob:
            w.network.refuse(ours.peer)
            for _ in range(20):
                await anyio.sleep(2 * IDLE)  # virtual time: the connection is closed
                with pytest.raises(PeerUnreachable):
                    await alice.transport.claim_key_package(bob.peer, [])
            w.network.accept_again(ours.peer)
            assert await alice.transport.claim_key_package(bob.peer, []) is not None


@pytest.mark.slow
async def test_an_inbox_that_is_left_takes_nothing_for_ever_and_a_new_card_leads_to_the_next(world) -> None:
    async with world() as w, w.account() as alice:
        relay, other = await w.relay(), await w.relay()
        async with w.account(relay, other, settings=RelaySettings(**CALM)) as bob:
            code = [relay.peer.onion, other.peer.onion]
            await alice.transport.claim_key_package(bob.peer, code)
            await bob.transport.relays.remove(relay.peer.onion)
            await anyio.sleep(DRAIN + DAY)
            (sent,) = await alice.send(bob, b"may I?", routes=alice.transport.first_routes(bob.peer))
            report = await alice.host.final(sent)
            assert (report.outcome, report.reason, report.retry_after) == (Outcome.REFUSED, "denied", None)
            assert await alice.transport.claim_key_package(bob.peer, code) is not None
            await alice.send(bob, b"may I?", routes=alice.transport.first_routes(bob.peer))
            await bob.has(b"may I?")


async def test_a_queue_that_is_not_there_is_asked_for_less_and_less_often(world) -> None:
    async with world() as w, w.account() as alice:
        relay = await w.relay()
        async with w.account(relay) as bob:
            routes = await bob.transport.allocate_routes(alice.peer)
        (queue,) = [box for box in relay.boxes if box != inbox_id(bob.peer.octets)]
        box = relay.boxes.pop(queue)
        waits: list[float | None] = []
        for _ in range(6):
            (sent,) = await alice.send(bob, b"hello", routes=routes)
            waits.append((await alice.host.final(sent)).retry_after)
        assert waits == [60, 120, 240, 480, 900, 900]
        relay.boxes[queue] = box
        (sent,) = await alice.send(bob, b"hello", routes=routes)
        assert alice.host.outcomes(sent)[-1] is Outcome.STORED
        del relay.boxes[queue]
        (sent,) = await alice.send(bob, b"and again", routes=routes)
        assert (await alice.host.final(sent)).retry_after == 60


async def test_after_a_restore_no_card_from_before_is_left_for_strangers(world) -> None:
    key, area = Secret(urandom(32)), DictArea()

    class Restored(FakeTransportContext):
        """Goes on from a backup: it makes other key packages."""

        async def restored_at(self) -> int | None:
            return 1_800_000_000_000

        async def key_packages(self, count: int) -> KeyPackages:
            self._key_packages += 1000
            return await super().key_packages(count)

    async with world() as w:
        relay = await w.relay()
        settings = RelaySettings(key_packages=8, **CALM)
        async with w.account(relay, settings=settings, key=key, area=area) as bob:
            box = relay.boxes[inbox_id(bob.peer.octets)]
            before = set(box.cards)
            area = bob.host.area
        async with w.account(settings=settings, key=key, area=area, host=Restored) as bob:
            await bob.online()
            await anyio.sleep(HOUR)
            assert len(box.cards) == 8
            assert not before & set(box.cards)
            published = len(relay.asked_for(Publish))
            area = bob.host.area
        async with w.account(settings=settings, key=key, area=area, host=Restored) as bob:
            await bob.online()
            await anyio.sleep(HOUR)
            assert len(relay.asked_for(Publish)) == published, "once"


async def test_somebody_is_looked_for_where_they_have_had_a_queue_for_us(world) -> None:
    async with world() as w:
        theirs, ours = await w.relay(), await w.relay()
        async with w.account(ours) as alice, w.account(theirs) as bob:
            routes = await bob.transport.allocate_routes(alice.peer)
            broken = Route(transport="transport_relay", address=b"?", sealing_key=None)
            assert await alice.transport.claim_key_package(bob.peer, [], [broken, *routes]) is not None
            assert ours.asked_for(Claim) == []
