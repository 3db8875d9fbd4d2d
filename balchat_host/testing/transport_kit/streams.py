"""What a transport on streams keeps to when they break, fall silent, or are recorded and played again.

These tests need the network in memory (`TransportBench.network`), which can do so to a stream.
"""

from contextlib import suppress
from secrets import token_bytes
from typing import Any, Final

import anyio
import pytest
from anyio import BrokenResourceError, ClosedResourceError, EndOfStream
from anyio.abc import ByteStream

from balchat_host.api.errors import BalchatError, PeerUnreachable
from balchat_host.api.transport import MAX_ENVELOPE_SIZE, Outcome
from balchat_host.api.types import ONLINE, OnionKey, Phase
from balchat_host.testing.transport_kit.bench import (
    END_LIMIT,
    Account,
    TransportBench,
    TransportKitBase,
    accounts,
    deliver,
    needs,
)
from balchat_host.testing.transport_kit.bulk_base import bulk_stream, ping
from balchat_host.testing.transport_kit.troubles import TOO_MUCH, is_all_or_nothing
from balchat_host.testing.virtual_network import VirtualNode
from balchat_host.testing.waiting import VIRTUAL_TIME, running

_LONG: Final = 3600.0
_MARGIN: Final = 1.5
"""How many times as long as it says a transport may take to notice silence."""


class RecordedStream(ByteStream):
    """Passes everything on, and keeps what was sent."""

    def __init__(self, stream: ByteStream) -> None:
        self._stream = stream
        self.sent: list[bytes] = []
        self.passed = 0
        """Octets that were written to their end."""

    async def send(self, item: bytes) -> None:
        self.sent.append(bytes(item))
        await self._stream.send(item)
        self.passed += len(item)

    async def receive(self, max_bytes: int = 65_536) -> bytes:
        return await self._stream.receive(max_bytes)

    async def send_eof(self) -> None:
        await self._stream.send_eof()

    async def aclose(self) -> None:
        await self._stream.aclose()


class Recorder:
    """A network that records what goes out through it."""

    def __init__(self, network: Any) -> None:
        self._network = network
        self.dialled: list[tuple[OnionKey, int, RecordedStream]] = []

    def __getattr__(self, name: str) -> Any:
        return getattr(self._network, name)

    async def dial(self, address: OnionKey, port: int, *, isolation: str) -> ByteStream:
        stream = RecordedStream(await self._network.dial(address, port, isolation=isolation))
        self.dialled.append((address, port, stream))
        return stream


class StreamKitBase(TransportKitBase):
    """What the tests of streams need."""

    @staticmethod
    def needs_streams(bench: TransportBench) -> None:
        """Skip a test where there are no streams of the network in memory."""
        needs("connects", kept=bench.capabilities.connects)
        if not isinstance(bench.network(), VirtualNode):
            pytest.skip("the bench does not use the network in memory")

    @staticmethod
    def nodes(*those: Account) -> list[VirtualNode]:
        """Return the networks of accounts."""
        return [account.host.network for account in those if isinstance(account.host.network, VirtualNode)]


@pytest.mark.anyio
class StreamTests(StreamKitBase):
    """What a transport on streams keeps to when they break, fall silent, or are recorded and played again."""

    async def test_a_stream_that_breaks_is_noticed_on_both_sides(self, bench: TransportBench) -> None:
        self.needs_streams(bench)
        async with accounts(bench, 2) as (alice, bob):
            await deliver(bench, alice, bob, [b"hello"])
            for one, other in ((alice, bob), (bob, alice)):
                await one.host.sees(other.peer, reachable=True)
            bob.host.close_vault()
            lost = await alice.send(bob, b"lost")
            await bob.host.batches.until(lambda batches: len(batches) > 1)
            bench.world.break_streams(*self.nodes(alice, bob))
            assert await alice.host.finals(lost) == [Outcome.LOST]
            for one, other in ((alice, bob), (bob, alice)):
                await one.host.sees(other.peer, reachable=False)
                assert not one.transport.reachable(other.peer)
            bob.host.open_vault()
            await deliver(bench, alice, bob, [b"again"])

    @pytest.mark.parametrize("anyio_backend", [VIRTUAL_TIME], ids=["in virtual time"])
    async def test_a_peer_of_whom_nothing_comes_any_more_is_gone(self, bench: TransportBench) -> None:
        self.needs_streams(bench)
        silence = bench.capabilities.silence
        needs("silence", kept=silence is not None)
        assert silence is not None
        async with accounts(bench, 2) as (alice, bob):
            await deliver(bench, alice, bob, [b"hello"])
            bob.host.close_vault()
            lost = await alice.send(bob, b"lost")
            await bob.host.batches.until(lambda batches: len(batches) > 1)
            bench.world.cut(*self.nodes(alice, bob))
            for one, other in ((alice, bob), (bob, alice)):
                await one.host.sees(other.peer, reachable=False, patience=_MARGIN * silence)
                assert not one.transport.reachable(other.peer)
            assert await alice.host.finals(lost, patience=_MARGIN * silence) == [Outcome.LOST]
            bob.host.open_vault()
            bench.world.heal(*self.nodes(alice, bob))
            await deliver(bench, alice, bob, [b"again"])

    @pytest.mark.parametrize("anyio_backend", [VIRTUAL_TIME], ids=["in virtual time"])
    async def test_a_peer_who_has_nothing_to_say_stays_within_reach(self, bench: TransportBench) -> None:
        self.needs_streams(bench)
        silence = bench.capabilities.silence
        needs("silence", kept=silence is not None)
        assert silence is not None
        async with accounts(bench, 2) as (alice, bob):
            await deliver(bench, alice, bob, [b"hello"])
            await anyio.sleep(10 * silence)
            assert alice.transport.reachable(bob.peer)
            assert [news.reachable for news in alice.host.nearness.all] == [True]

    @pytest.mark.parametrize("anyio_backend", [VIRTUAL_TIME], ids=["in virtual time"])
    async def test_who_was_disconnected_hears_nothing_of_us_by_itself(self, bench: TransportBench) -> None:
        self.needs_streams(bench)
        async with accounts(bench, 2) as (alice, bob):
            await deliver(bench, alice, bob, [b"hello"])
            bob.host.close_vault()
            lost = await alice.send(bob, b"lost")
            await bob.host.batches.until(lambda batches: len(batches) > 1)
            await bob.transport.disconnect(alice.peer)
            assert await alice.host.finals(lost) == [Outcome.LOST]
            bob.host.open_vault()
            for one, other in ((alice, bob), (bob, alice)):
                await one.host.sees(other.peer, reachable=False)
            await anyio.sleep(_LONG)
            assert bob.host.offered.all.count(b"lost") <= 1, "it sent again what it had called LOST: that is the host's"
            near = [news.reachable for each in (alice, bob) for news in each.host.nearness.all]
            assert near.count(True) == len((alice, bob)), "it connected again by itself: that is the host's to do"

    @pytest.mark.parametrize("anyio_backend", [VIRTUAL_TIME], ids=["in virtual time"])
    async def test_it_ends_and_disconnects_in_time_where_nothing_passes(self, bench: TransportBench) -> None:
        self.needs_streams(bench)
        async with accounts(bench, 3) as (alice, bob, carol):
            for other in (bob, carol):
                await deliver(bench, alice, other, [b"hello"])
                bench.world.cut(*self.nodes(alice, other))
            routes = await bob.routes_for(alice)
            sent = alice.host.outgoing(*(bytes([number]) * MAX_ENVELOPE_SIZE for number in range(TOO_MUCH)))

            async def send() -> None:
                with suppress(PeerUnreachable):
                    await alice.transport.send(bob.peer, routes, sent)

            async with anyio.create_task_group() as tasks:
                tasks.start_soon(send)
                await anyio.wait_all_tasks_blocked()
                with anyio.fail_after(END_LIMIT):
                    await alice.transport.disconnect(bob.peer)
            assert not alice.transport.reachable(bob.peer)
            assert is_all_or_nothing(alice.host, sent)
            # Carol stays, and nobody hears when they end.

    async def test_what_is_too_large_is_not_read_to_its_end(self, bench: TransportBench) -> None:
        self.needs_streams(bench)
        needs("oversize", kept=bench.capabilities.oversize)
        async with accounts(bench, 2) as (alice, bob):
            recorder: Any = Recorder(alice.host.network)
            alice.host.network = recorder
            await deliver(bench, alice, bob, [b"hello"])
            (too_large,) = alice.host.outgoing(bytes(4 * MAX_ENVELOPE_SIZE))
            routes = await bob.routes_for(alice)

            async def send() -> None:
                with suppress(BalchatError):
                    await bench.send_oversize(alice.transport, bob.peer, routes, too_large)

            async with anyio.create_task_group() as tasks:
                tasks.start_soon(send)
                # A sender may wait for room that never comes.
                await anyio.wait_all_tasks_blocked()
                tasks.cancel_scope.cancel()
            passed = sum(stream.passed for _, _, stream in recorder.dialled)
            assert passed < 2 * MAX_ENVELOPE_SIZE, "it looks at the size when it has read all"
            assert bob.host.offered.all == [b"hello"]

    async def test_a_network_that_is_away_for_a_while_ends_nothing(self, bench: TransportBench) -> None:
        self.needs_streams(bench)
        async with accounts(bench, 2) as (alice, bob):
            await deliver(bench, alice, bob, [b"hello"])
            (node,) = self.nodes(alice)
            node.go_offline()
            for one, other in ((alice, bob), (bob, alice)):
                await one.host.sees(other.peer, reachable=False)
            await alice.host.states.until(lambda states: states[-1] != ONLINE)
            node.come_online()
            await alice.host.states.reach(Phase.ONLINE)
            await deliver(bench, alice, bob, [b"there"])
            await bob.transport.disconnect(alice.peer)
            await alice.host.sees(bob.peer, reachable=False)
            await deliver(bench, bob, alice, [b"and back"])

    async def test_octets_that_arrive_a_few_at_a_time_are_no_less(self, bench: TransportBench) -> None:
        self.needs_streams(bench)
        bench.world.largest_piece = 3
        async with accounts(bench, 2) as (alice, bob):
            envelopes = [token_bytes(size) for size in (1, 2, 300, 5000)]
            await deliver(bench, alice, bob, envelopes)
            await bob.host.receives(*envelopes)

    async def test_nothing_is_called_sent_before_its_octets_have_left(self, bench: TransportBench) -> None:
        self.needs_streams(bench)
        async with accounts(bench, 2) as (alice, bob):
            await deliver(bench, alice, bob, [b"hello"])
            bench.world.cut(*self.nodes(alice, bob))
            sent = alice.host.outgoing(*(bytes([number]) * MAX_ENVELOPE_SIZE for number in range(3)))
            routes = await bob.routes_for(alice)
            async with anyio.create_task_group() as tasks:
                tasks.start_soon(alice.transport.send, bob.peer, routes, sent)
                await anyio.wait_all_tasks_blocked()
                assert not alice.host.outcomes(sent[-1]), "SENT means that the octets have left; nothing passes here"
                bench.world.heal(*self.nodes(alice, bob))
            assert {*await alice.host.finals(sent)} == {bench.capabilities.final}

    async def test_a_connection_that_is_played_again_is_nobodys(self, bench: TransportBench) -> None:
        self.needs_streams(bench)
        needs("proves_source", kept=bench.capabilities.proves_source)
        async with accounts(bench, 1) as (alice,):
            async with accounts(bench, 1) as (bob,):
                recorder: Any = Recorder(alice.host.network)
                alice.host.network = recorder
                await deliver(bench, alice, bob, [b"only once"])
                if bench.capabilities.bulk:
                    async with bulk_stream(alice, bob) as stream:
                        await ping(stream)
                await alice.transport.disconnect(bob.peer)
                await bob.host.sees(alice.peer, reachable=False)
                before = len(bob.host.nearness.all)
                assert recorder.dialled, "it dialled nobody"
                await self._play_again(bench, recorder)
                assert not [news for news in bob.host.nearness.all[before:] if news.reachable]
                assert [received.envelope for received in bob.host.received.all] == [b"only once"]
                assert len(bob.host.bulk.all) == bench.capabilities.bulk
            async with accounts(bench, 1, key=bob.host.key, area=bob.host.area) as (again,):
                await self._play_again(bench, recorder)
                assert not again.host.nearness.all, "what was said to it before its start proves somebody to it"
                assert not again.host.received.all
                assert not again.host.bulk.all

    @staticmethod
    async def _play_again(bench: TransportBench, recorder: Recorder) -> None:
        """Dial where somebody has dialled, and say what they have said."""
        node = bench.network()
        async with running(node):
            for address, port, stream in recorder.dialled:
                with suppress(PeerUnreachable, BrokenResourceError, ClosedResourceError, EndOfStream):
                    async with await node.dial(address, port, isolation="") as again:
                        for octets in stream.sent:
                            await again.send(octets)
                        await anyio.wait_all_tasks_blocked()
