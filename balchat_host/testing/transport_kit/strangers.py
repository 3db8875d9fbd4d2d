"""What a transport on streams keeps to when strangers come: who say nothing, nonsense, or what is somebody else's.

These tests need the network in memory. A stranger dials what the transport itself has dialled before.
"""

from collections.abc import AsyncGenerator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager, suppress
from typing import Any, Final, TypeAlias

import anyio
import pytest
from anyio import BrokenResourceError, ClosedResourceError, EndOfStream
from anyio.abc import ByteStream

from balchat_host.api.errors import NetworkUnavailable, PeerUnreachable
from balchat_host.api.network import PublishedService
from balchat_host.api.transport import Outcome
from balchat_host.api.types import ONLINE, Phase, Route
from balchat_host.testing.fake_transport_context import FakeTransportContext
from balchat_host.testing.transport_kit.bench import Account, TransportBench, accounts, deliver, needs, refused
from balchat_host.testing.transport_kit.bulk_base import bulk_stream, ping
from balchat_host.testing.transport_kit.storing_base import RETRY
from balchat_host.testing.transport_kit.streams import Recorder, StreamKitBase
from balchat_host.testing.virtual_network import DialRecord, VirtualNode, ignore_state
from balchat_host.testing.waiting import PATIENCE, VIRTUAL_TIME, running

_BROKEN: Final = (PeerUnreachable, BrokenResourceError, ClosedResourceError, EndOfStream)
_STRANGERS: Final = 8
_NOW_AND_THEN: Final = 10.0
_LONGEST: Final = 300.0
"""Seconds after which whoever has not said who they are is sent away."""

Manner: TypeAlias = Callable[[ByteStream], Awaitable[None]]


async def hang_up(stream: ByteStream) -> None:
    """Say nothing."""
    del stream


async def listen_and_hang_up(stream: ByteStream) -> None:
    """Hear what comes first, and say nothing."""
    with anyio.move_on_after(0.1):
        await stream.receive()


async def break_off(stream: ByteStream) -> None:
    """Begin, and say no more."""
    await stream.send(b"\0")


async def talk_nonsense(stream: ByteStream) -> None:
    """Send octets that mean nothing, and wait until that is too much."""
    with anyio.move_on_after(0.1):
        for octet in (b"\xff", b"\0", b"GET / HTTP/1.1\r\n\r\n"):
            await stream.send(octet * 4096)
        while True:
            await stream.receive()


@pytest.mark.anyio
class StrangerTests(StreamKitBase):
    """What a transport on streams keeps to when strangers come."""

    @pytest.mark.parametrize("manner", [hang_up, listen_and_hang_up, break_off, talk_nonsense])
    async def test_strangers_who_say_nothing_useful_end_nothing(self, bench: TransportBench, manner: Manner) -> None:
        async with self._met(bench) as (alice, bob, dials):
            for dial in dials:
                with suppress(*_BROKEN):
                    async with await bench.world.dial(dial.address, dial.port) as stream:
                        await manner(stream)
            await anyio.wait_all_tasks_blocked()
            await deliver(bench, alice, bob, [b"still there"])
            assert bob.host.states.all[-1] == ONLINE
            assert {received.source for received in bob.host.received.all} <= {alice.peer, None}

    async def test_a_stranger_who_says_nothing_holds_up_nobody(self, bench: TransportBench) -> None:
        async with self._met(bench) as (alice, bob, dials):
            streams = [await bench.world.dial(each.address, each.port) for each in dials for _ in range(_STRANGERS)]
            await anyio.wait_all_tasks_blocked()
            await bob.transport.disconnect(alice.peer)
            await alice.host.sees(bob.peer, reachable=False)
            await deliver(bench, alice, bob, [b"in spite of them"])
            for each in streams:
                await each.aclose()

    @pytest.mark.parametrize("anyio_backend", [VIRTUAL_TIME], ids=["in virtual time"])
    async def test_a_stranger_who_says_nothing_is_sent_away(self, bench: TransportBench) -> None:
        async with self._met(bench) as (_, _, dials):
            for dial in dials:
                async with await bench.world.dial(dial.address, dial.port) as stream:
                    with anyio.fail_after(_LONGEST), suppress(*_BROKEN):
                        while True:
                            await stream.receive()

    @pytest.mark.parametrize("anyio_backend", [VIRTUAL_TIME], ids=["in virtual time"])
    async def test_a_stranger_who_says_an_octet_now_and_then_is_sent_away(self, bench: TransportBench) -> None:
        self.needs_streams(bench)
        async with accounts(bench, 2) as (alice, bob):
            recorder: Any = Recorder(alice.host.network)
            alice.host.network = recorder
            await deliver(bench, alice, bob, [b"hello"])
            if bench.capabilities.bulk:
                async with bulk_stream(alice, bob) as stream:
                    await ping(stream)
            assert recorder.dialled, "it dialled nobody"
            for address, port, recorded in recorder.dialled:
                async with await bench.world.dial(address, port) as stream, anyio.create_task_group() as tasks:
                    # They begin as somebody does who proves who they are.
                    tasks.start_soon(_dribble, stream, b"".join(recorded.sent))
                    with anyio.fail_after(_LONGEST), suppress(*_BROKEN):
                        while True:
                            await stream.receive()
                    tasks.cancel_scope.cancel()

    @pytest.mark.parametrize("anyio_backend", [VIRTUAL_TIME], ids=["in virtual time"])
    async def test_what_proves_us_to_one_peer_proves_us_to_nobody_else(self, bench: TransportBench) -> None:
        needs("proves_source", kept=bench.capabilities.proves_source)
        needs("first_routes", kept=bench.capabilities.first_routes)
        async with self._met(bench) as (alice, bob, _):
            carol = FakeTransportContext(bench.network())
            await bob.transport.disconnect(alice.peer)
            await alice.host.sees(bob.peer, reachable=False)
            news, before = len(bob.host.nearness.all), len(bench.world.dials)
            with suppress(PeerUnreachable):
                await alice.transport.send(bob.peer, alice.transport.first_routes(bob.peer), [])
            first = list(bench.world.dials)[before:]
            assert first, "it dialled nobody"
            await bob.transport.disconnect(alice.peer)
            await alice.host.sees(bob.peer, reachable=False)
            news = len(bob.host.nearness.all)
            assert isinstance(carol.network, VirtualNode)
            async with running(carol.network), anyio.create_task_group() as tasks:
                # Carol passes on to Bob whatever Alice says to her, and the other way round.
                service = await carol.network.publish(carol.key, first[0].port, on_state=ignore_state)

                async def pass_on() -> None:
                    stream = await service.accept()
                    other = await bench.world.dial(first[0].address, first[0].port)
                    async with stream, other:
                        await bridge(stream, other)

                tasks.start_soon(pass_on)
                sent = alice.host.outgoing(b"for Carol alone")
                with anyio.move_on_after(1.0), suppress(PeerUnreachable):
                    await alice.transport.send(carol.identity, alice.transport.first_routes(carol.identity), sent)
                    await anyio.wait_all_tasks_blocked()
                tasks.cancel_scope.cancel()
            assert not [each for each in bob.host.nearness.all[news:] if each.reachable]
            assert b"for Carol alone" not in [received.envelope for received in bob.host.received.all]

    async def test_a_peer_who_hangs_up_at_once_is_not_reached(self, bench: TransportBench) -> None:
        needs("first_routes", kept=bench.capabilities.first_routes)
        async with self._met(bench) as (alice, _, dials):
            carol = FakeTransportContext(bench.network())
            assert isinstance(carol.network, VirtualNode)
            sent = alice.host.outgoing(b"hello?")
            async with running(carol.network), anyio.create_task_group() as tasks:
                for dial in dials:
                    service = await carol.network.publish(carol.key, dial.port, on_state=ignore_state)
                    tasks.start_soon(_hang_up_on_all, service)
                with anyio.fail_after(PATIENCE), refused(PeerUnreachable, NetworkUnavailable):
                    await alice.transport.send(carol.identity, alice.transport.first_routes(carol.identity), sent)
                tasks.cancel_scope.cancel()
            assert alice.host.outcomes(sent[0]) == [], "what raised has taken nothing"

    async def test_strangers_are_let_in_only_while_requests_are_accepted(self, bench: TransportBench) -> None:
        self.needs_streams(bench)
        needs("first_routes", kept=bench.capabilities.first_routes)
        needs("proves_source", kept=bench.capabilities.proves_source)
        async with accounts(bench, 3) as (alice, bob, carol):
            bob.host.contacts = {carol.peer}
            first = alice.transport.first_routes(bob.peer)
            (sent,) = await alice.send(bob, b"may I?", routes=first)
            assert (await alice.host.final(sent)).outcome is Outcome.DELIVERED
            bob.host.accept_requests(accepted=False)
            await alice.transport.disconnect(bob.peer)
            await bob.host.sees(alice.peer, reachable=False)
            news = len(bob.host.nearness.all)
            with anyio.fail_after(PATIENCE), suppress(PeerUnreachable):
                sent = await alice.send(bob, b"let me in", routes=first)
                await alice.host.finals(sent)
            assert not [each for each in bob.host.nearness.all[news:] if each.reachable], (
                "TransportContext.accepts_requests is False, and it lets in a stranger"
            )
            assert [each.envelope for each in bob.host.received.all] == [b"may I?"]
            assert not alice.transport.reachable(bob.peer), "a stranger sees that somebody is here"
            await deliver(bench, carol, bob, [b"by a contact"])
            bob.host.accept_requests(accepted=True)
            await self._reaches(alice, bob, first)

    @staticmethod
    async def _reaches(alice: Account, bob: Account, routes: Sequence[Route]) -> None:
        """Send something by these routes, after as many tries as it takes until the other side is there again."""
        with anyio.fail_after(PATIENCE):
            while True:
                with suppress(PeerUnreachable):
                    await alice.send(bob, b"may I now?", routes=routes)
                    break
                await anyio.sleep(RETRY)
            await bob.host.received.until(lambda got: b"may I now?" in [each.envelope for each in got])

    async def test_it_is_not_online_before_it_can_be_found(self, bench: TransportBench) -> None:
        self.needs_streams(bench)
        async with accounts(bench, 1, online=False) as (alice,):
            await anyio.wait_all_tasks_blocked()
            assert ONLINE not in alice.host.states.all
            (node,) = self.nodes(alice)
            node.come_online()
            await alice.host.states.reach(Phase.ONLINE)

    @asynccontextmanager
    async def _met(self, bench: TransportBench) -> AsyncGenerator[tuple[Account, Account, Sequence[DialRecord]]]:
        """Run two accounts of which one has reached the other; yield what it has dialled, too."""
        self.needs_streams(bench)
        async with accounts(bench, 2) as (alice, bob):
            await deliver(bench, alice, bob, [b"hello"])
            if bench.capabilities.bulk:
                async with bulk_stream(alice, bob):
                    await bob.host.bulk.until(bool)
                await bob.host.bulk_ended.until(bool)
            # One for each place: those of bulk streams are isolated from each other.
            yield alice, bob, list({(dial.address, dial.port): dial for dial in bench.world.dials}.values())


async def _dribble(stream: ByteStream, octets: bytes) -> None:
    with suppress(*_BROKEN):
        for octet in octets:
            await stream.send(bytes([octet]))
            await anyio.sleep(_NOW_AND_THEN)


async def _hang_up_on_all(service: PublishedService) -> None:
    while True:
        await anyio.aclose_forcefully(await service.accept())


async def bridge(one: ByteStream, other: ByteStream) -> None:
    """Pass on what comes on either stream."""

    async def copy(source: ByteStream, sink: ByteStream) -> None:
        with suppress(*_BROKEN):
            while True:
                await sink.send(await source.receive())

    async with anyio.create_task_group() as tasks:
        tasks.start_soon(copy, one, other)
        tasks.start_soon(copy, other, one)
