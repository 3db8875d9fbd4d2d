"""Relays that do wrong, each in its way: nothing is shown wrong, nothing lost that was not acknowledged, and it shows.

What the relay does wrong ends in each test, and then it is honest: whatever it did, nothing of ours is broken by it.
"""

from __future__ import annotations

from os import urandom
from typing import TYPE_CHECKING

import anyio
import pytest
from balchat_relay_proto.capabilities import envelope_id
from balchat_relay_proto.errors import Code, Refused
from balchat_relay_proto.frames import Acknowledged, Ended, Hello, NotAcknowledged, Push, Subscribe, Subscribed
from balchat_relay_proto.parts import split
from balchat_relay_proto.replies import About, Created, Creation, Done, Stored
from balchat_relay_proto.requests import Acknowledge, Create, Fetch, Put
from balchat_relay_proto.sealing import SealingKey, seal
from balchat_transport_relay.address import Destination
from balchat_transport_relay.settings import RelaySettings

from balchat_host.api.errors import PeerUnreachable, RelayUnusable, StorageFailed
from balchat_host.api.transport import Disposition, Outcome, Verdict
from balchat_host.api.types import Secret
from balchat_host.testing.fake_transport_context import commit_all

if TYPE_CHECKING:
    from balchat_relay_proto.frames import FromRelay

    from conftest import Account

pytestmark = pytest.mark.anyio
HOUR = 3600.0
DAY = 24 * HOUR


@pytest.fixture
def anyio_backend(virtual_time):
    return virtual_time


def only(kind, change):
    """Change frames of one kind, and no others."""
    return lambda frame: change(frame) if isinstance(frame, kind) else (frame,)


def replace_push(envelope_of):
    return only(Push, lambda push: (Push(number=push.number, sequence=push.sequence, envelope=envelope_of(push)),))


async def all_is_well(alice: Account, bob: Account, relay) -> None:
    """See that the relay is used again, and that it shows."""
    before = len(bob.host.received.all)
    await alice.insist(bob, b"after all that")
    got = await bob.host.received.until(lambda received: len(received) > before, patience=2 * DAY)
    assert got[-1].envelope == b"after all that"
    await bob.online()
    await relay.until(lambda: not relay.waiting)


# -- what it does with envelopes


async def test_it_drops_what_it_said_it_has(world) -> None:
    async with world() as w, w.account() as alice:
        relay = await w.relay()
        async with w.account(relay) as bob:
            await bob.transport.allocate_routes(alice.peer)
            relay.script = lambda request: Done() if isinstance(request, Put) else None
            (dropped,) = await alice.send(bob, b"dropped")
            assert alice.host.outcomes(dropped) == [Outcome.SENT, Outcome.STORED]
            relay.script = lambda request: None
            await alice.send(bob, b"kept")
            await bob.has(b"kept")


async def test_it_repeats_everything(world) -> None:
    async with world() as w, w.account() as alice:
        relay = await w.relay()
        async with w.account(relay) as bob:
            relay.frames = only(Push, lambda push: (push,) * 5)
            sent = [b"%d" % number for number in range(10)]
            await alice.send(bob, *sent)
            # Each of them as it was; that there are five of each, the host notices (TransportContext.receive).
            got = await bob.host.received.until(lambda received: len(received) >= 50, patience=DAY)
            assert {each.envelope for each in got} == set(sent)
            await relay.until(lambda: not relay.waiting)
            relay.frames = lambda frame: (frame,)
            await all_is_well(alice, bob, relay)


async def test_it_gives_out_for_ever_what_was_acknowledged(world) -> None:
    async with world() as w, w.account() as alice:
        relay = await w.relay()
        async with w.account(relay) as bob:
            await alice.send(bob, b"again and again")
            before = relay.snapshot()
            await relay.until(lambda: not relay.waiting)
            for _ in range(20):
                relay.restore(before)
                await relay.until(lambda: not relay.waiting)
            assert {each.envelope for each in bob.host.received.all} == {b"again and again"}
            await all_is_well(alice, bob, relay)


async def test_it_reorders(world) -> None:
    async with world() as w, w.account() as alice:
        relay = await w.relay()
        async with w.account(relay) as bob:
            held: list[Push] = []

            def second_first(push: Push):
                held.append(push)
                return reversed([held.pop(0) for _ in range(2)]) if len(held) == 2 else ()

            relay.frames = only(Push, second_first)
            await alice.send(bob, b"1", b"2", b"3", b"4")
            await bob.has(b"2", b"1", b"4", b"3")
            relay.frames = lambda frame: (frame,)
            await all_is_well(alice, bob, relay)


async def test_it_truncates(world) -> None:
    async with world() as w, w.account() as alice:
        relay = await w.relay()
        async with w.account(relay) as bob:
            relay.frames = replace_push(lambda push: push.envelope[:-1])
            await alice.send(bob, b"whole")
            await bob.degraded("it misbehaves: a frame of it cannot be read")
            relay.frames = lambda frame: (frame,)
            await bob.has(b"whole")
            await all_is_well(alice, bob, relay)


async def test_it_alters(world) -> None:
    async with world() as w, w.account() as alice:
        relay = await w.relay()
        async with w.account(relay) as bob:
            relay.frames = replace_push(lambda push: push.envelope[:-1] + bytes([push.envelope[-1] ^ 1]))
            await alice.send(bob, b"as it was")
            # It is told to delete what it gave out; what it was given, it never gave out, and has to keep.
            await relay.until(lambda: relay.asked_for(Acknowledged))
            assert bob.host.received.all == []
            assert len(relay.waiting) == 1
            relay.frames = lambda frame: (frame,)
            relay.hang_up()
            await bob.has(b"as it was")
            await all_is_well(alice, bob, relay)


async def test_it_mixes_up_queues(world) -> None:
    async with world() as w, w.account() as alice, w.account() as carol:
        relay = await w.relay()
        async with w.account(relay) as bob:
            routes = {each: await bob.transport.allocate_routes(each.peer) for each in (alice, carol)}
            relay.frames = only(Push, lambda push: ())
            await alice.send(bob, b"from Alice", routes=routes[alice])
            await carol.send(bob, b"from Carol", routes=routes[carol])
            first, second = (box for box in relay.boxes.values() if box.stored)
            first.stored, second.stored = second.stored, first.stored
            relay.frames = lambda frame: (frame,)
            relay.hang_up()
            await relay.until(lambda: not relay.waiting)
            assert bob.host.received.all == []
            await all_is_well(alice, bob, relay)


async def test_it_withholds_until_it_is_asked_otherwise(world) -> None:
    async with world() as w, w.account() as alice:
        relay = await w.relay()
        async with w.account(relay) as bob:
            relay.frames = only((Push, Subscribed), lambda frame: ())
            await alice.send(bob, b"withheld")
            relay.hang_up()
            # It never says that a subscription stands: so it is asked, and state tells of it.
            await bob.has(b"withheld")
            await bob.degraded("it does not push: messages come with a delay")
            relay.frames = lambda frame: (frame,)
            await all_is_well(alice, bob, relay)


async def test_it_says_that_it_pushes_and_does_not(world) -> None:
    async with world() as w, w.account() as alice:
        relay = await w.relay()
        async with w.account(relay) as bob:
            await bob.transport.allocate_routes(alice.peer)
            await bob.online()
            relay.frames = only(Push, lambda push: ())
            await alice.send(bob, b"withheld")
            await bob.has(b"withheld")
            await bob.degraded("it misbehaves: it keeps back what it should push")
            # From now on it is asked more often, for as long as there is something that it keeps back.
            second_at = anyio.current_time()
            await alice.send(bob, b"withheld, too")
            await bob.has(b"withheld", b"withheld, too")
            assert anyio.current_time() - second_at < HOUR
            relay.frames = lambda frame: (frame,)
            await anyio.sleep(2 * HOUR)
            await all_is_well(alice, bob, relay)


async def test_it_keeps_back_one_of_many(world) -> None:
    async with world() as w, w.account() as alice:
        relay = await w.relay()
        async with w.account(relay) as bob:
            await bob.transport.allocate_routes(alice.peer)
            await bob.online()
            relay.frames = only(Push, lambda push: () if push.sequence == 2 else (push,))
            await alice.send(bob, b"1", b"2", b"3")
            await bob.has(b"1", b"3")
            for number in range(24):  # it goes on pushing all the time
                await alice.send(bob, b"later %d" % number)
                await anyio.sleep(HOUR)
            assert [each.envelope for each in bob.host.received.all].count(b"2") == 1
            reasons = [state.reason or "" for state in bob.host.states.all]
            assert any("it misbehaves: it keeps back what it should push" in reason for reason in reasons)
            relay.frames = lambda frame: (frame,)
            await anyio.sleep(2 * HOUR)
            await all_is_well(alice, bob, relay)


async def test_an_honest_one_is_not_accused_of_keeping_back(world) -> None:
    """Neither of what stays there because our host wants it later, nor of what it still pushes or we still take in."""
    settings = RelaySettings(recheck_seconds=60)
    async with world() as w, w.account() as alice:
        relay = await w.relay()
        async with w.account(relay, settings=settings) as bob:
            (route,) = routes = await bob.transport.allocate_routes(alice.peer)
            await bob.online()
            bob.host.answer = lambda source, envelope: Disposition(verdict=Verdict.IGNORED)
            await alice.send(bob, *[b"ignored %d" % number for number in range(10)], routes=routes)
            await anyio.sleep(HOUR)
            assert len(relay.waiting) == 10
            bob.host.answer = commit_all
            waiting: list[Push] = []
            relay.frames = only(Push, lambda push: waiting.append(push) or ())
            await alice.send(bob, *[b"slowly %d" % number for number in range(20)], routes=routes)
            (subscriber,) = [
                each for each in relay.subscribers if Destination.of(route).address.queue in each.queues.values()
            ]
            for each in waiting:
                await anyio.sleep(250)
                subscriber.outbox.send_nowait(each)
            relay.frames = lambda frame: (frame,)
            bob.host.close_vault()
            await alice.send(bob, *[bytes([number]) * 1_000_000 for number in range(4)], routes=routes)
            await anyio.sleep(HOUR)
            bob.host.open_vault()
            await relay.until(lambda: len(relay.waiting) == 10)
            assert [state.reason for state in bob.host.states.all if "misbehaves" in (state.reason or "")] == []


async def test_an_honest_one_that_cannot_delete_is_not_accused_of_keeping_back(world) -> None:
    """Its disk is full: it says so, and what it pushed stays there although we have it, until there is room again."""
    async with world() as w, w.account() as alice:
        relay = await w.relay()
        async with w.account(relay, settings=RelaySettings(recheck_seconds=60)) as bob:
            await bob.transport.allocate_routes(alice.peer)
            await bob.online()
            pushed: dict[bytes, Stored] = {}

            def full(frame: FromRelay) -> tuple[FromRelay]:
                if isinstance(frame, Push):
                    pushed[envelope_id(frame.envelope)] = Stored(sequence=frame.sequence, envelope=frame.envelope)
                if not isinstance(frame, Acknowledged):
                    return (frame,)
                (box,) = [box for box in relay.boxes.values() if box.sequence]
                box.stored |= {each: pushed[each] for each in frame.envelope_ids}
                return (NotAcknowledged(number=frame.number, code=Code.RELAY_FULL),)

            def refuse(request):
                if isinstance(request, Acknowledge):
                    raise Refused(Code.RELAY_FULL, "", retry_after=300)

            relay.frames, relay.script = full, refuse
            await alice.send(bob, b"1", b"2")
            await bob.has(b"1", b"2")
            await anyio.sleep(HOUR)
            assert [state.reason for state in bob.host.states.all if "misbehaves" in (state.reason or "")] == []
            assert len(relay.waiting) == 2
            subscriptions = len(relay.asked_for(Subscribe))
            # Once there is room, what stayed is deleted, and what it then keeps back is still found.
            relay.frames, relay.script = only(Push, lambda push: ()), lambda request: None
            await relay.until(lambda: not relay.waiting)
            assert len(relay.asked_for(Subscribe)) == subscriptions
            await alice.send(bob, b"3")
            await bob.degraded("it misbehaves: it keeps back what it should push")


async def test_it_goes_back_to_an_old_backup(world) -> None:
    async with world() as w, w.account() as alice:
        relay = await w.relay()
        async with w.account(relay) as bob:
            await alice.send(bob, b"before")
            await bob.has(b"before")
            await relay.until(lambda: not relay.waiting)
            await anyio.sleep(2 * DAY)
            relay.restore({})
            # What it has lost is made again. As that is suspicious, contacts are given another queue.
            await bob.host.route_news.until(lambda news: alice.peer in news, patience=DAY)
            old = relay.asked_for(Create)[0]
            await relay.until(lambda: relay.asked_for(Create)[1:] == [old])
            await alice.insist(bob, b"after")
            await bob.has(b"before", b"after")
            # Strangers find a card again.
            await relay.until(lambda: any(box.last_resort for box in relay.boxes.values()))
            assert await alice.transport.claim_key_package(bob.peer, [relay.peer.onion]) is not None
            await all_is_well(alice, bob, relay)


# -- what it says


def drip(octets: bytes, pause: float):
    """Say something endless, a piece after the other."""

    async def go(stream) -> None:
        await stream.receive(65_536)
        while True:
            await stream.send(octets)
            await anyio.sleep(pause)

    return go


async def hang(stream) -> None:
    await anyio.sleep_forever()


async def hang_up(stream) -> None:
    await stream.receive(65_536)


HEAD = b"HTTP/1.1 200 OK\r\n"
CHUNKED = HEAD + b"transfer-encoding: chunked\r\n\r\n"


async def after(stream, start: bytes, endless) -> None:
    await stream.receive(65_536)
    await stream.send(start)
    await endless(stream)


WRONG = {
    "garbage": drip(urandom(1024), 0.1),
    "nothing": hang,
    "its end": hang_up,
    "octet by octet": drip(b"H", 20),
    "endless header": drip(b"x-more: of the same\r\n" * 100, 0.1),
    "endless body": lambda stream: after(stream, CHUNKED, drip_on(b"400\r\n" + bytes(1024) + b"\r\n", 0.1)),
    "body octet by octet": lambda stream: after(stream, CHUNKED, drip_on(b"1\r\nx\r\n", 0.001)),
    "endless chunk header": lambda stream: after(stream, CHUNKED, drip_on(b"0" * 1000, 0.1)),
    "an endless number of interim answers": drip(b"HTTP/1.1 100 Continue\r\n\r\n", 0.01),
    "no CBOR": lambda stream: after(stream, HEAD + b"content-length: 4\r\n\r\nnone", hang),
    "nested CBOR": lambda stream: after(stream, HEAD + b"content-length: 9000\r\n\r\n" + b"\x81" * 9000, hang),
    "more than was announced": lambda stream: after(stream, HEAD + b"content-length: 1\r\n\r\n" + bytes(5000), hang),
    "a redirection": lambda stream: after(
        stream, b"HTTP/1.1 302 Found\r\nlocation: /\r\ncontent-length: 0\r\n\r\n", hang
    ),
    "a switch of protocols": lambda stream: after(stream, b"HTTP/1.1 101 X\r\nupgrade: x\r\n\r\n", hang),
}


def drip_on(octets: bytes, pause: float):
    async def go(stream) -> None:
        while True:
            await stream.send(octets)
            await anyio.sleep(pause)

    return go


@pytest.mark.parametrize("how", WRONG.values(), ids=WRONG.keys())
async def test_it_answers_with_something_else(world, how) -> None:
    async with world() as w:
        relay, other = await w.relay(), await w.relay()
        async with w.account(relay) as bob, w.account(other) as alice:
            routes = await bob.transport.allocate_routes(alice.peer)
            relay.instead = how
            relay.hang_up()
            # Whoever sends learns of it in bounded time, and may try again.
            for _ in range(2):
                lost = alice.host.outgoing(b"hello?")
                with anyio.fail_after(HOUR):
                    try:
                        await alice.transport.send(bob.peer, routes, lost)
                    except PeerUnreachable:
                        assert alice.host.outcomes(lost[0]) == []
                    else:
                        report = await alice.host.final(lost[0])
                        assert (report.outcome, report.reason) == (Outcome.REFUSED, "relay-misbehaved")
            await bob.degraded("our relay: ")
            relay.instead = None
            await all_is_well(alice, bob, relay)
            # Nothing that broke stays open on our side: Bob has two WebSockets and three connections for questions,
            # Alice at her own relay one and two, and one to leave things at Bob's.
            assert sum(not wire.ends[0].closed for wire in w.network._live()) <= 5 + 3 + 1


def frames_of(*octets: bytes):
    """Push octets, whatever they are, once somebody subscribes."""
    return only(Subscribed, lambda frame: (frame, *octets))


UNKNOWN = 4_000_000_000
WRONG_FRAMES = {
    "an unknown subscription": lambda relay: Push(number=UNKNOWN, sequence=1, envelope=bytes(16_384)),
    "an unknown subscription's end": lambda relay: Ended(number=UNKNOWN, code=Code.DENIED),
    "number nothing": lambda relay: Subscribed(number=0),
    "an unknown acknowledgement": lambda relay: Acknowledged(number=UNKNOWN, envelope_ids=(bytes(32),)),
    "another greeting": lambda relay: Hello(challenge=bytes(32)),
    "an end without a reason": lambda relay: Ended(number=1, code=None),
    "no CBOR": lambda relay: b"\xff",
    "an empty message": lambda relay: b"",
    "nested CBOR": lambda relay: b"\x81" * 5000,
    "a frame of a client's": lambda relay: b"\x82\x05\x01",
    "a message that is too long": lambda relay: bytes(2 * 1024 * 1024),
}


@pytest.mark.parametrize("frame", WRONG_FRAMES.values(), ids=WRONG_FRAMES.keys())
async def test_it_pushes_what_no_honest_relay_does(world, frame) -> None:
    async with world() as w, w.account() as alice:
        relay = await w.relay()
        async with w.account(relay) as bob:
            await bob.transport.allocate_routes(alice.peer)
            await bob.online()
            relay.push(frame(relay))
            await bob.degraded("it misbehaves")
            # That the next answers are good ones makes no honest relay of it.
            await alice.send(bob, b"hello")
            await bob.has(b"hello")
            (view,) = await bob.transport.relays.all()
            assert "it misbehaves" in (view.state.reason or "")
            await anyio.sleep(2 * HOUR)
            await all_is_well(alice, bob, relay)


HANDSHAKES = {
    "another protocol": b"HTTP/1.1 101 Switching\r\nconnection: upgrade\r\nupgrade: other\r\n\r\n",
    "no proof of having read us": b"HTTP/1.1 101 S\r\nconnection: upgrade\r\nupgrade: websocket\r\n\r\n",
    "no ASCII": b"HTTP/1.1 101 S\r\nconnection: \xff\r\nupgrade: websocket\r\nsec-websocket-protocol: \xff\r\n\r\n",
    "no WebSocket": b"HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\nhello",
}


@pytest.mark.parametrize("handshake", HANDSHAKES.values(), ids=HANDSHAKES.keys())
async def test_it_upgrades_to_something_else(world, handshake) -> None:
    async with world() as w, w.account() as alice:
        relay = await w.relay()
        async with w.account(relay) as bob:
            await bob.transport.allocate_routes(alice.peer)
            relay.instead = lambda stream: after(stream, handshake, hang)
            relay.hang_up()
            await bob.degraded("our relay: ")
            relay.instead = None
            await all_is_well(alice, bob, relay)


async def endless_pings(stream) -> None:
    for _ in range(10_000):
        await stream.send(b"\x89\x00")


async def endless_fragments(stream) -> None:
    await stream.send(b"\x02\x00")
    for _ in range(10_000):
        await stream.send(b"\x00\x00")


async def a_message_that_never_ends(stream) -> None:
    await stream.send(b"\x02\x7f" + (1024 * 1024).to_bytes(8))
    while True:
        await stream.send(b"x")
        await anyio.sleep(30)


@pytest.mark.parametrize(
    ("endless", "words"),
    [
        (endless_pings, "it misbehaves: it sends and sends, and nothing is in it"),
        (endless_fragments, "it misbehaves: it sends and sends, and nothing is in it"),
        (a_message_that_never_ends, "what it sends never ends"),
    ],
)
async def test_it_pushes_without_an_end(world, endless, words, monkeypatch) -> None:
    async with world() as w, w.account() as alice:
        relay = await w.relay()
        async with w.account(relay) as bob:
            await bob.transport.allocate_routes(alice.peer)
            honest = relay._socket

            async def socket(stream, head) -> None:
                send = stream.send
                count = 0

                async def send_then(octets: bytes) -> None:
                    nonlocal count
                    await send(octets)
                    count += 1
                    if count == 3:  # the handshake's answer, Hello, and Subscribed
                        stream.send = send
                        await endless(stream)

                stream.send = send_then
                await honest(stream, head)

            monkeypatch.setattr(relay, "_socket", socket)
            relay.hang_up()
            await bob.degraded(words)
            monkeypatch.setattr(relay, "_socket", honest)
            await anyio.sleep(2 * HOUR)
            await all_is_well(alice, bob, relay)


async def test_it_evicts_for_ever(world) -> None:
    async with world() as w, w.account() as alice:
        relay = await w.relay()
        async with w.account(relay) as bob:
            await bob.transport.allocate_routes(alice.peer)
            relay.frames = only(Subscribed, lambda frame: (Ended(number=frame.number, code=Code.EVICTED),))
            relay.hang_up()
            await bob.degraded("another device reads our queues")
            before = len(relay.asked_for(Subscribe))
            await anyio.sleep(DAY)
            assert len(relay.asked_for(Subscribe)) - before <= 2 * 25
            await bob.degraded("another device reads our queues")
            relay.frames = lambda frame: (frame,)
            await all_is_well(alice, bob, relay)


@pytest.mark.slow
async def test_it_denies_for_ever_what_it_has_made(world) -> None:
    async with world() as w, w.account() as alice:
        relay = await w.relay()
        async with w.account(relay) as bob:
            await bob.transport.allocate_routes(alice.peer)
            await bob.online()
            relay.frames = only(Subscribed, lambda frame: (Ended(number=frame.number, code=Code.DENIED),))
            relay.hang_up()
            await bob.degraded("it misbehaves: it denies a queue that it has just made for us")
            for _ in range(2 * 24):
                await anyio.sleep(HOUR)
                if alice.peer in bob.host.route_news.all:
                    await bob.transport.allocate_routes(alice.peer)  # as the host does
            # A contact is given a new queue once a day at most, and nothing grows.
            assert bob.host.route_news.all.count(alice.peer) <= 3
            assert len({create.send_verifier for create in relay.asked_for(Create)}) <= 3
            # Whatever it says, each queue and the inbox are asked for once in five minutes, with the duties of a round.
            assert len(relay.asked) < 2 * 24 * 12 * 5 * 16
            relay.frames = lambda frame: (frame,)
            await all_is_well(alice, bob, relay)


@pytest.mark.parametrize(("told", "least", "most"), [(30 * 24 * 3600, 60, 6 * HOUR), (0, 5, 60), (None, None, None)])
async def test_it_says_when_to_come_again_and_that_is_absurd(world, told, least, most) -> None:
    async with world() as w, w.account() as alice:
        relay = await w.relay()
        async with w.account(relay) as bob:
            await bob.transport.allocate_routes(alice.peer)

            def refuse(request):
                if isinstance(request, Put):
                    raise Refused(Code.RELAY_FULL, "", retry_after=told)

            relay.script = refuse
            (sent,) = await alice.send(bob, b"hello")
            report = await alice.host.final(sent)
            assert (report.outcome, report.reason) == (Outcome.REFUSED, "relay-full")
            assert report.retry_after is None if told is None else least <= report.retry_after <= most
            relay.frames = only(
                Subscribed,
                lambda frame: (Ended(number=frame.number, code=Code.TOO_MANY_REQUESTS, retry_after=told),),
            )
            relay.hang_up()
            await bob.degraded("it has too much to do")
            before = len(relay.asked)
            await anyio.sleep(HOUR)
            assert len(relay.asked) - before < 4 * HOUR
            relay.script, relay.frames = lambda request: None, lambda frame: (frame,)
            await all_is_well(alice, bob, relay)


async def test_it_makes_another_queue_than_it_was_asked_for(world) -> None:
    async with world() as w, w.account() as alice:
        relay = await w.relay()
        async with w.account(relay) as bob:
            relay.script = lambda request: Created(queue=bytes(32)) if isinstance(request, Create) else None
            await bob.transport.allocate_routes(alice.peer)
            await bob.degraded("it misbehaves: it creates another queue than we asked for")
            relay.script = lambda request: None
            await anyio.sleep(2 * HOUR)
            await all_is_well(alice, bob, relay)


async def test_it_pages_for_ever(world) -> None:
    async with world() as w, w.account() as alice:
        relay = await w.relay()
        async with w.account(relay) as bob:
            relay.frames = only((Push, Subscribed), lambda frame: ())
            await alice.send(bob, b"once")
            honest = relay.do

            def endless(request, challenge):
                reply = honest(request, challenge)
                if isinstance(request, Fetch) and reply.stored:
                    return type(reply)(stored=tuple(relay_stored for relay_stored in reply.stored), more=True)
                return reply

            relay.do = endless
            relay.hang_up()
            await bob.has(b"once")
            relay.do, relay.frames = honest, lambda frame: (frame,)
            await all_is_well(alice, bob, relay)


# -- who it says it is


async def test_it_is_another_relay_than_was_dialled(world, address) -> None:
    async with world() as w, w.account() as bob:
        relay = await w.relay()
        relay.about = About(versions=(1,), relay_key=bytes(32), creation=Creation.OPEN, max_age=1)
        with pytest.raises(RelayUnusable, match="it misbehaves: it says that it is another relay"):
            await bob.transport.relays.add(address(relay))
        assert await bob.transport.relays.all() == []
        assert relay.asked == []


@pytest.mark.parametrize(("versions", "who"), [((2, 3), "This program"), ((0,), "The relay")])
async def test_it_speaks_another_version(world, address, versions, who) -> None:
    async with world() as w, w.account() as bob:
        relay = await w.relay()
        relay.about = About(versions=versions, relay_key=relay.peer.octets, creation=Creation.OPEN, max_age=1)
        with pytest.raises(RelayUnusable, match=f"No common protocol version. {who} must be updated"):
            await bob.transport.relays.add(address(relay))
        assert relay.asked == []


# -- what it does to memory


async def test_it_pushes_more_than_can_be_taken_in(world) -> None:
    async with world() as w, w.account() as alice:
        relay = await w.relay()
        async with w.account(relay) as bob:
            envelopes = [bytes([number]) * 1_000_000 for number in range(24)]
            routes = await bob.transport.allocate_routes(alice.peer)
            await bob.online()
            bob.host.close_vault()
            await alice.send(bob, *envelopes, routes=routes)
            await bob.host.batches.until(bool)
            await anyio.wait_all_tasks_blocked()
            # Most of it is still the relay's to send.
            assert max(each.outbox.statistics().current_buffer_used for each in relay.subscribers) >= 24 - 4
            bob.host.open_vault()
            await bob.has(*envelopes)


async def test_it_pushes_halves_for_ever(world) -> None:
    async with world() as w, w.account() as alice:
        relay = await w.relay()
        async with w.account(relay) as bob:
            (route,) = await bob.transport.allocate_routes(alice.peer)
            await bob.online()
            queue = Destination.of(route).address.queue
            key = SealingKey(route.sealing_key)
            for number in range(40):
                whole = number.to_bytes(2) + bytes(1_048_574)
                relay.put(queue, seal(split(whole)[0].to_octets(), key, queue=queue))
            await anyio.sleep(HOUR)
            assert bob.transport._reassembly.octets <= 9 * 1024 * 1024
            # The same half in other envelopes is needless, and deleted.
            waiting = len(relay.waiting)
            for _ in range(5):
                relay.put(queue, seal(split(whole)[0].to_octets(), key, queue=queue))
            await relay.until(lambda: len(relay.waiting) <= waiting)
            relay.boxes[queue].stored.clear()
            await all_is_well(alice, bob, relay)


# -- crashes


async def test_what_was_not_committed_when_we_were_killed_is_fetched_again(world) -> None:
    key = Secret(urandom(32))
    async with world() as w, w.account() as alice:
        relay = await w.relay()
        async with w.account(relay, key=key) as bob:
            routes = await bob.transport.allocate_routes(alice.peer)
            await bob.online()
            bob.host.close_vault()
            await alice.send(bob, b"one", b"two", routes=routes)
            await bob.host.batches.until(bool, patience=DAY)
            area = bob.host.area
        assert bob.host.received.all == []
        assert len(relay.waiting) == 2
        assert relay.asked_for(Acknowledged) == []
        async with w.account(key=key, area=area) as again:
            await again.has(b"one", b"two")
            await relay.until(lambda: not relay.waiting)


async def test_what_was_committed_but_not_acknowledged_comes_again(world) -> None:
    key = Secret(urandom(32))
    async with world() as w, w.account() as alice:
        relay = await w.relay()
        async with w.account(relay, key=key) as bob:
            await alice.send(bob, b"one")
            before = relay.snapshot()
            await bob.has(b"one")
            area = bob.host.area
        relay.restore(before)
        async with w.account(key=key, area=area) as again:
            await again.has(b"one")  # and the host knows it
            await relay.until(lambda: not relay.waiting)


async def test_a_vault_that_takes_nothing_loses_nothing(world) -> None:
    async with world() as w, w.account() as alice:
        relay = await w.relay()
        async with w.account(relay) as bob:

            def fail(source, envelope):
                raise StorageFailed(problem="it broke")

            bob.host.answer = fail
            await alice.send(bob, b"one")
            await bob.degraded("our vault takes nothing now")
            assert len(relay.waiting) == 1
            bob.host.answer = commit_all
            await bob.has(b"one")
            await all_is_well(alice, bob, relay)
