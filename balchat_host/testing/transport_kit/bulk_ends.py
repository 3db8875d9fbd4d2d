"""Bulk streams: how they end, and how many there may be."""

from collections.abc import Sequence
from functools import partial
from typing import Final

import anyio
import pytest
from anyio import BrokenResourceError, ClosedResourceError, EndOfStream
from anyio.abc import ByteStream

from balchat_host.api.errors import NetworkUnavailable, PeerUnreachable
from balchat_host.api.types import Route
from balchat_host.testing.fake_transport_context import AcceptedBulk, FakeTransportContext, Gate, echo
from balchat_host.testing.transport_kit.bench import (
    Account,
    TransportBench,
    accounts,
    deliver,
    refused,
    transport_for,
)
from balchat_host.testing.transport_kit.bulk_base import (
    ENDED,
    BulkBase,
    bulk_stream,
    open_and_close,
    ping,
    read_all,
    served,
    until_ended,
)
from balchat_host.testing.transport_kit.streams import StreamKitBase
from balchat_host.testing.virtual_network import VirtualNode
from balchat_host.testing.waiting import Seen, running

MOST_STREAMS: Final = 16
"""Streams that one peer may have with us."""


@pytest.mark.anyio
class BulkEndTests(BulkBase, StreamKitBase):
    """How bulk streams end, and how many there may be."""

    async def test_a_bulk_stream_ends_where_its_other_end_closes_it(self, bench: TransportBench) -> None:
        self.needs_bulk(bench)
        async with accounts(bench, 2) as (alice, bob):
            bob.host.serve_bulk = served(lambda stream: stream.send(b"goodbye"))
            async with bulk_stream(alice, bob) as stream:
                assert await read_all(stream, 7) == b"goodbye"
                await until_ended(stream)
            bob.host.serve_bulk = echo
            async with bulk_stream(alice, bob) as stream:
                await ping(stream)
            await bob.host.bulk_ended.until(lambda ended: len(ended) == len(bob.host.bulk.all))

    async def test_a_host_that_fails_with_a_bulk_stream_ends_that_one_alone(self, bench: TransportBench) -> None:
        self.needs_bulk(bench)
        async with accounts(bench, 2) as (alice, bob):

            async def fail(stream: ByteStream, error: Exception) -> None:
                del stream
                raise error

            await deliver(bench, alice, bob, [b"hello"])
            async with bulk_stream(alice, bob) as good:
                await bob.host.bulk.until(bool)
                for error in (RuntimeError("nobody foresaw this"), BrokenResourceError(), EndOfStream()):
                    bob.host.serve_bulk = served(partial(fail, error=error))
                    async with bulk_stream(alice, bob) as bad:
                        await until_ended(bad)
                    await ping(good)
            await deliver(bench, alice, bob, [b"still here"])
            if bench.capabilities.connects:
                assert [each.reachable for each in bob.host.nearness.all] == [True], "it ended envelopes, too"

    async def test_a_bulk_stream_that_breaks_does_not_look_whole(self, bench: TransportBench) -> None:
        self.needs_bulk(bench)
        self.needs_streams(bench)
        errors: Seen[Exception] = Seen()

        async def read(stream: ByteStream) -> None:
            try:
                while True:
                    await stream.receive()
            except ENDED as error:
                errors(error)

        async with accounts(bench, 2) as (alice, bob):
            bob.host.serve_bulk = served(read)
            async with bulk_stream(alice, bob) as stream:
                await stream.send(b"half of a file")
                await bob.host.bulk.until(bool)
                await anyio.wait_all_tasks_blocked()
                bench.world.break_streams(*self.nodes(alice, bob))
                await read(stream)
                await errors.until(lambda seen: len(seen) > 1)
        assert {type(each) for each in errors.all} == {BrokenResourceError}, "EndOfStream says that this was all"

    async def test_disconnecting_ends_bulk_streams(self, bench: TransportBench) -> None:
        self.needs_bulk(bench)
        async with accounts(bench, 3) as (alice, bob, carol), bulk_stream(carol, bob) as others:
            for who, other in ((bob, alice), (alice, bob)):
                async with bulk_stream(alice, bob) as stream, anyio.create_task_group() as tasks:
                    await ping(stream)
                    tasks.start_soon(until_ended, stream)
                    await anyio.wait_all_tasks_blocked()
                    await who.transport.disconnect(other.peer)
            await bob.host.bulk_ended.until(lambda ended: len(ended) == len(bob.host.bulk.all) - 1)
            await ping(others)

    async def test_a_bulk_stream_that_we_have_disconnected_is_broken(self, bench: TransportBench) -> None:
        self.needs_bulk(bench)
        async with accounts(bench, 2) as (alice, bob), bulk_stream(alice, bob) as stream:
            await ping(stream)
            await alice.transport.disconnect(bob.peer)
            with pytest.raises(BrokenResourceError):
                await stream.receive()
            with pytest.raises(BrokenResourceError):
                await stream.send(b"!")

    async def test_disconnecting_ends_what_is_being_opened(self, bench: TransportBench) -> None:
        self.needs_bulk(bench)
        async with accounts(bench, 2) as (alice, bob):
            routes = await bob.routes_for(alice)
            alice.host.dialling.close()
            async with anyio.create_task_group() as tasks:
                tasks.start_soon(self._is_not_opened, alice, bob, routes)
                await alice.host.dialling.reached.until(bool)
                await alice.transport.disconnect(bob.peer)
                alice.host.dialling.open()

    async def test_a_bulk_stream_that_was_closed_cannot_be_used(self, bench: TransportBench) -> None:
        self.needs_bulk(bench)
        async with accounts(bench, 2) as (alice, bob), bulk_stream(alice, bob) as stream:
            await ping(stream)
            for _ in range(2):
                await stream.aclose()
            with pytest.raises(ClosedResourceError):
                await stream.receive()
            with pytest.raises(ClosedResourceError):
                await stream.send(b"!")

    async def test_no_bulk_stream_outlives_the_transport(self, bench: TransportBench) -> None:
        self.needs_bulk(bench)
        async with accounts(bench, 1) as (bob,):
            network = bench.network()
            host = FakeTransportContext(network)
            alice = Account(host, transport_for(bench, host))
            async with running(network):
                async with running(alice.transport):
                    routes = await bob.routes_for(alice)
                    stream = await alice.transport.open_bulk(bob.peer, routes)
                    await bob.host.bulk.until(bool)
                with pytest.raises(ENDED):
                    await read_all(stream, 1)
                await bob.host.bulk_ended.until(bool)
                await anyio.aclose_forcefully(stream)
                with pytest.raises(NetworkUnavailable):
                    await alice.transport.open_bulk(bob.peer, routes)

    @pytest.mark.parametrize("held", ["dialling", "signing"])
    async def test_opening_a_bulk_stream_can_be_given_up(self, bench: TransportBench, held: str) -> None:
        self.needs_bulk(bench)
        async with accounts(bench, 2) as (alice, bob):
            routes = await bob.routes_for(alice)
            gate: Gate = getattr(alice.host, held)
            before = len(gate.reached.all)
            gate.close()
            async with anyio.create_task_group() as tasks:
                tasks.start_soon(open_and_close, alice, bob, routes)
                await gate.reached.until(lambda reached: len(reached) > before)
                tasks.cancel_scope.cancel()
            gate.open()
            if isinstance(alice.host.network, VirtualNode):
                assert not bench.world.open_ends(alice.host.network), "it leaves the stream open"
            async with bulk_stream(alice, bob):
                assert len(await bob.host.bulk.until(bool)) == 1

    async def test_one_more_bulk_stream_than_a_peer_may_have_ends_its_oldest(self, bench: TransportBench) -> None:
        self.needs_bulk(bench)
        async with accounts(bench, 3) as (alice, bob, carol), bulk_stream(carol, bob):
            streams: list[ByteStream] = []
            for _ in range(MOST_STREAMS + 4):
                routes = await bob.routes_for(alice)
                streams.append(await alice.transport.open_bulk(bob.peer, routes))
                await bob.host.bulk.until(lambda came: len(came) == 1 + len(streams))
            opened = [each for each in bob.host.bulk.all if each.source.peer == alice.peer]
            ended = await bob.host.bulk_ended.until(lambda ended: len(opened) - len(ended) <= MOST_STREAMS)
            assert self._are_the_oldest(ended, opened)
            await until_ended(streams[0])
            await ping(streams[-1])
            for stream in streams:
                await anyio.aclose_forcefully(stream)

    async def test_bulk_streams_that_were_closed_count_no_more(self, bench: TransportBench) -> None:
        self.needs_bulk(bench)
        async with accounts(bench, 2) as (alice, bob), bulk_stream(alice, bob) as first:
            await ping(first)
            for number in range(MOST_STREAMS + 1):
                async with bulk_stream(alice, bob) as stream:
                    await ping(stream)
                await bob.host.bulk_ended.until(lambda ended, number=number: len(ended) > number)
            await ping(first)

    @staticmethod
    def _are_the_oldest(ended: Sequence[AcceptedBulk], opened: Sequence[AcceptedBulk]) -> bool:
        return {id(each) for each in ended} == {id(each) for each in opened[: len(ended)]}

    @staticmethod
    async def _is_not_opened(sender: Account, receiver: Account, routes: Sequence[Route]) -> None:
        with refused(PeerUnreachable):
            await open_and_close(sender, receiver, routes)
