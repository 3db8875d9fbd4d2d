"""What time does, on a clock that jumps: dead peers, silent ones, slow ones, and long quiet days."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import anyio
import pytest
from balchat_transport_tor_direct.device_route import own_route
from balchat_transport_tor_direct.frames import CloseReason, Frame, FrameType
from balchat_transport_tor_direct.settings import DirectSettings
from trio.testing import MockClock

from balchat_host.api.errors import NetworkUnavailable, PeerUnreachable
from balchat_host.api.transport import Disposition, Outcome, Verdict
from balchat_host.api.types import PeerId, Phase, Secret
from balchat_host.testing.waiting import running

if TYPE_CHECKING:
    from collections.abc import Callable
    from contextlib import AbstractAsyncContextManager

    from balchat_host.testing.virtual_network import VirtualNetwork
    from conftest import Account, Stranger

    Start = Callable[..., AbstractAsyncContextManager[Account]]

pytestmark = pytest.mark.anyio
PATIENCE = 10_000.0
LOW, HIGH = Secret(bytes([2]) * 32), Secret(bytes([4]) * 32)
"""Two keys; the first makes the lower peer id."""


@pytest.fixture
def anyio_backend() -> tuple[str, dict[str, object]]:
    return "trio", {"clock": MockClock(autojump_threshold=0)}


async def test_a_quiet_day_keeps_the_connection(account: Start, world: VirtualNetwork) -> None:
    async with account(world) as alice, account(world) as bob:
        await alice.host.finals(await alice.send(bob.peer, b"good morning"))
        await anyio.sleep(24 * 3600)
        assert alice.transport.reachable(bob.peer)
        assert bob.transport.reachable(alice.peer)
        assert len(world.dials) == 1
        (sent,) = await alice.send(bob.peer, b"good night")
        assert (await alice.host.final(sent)).outcome is Outcome.DELIVERED


async def test_a_peer_that_vanished_is_noticed_soon_while_something_waits(
    account: Start, world: VirtualNetwork
) -> None:
    async with account(world) as alice, account(world) as bob:
        await alice.host.finals(await alice.send(bob.peer, b"hello"))
        world.cut(alice.node, bob.node)
        cut_at = anyio.current_time()
        (sent,) = await alice.send(bob.peer, b"are you there?")
        assert (await alice.host.final(sent, patience=PATIENCE)).outcome is Outcome.LOST
        assert not alice.transport.reachable(bob.peer)
        assert anyio.current_time() - cut_at <= 10 + 20 + 2


async def test_a_peer_that_vanished_is_noticed_in_the_end_even_when_nothing_waits(
    account: Start, world: VirtualNetwork
) -> None:
    async with account(world) as alice, account(world) as bob:
        await alice.host.finals(await alice.send(bob.peer, b"hello"))
        world.cut(alice.node, bob.node)
        cut_at = anyio.current_time()
        await alice.host.sees(bob.peer, reachable=False, patience=PATIENCE)
        await bob.host.sees(alice.peer, reachable=False, patience=PATIENCE)
        assert anyio.current_time() - cut_at <= 60 + 20 + 2


async def test_who_is_too_slow_with_the_handshake_of_a_bulk_stream_is_given_up(
    account: Start, world: VirtualNetwork
) -> None:
    async with account(world) as alice, account(world) as bob:
        route = replace(await own_route(bob.host), device_id=bob.host.device_id)
        alice.host.signing.close()
        with pytest.raises(PeerUnreachable, match="in time"):
            await alice.transport.open_bulk(bob.peer, [route])
        assert world.streams_between(alice.node, bob.node) == 0


async def test_what_was_ignored_is_lost_in_the_end_and_the_connection_stays(
    account: Start, world: VirtualNetwork
) -> None:
    async with account(world) as alice, account(world) as bob:
        bob.host.answer = lambda source, envelope: Disposition(verdict=Verdict.IGNORED)
        sent_at = anyio.current_time()
        (sent,) = await alice.send(bob.peer, b"hello")
        assert (await alice.host.final(sent, patience=PATIENCE)).outcome is Outcome.LOST
        assert anyio.current_time() - sent_at == pytest.approx(60, abs=1)
        assert alice.transport.reachable(bob.peer)


async def test_a_slow_commit_is_no_dead_peer(account: Start, world: VirtualNetwork) -> None:
    settings = DirectSettings(answer_timeout=3600)
    async with account(world, settings) as alice, account(world) as bob:
        bob.host.close_vault()
        (sent,) = await alice.send(bob.peer, b"hello")
        await anyio.sleep(1800)
        assert alice.host.outcomes(sent) == [Outcome.SENT]
        bob.host.open_vault()
        assert (await alice.host.final(sent)).outcome is Outcome.DELIVERED
        assert len(world.dials) == 1


@pytest.mark.parametrize("dialler_is_low", [True, False])
@pytest.mark.parametrize("restarts_low", [True, False])
async def test_a_peer_that_starts_again_is_not_locked_out_by_its_old_stream(
    account: Start, world: VirtualNetwork, *, dialler_is_low: bool, restarts_low: bool
) -> None:
    stays_key, again_key = (HIGH, LOW) if restarts_low else (LOW, HIGH)
    async with account(world, key=stays_key) as stays, account(world, key=again_key) as old:
        dialler, other = (stays, old) if dialler_is_low == (stays_key is LOW) else (old, stays)
        await dialler.host.finals(await dialler.send(other.peer, b"hello"))
        # The old life's network is gone without a sign; a new life begins elsewhere with the same key.
        world.cut(stays.node, old.node)
        (unanswered,) = await stays.send(old.peer, b"into the void")
        async with account(world, key=again_key) as again:
            begun = anyio.current_time()
            (sent,) = await again.send(stays.peer, b"I am back")
            assert (await again.host.final(sent)).outcome is Outcome.DELIVERED
            assert anyio.current_time() - begun <= 11
            assert (await stays.host.final(unanswered)).outcome is Outcome.LOST
            (resent,) = await stays.send(again.peer, b"once more")
            assert (await stays.host.final(resent)).outcome is Outcome.DELIVERED
            assert world.streams_between(stays.node, again.node) == 1


async def test_a_handshake_that_does_not_come_is_waited_for_thirty_seconds(
    account: Start, stranger: type[Stranger], world: VirtualNetwork
) -> None:
    async with account(world) as alice:
        silent = await stranger.knock(world, alice.peer)
        begun = anyio.current_time()
        await silent.is_closed()
        assert anyio.current_time() - begun == pytest.approx(30, abs=1)


async def test_a_handshake_in_drops_ends_in_time(
    account: Start, stranger: type[Stranger], world: VirtualNetwork
) -> None:
    async with account(world) as alice:
        slow = await stranger.knock(world, alice.peer)

        async def dribble() -> None:
            for octet in slow.machine.start():
                await anyio.sleep(1)
                await slow.stream.send(bytes([octet]))

        begun = anyio.current_time()
        with pytest.raises(anyio.BrokenResourceError):
            await dribble()
        assert anyio.current_time() - begun <= 32


async def test_an_acceptor_that_says_nothing_is_unreachable(account: Start, world: VirtualNetwork) -> None:
    node, key = world.node(), Secret(bytes([9]) * 32)
    async with running(node), account(world) as alice:
        service = await node.publish(key, 22524, on_state=lambda state: None)
        with pytest.raises(PeerUnreachable, match="in time"):
            await alice.send(PeerId(service.address.octets), b"hello?")


async def test_senders_that_wait_for_one_dial_share_its_failure(account: Start, world: VirtualNetwork) -> None:
    node, key = world.node(), Secret(bytes([9]) * 32)
    failures: list[float] = []
    async with running(node), account(world) as alice:
        service = await node.publish(key, 22524, on_state=lambda state: None)

        async def send() -> None:
            with pytest.raises(PeerUnreachable):
                await alice.send(PeerId(service.address.octets), b"hello?")
            failures.append(anyio.current_time())

        async with anyio.create_task_group() as tasks:
            for _ in range(5):
                tasks.start_soon(send)
        assert len(set(failures)) == 1
        assert len(world.dials) == 1


async def test_a_network_that_is_away_is_told_apart_from_a_peer_that_is(account: Start, world: VirtualNetwork) -> None:
    async with account(world) as alice, account(world) as bob:
        alice.node.go_offline("no route")
        assert (await alice.host.states.reach(Phase.DEGRADED)).reason == "no route"
        with pytest.raises(NetworkUnavailable):
            await alice.send(bob.peer, b"hello")
        alice.node.come_online()
        await alice.host.states.reach(Phase.ONLINE)
        (sent,) = await alice.send(bob.peer, b"hello")
        assert (await alice.host.final(sent)).outcome is Outcome.DELIVERED


async def test_a_peer_that_takes_nothing_is_given_up(
    account: Start, stranger: type[Stranger], world: VirtualNetwork
) -> None:
    async with account(world) as alice:
        deaf = await stranger.enter(world, alice.peer)
        sent = await alice.send(deaf.peer, *(bytes(16_384) for _ in range(20)))

        async def live() -> None:
            while True:
                await anyio.sleep(5)
                await deaf.say(FrameType.PING, 1)

        async with anyio.create_task_group() as tasks:
            tasks.start_soon(live)
            assert set(await alice.host.finals(sent, patience=PATIENCE)) == {Outcome.LOST}
            tasks.cancel_scope.cancel()
        await alice.host.sees(deaf.peer, reachable=False)
        await deaf.is_closed()


@pytest.mark.parametrize("verdict", [Verdict.IGNORED, Verdict.REFUSED, Verdict.COMMITTED])
async def test_what_a_stranger_sends_is_handed_on_slowly_whatever_becomes_of_it(
    account: Start, stranger: type[Stranger], world: VirtualNetwork, verdict: Verdict
) -> None:
    async with account(world) as alice:
        alice.host.answer = lambda source, envelope: Disposition(verdict=verdict, stranger=True)
        pushy = await stranger.enter(world, alice.peer)
        begun = anyio.current_time()
        for number in range(200):
            await pushy.say(FrameType.ENVELOPE, number, b"spam")
        await alice.host.received.until(lambda received: len(received) == 200, patience=PATIENCE)
        assert anyio.current_time() - begun >= (200 - 2 * 16) / 10
        assert max(alice.host.batches.all) <= 16


async def test_a_stranger_that_has_left_is_not_worked_for_any_longer(
    account: Start, stranger: type[Stranger], world: VirtualNetwork
) -> None:
    async with account(world) as alice:
        alice.host.answer = lambda source, envelope: Disposition(verdict=Verdict.COMMITTED, stranger=True)
        guest = await stranger.enter(world, alice.peer)
        for number in range(1000):
            await guest.say(FrameType.ENVELOPE, number, b"spam")
        await guest.leave()
        await anyio.sleep(1000)
        assert len(alice.host.received.all) <= 2 * 16
        assert not alice.transport.reachable(guest.peer)


async def test_answering_our_replies_makes_nobody_a_friend(
    account: Start, stranger: type[Stranger], world: VirtualNetwork
) -> None:
    async with account(world) as alice:
        alice.host.answer = lambda source, envelope: Disposition(
            verdict=Verdict.COMMITTED, replies=(b"reply",), stranger=True
        )
        guest = await stranger.enter(world, alice.peer)
        begun = anyio.current_time()
        await guest.say(FrameType.ENVELOPE, 0, b"question")
        await guest.next_of(FrameType.ENVELOPE)
        await guest.say(FrameType.ACK, 0, b"\0\0\0\1")
        for number in range(1, 101):
            await guest.say(FrameType.ENVELOPE, number, b"spam")
        await alice.host.received.until(lambda received: len(received) == 101, patience=PATIENCE)
        assert anyio.current_time() - begun >= (101 - 2 * 16) / 10


async def test_a_contact_that_comes_back_with_much_is_not_held_up(account: Start, world: VirtualNetwork) -> None:
    async with account(world) as alice, account(world) as bob:
        begun = anyio.current_time()
        sent = await alice.send(bob.peer, *(b"%d" % number for number in range(200)))
        assert set(await alice.host.finals(sent)) == {Outcome.DELIVERED}
        assert anyio.current_time() - begun < 1


async def test_a_flood_of_frames_is_read_slowly(
    account: Start, stranger: type[Stranger], world: VirtualNetwork
) -> None:
    async with account(world) as alice:
        flooder = await stranger.enter(world, alice.peer)
        begun = anyio.current_time()
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(flooder.is_closed)
            for number in range(400):
                octets = b"".join(b"\x15" + bytes(3) + (number * 256 + n).to_bytes(8) for n in range(256))
                await flooder.stream.send(octets)
            await flooder.say(FrameType.CLOSE, CloseReason.GOING_AWAY)
        assert anyio.current_time() - begun >= 400 * 256 / 8000 - 2


async def test_a_service_that_is_taken_away_is_published_again(account: Start, world: VirtualNetwork) -> None:
    async with account(world) as alice:
        (service,) = [each for each in alice.node.services if each.address == alice.peer.identity_onion]
        service.close()
        assert (await alice.host.states.reach(Phase.DEGRADED)).reason
        await alice.host.states.reach(Phase.ONLINE, patience=PATIENCE)
        assert world.answers_at(alice.peer.identity_onion, 22524)


async def test_an_endless_sender_is_stopped_by_its_window(
    account: Start, stranger: type[Stranger], world: VirtualNetwork
) -> None:
    async with account(world) as alice:
        alice.host.close_vault()
        endless = await stranger.enter(world, alice.peer)
        spent, limit, number = 0, 65_536, 0
        while True:
            piece = Frame(FrameType.ENVELOPE, number, bytes(1000))
            if spent + piece.size > limit:
                with anyio.move_on_after(5) as waiting:
                    limit = (await endless.next_of(FrameType.WINDOW)).number
                if waiting.cancelled_caught:
                    break
                continue
            await endless.stream.send(piece.encode())
            spent, number = spent + piece.size, number + 1
        # One batch of a stranger is with the host, one window waits.
        assert spent <= 512 * 1024 + 16 * 1012
        await endless.say(FrameType.ENVELOPE, number, bytes(1000))
        await endless.is_closed(CloseReason.VIOLATION)
        alice.host.open_vault()
