"""Bulk streams: what a transport with the capability BULK keeps to (`balchat_host.api.transport`, Bulk streams)."""

from collections.abc import AsyncGenerator, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import replace
from secrets import token_bytes
from typing import Final

import anyio
import pytest
from anyio import BrokenResourceError, ClosedResourceError, EndOfStream
from anyio.abc import ByteStream

from balchat_host.api.errors import NetworkUnavailable, PeerUnreachable
from balchat_host.api.types import DeviceIdentity, Route
from balchat_host.testing.audit import confide
from balchat_host.testing.fake_transport_context import AcceptedBulk, FakeTransportContext, Gate, echo
from balchat_host.testing.transport_kit.bench import (
    Account,
    TransportBench,
    TransportKitBase,
    accounts,
    deliver,
    needs,
    transport_for,
)
from balchat_host.testing.transport_kit.troubles import Impostor
from balchat_host.testing.waiting import PATIENCE, Seen, running

ENDED: Final = (BrokenResourceError, ClosedResourceError, EndOfStream)
LARGE: Final = 3 * 1024 * 1024
PIECE: Final = 65_536
MOST_HELD: Final = 8 * 1024 * 1024
"""Octets that transport, network and sockets may hold of a stream whose other end does not read."""
MOST_STREAMS: Final = 16
"""Streams that one peer may have with us."""


@asynccontextmanager
async def bulk_stream(sender: Account, receiver: Account) -> AsyncGenerator[ByteStream]:
    """Open a bulk stream by the routes that an account allocates."""
    with anyio.fail_after(PATIENCE):
        stream = await sender.transport.open_bulk(receiver.peer, await receiver.routes_for(sender))
    try:
        yield stream
    finally:
        await anyio.aclose_forcefully(stream)


async def read_all(stream: ByteStream, size: int) -> bytes:
    """Read so many octets. Raise what the stream raises."""
    octets = bytearray()
    with anyio.fail_after(PATIENCE):
        while len(octets) < size:
            octets += await stream.receive(size - len(octets))
    return bytes(octets)


async def until_ended(stream: ByteStream) -> None:
    """Read until the stream ends, in whichever way."""
    with anyio.fail_after(PATIENCE), suppress(*ENDED):
        while True:
            await stream.receive()


class StuckStream:
    """A bulk stream that one end fills, while the other does not read until it may."""

    def __init__(self) -> None:
        self._written: Seen[int] = Seen()
        self._may_read = anyio.Event()

    async def serve(self, source: DeviceIdentity, stream: ByteStream) -> None:
        """Be the end that does not read yet."""
        del source
        await self._may_read.wait()
        with suppress(*ENDED):
            async for _ in stream:
                pass

    async def fill(self, stream: ByteStream) -> None:
        """Write without end. Raise what the stream raises: it must not break."""
        written = 0
        while True:
            await stream.send(bytes(PIECE))
            written += PIECE
            self._written(written)

    async def until_stuck(self, bench: TransportBench, one: Account, other: Account) -> None:
        """Wait until no more can be written while envelopes pass between two accounts.

        Raise AssertionError where too much was written.
        """
        with anyio.fail_after(PATIENCE):
            await self._written.until(bool)
            before = 0
            while before != self._written.all[-1]:
                before = self._written.all[-1]
                for _ in range(5):
                    await deliver(bench, one, other, [b"time passes"])
                    await deliver(bench, other, one, [b"time passes"])
                assert self._written.all[-1] <= MOST_HELD, "it takes what nobody reads"

    async def goes_on(self) -> None:
        """Check that it has not broken, and goes on now that the other end reads."""
        self._may_read.set()
        enough = self._written.all[-1] + LARGE
        await self._written.until(lambda written: written[-1] >= enough)


@pytest.mark.anyio
class BulkTests(TransportKitBase):
    """What a transport with bulk streams keeps to."""

    async def test_octets_pass_on_a_bulk_stream_whole_and_in_order(self, bench: TransportBench) -> None:
        needs("bulk", kept=bench.capabilities.bulk)
        async with accounts(bench, 2) as (alice, bob):
            octets = token_bytes(LARGE)
            confide("what a bulk stream carries", octets)
            async with bulk_stream(alice, bob) as stream, anyio.create_task_group() as tasks:
                tasks.start_soon(stream.send, octets)
                assert await read_all(stream, LARGE) == octets
            assert bob.host.received.all == []

    async def test_who_accepts_a_bulk_stream_knows_which_device_has_opened_it(self, bench: TransportBench) -> None:
        needs("bulk", kept=bench.capabilities.bulk)
        async with accounts(bench, 2) as (alice, bob), bulk_stream(alice, bob):
            (accepted,) = await bob.host.bulk.until(bool)
            assert accepted.source == DeviceIdentity(peer=alice.peer, device_id=alice.host.device_id)

    async def test_a_bulk_stream_of_whoever_claims_to_be_somebody_else_is_not_accepted(
        self, bench: TransportBench
    ) -> None:
        needs("bulk", kept=bench.capabilities.bulk)
        async with accounts(bench, 2) as (alice, bob):
            network = bench.network()
            host = Impostor(network, claims=alice.peer)
            mallory = Account(host, transport_for(bench, host))
            async with running(network), running(mallory.transport):
                with suppress(PeerUnreachable, NetworkUnavailable):
                    async with bulk_stream(mallory, bob) as stream:
                        await until_ended(stream)
            async with bulk_stream(alice, bob):
                assert len(await bob.host.bulk.until(bool)) == 1

    async def test_a_bulk_stream_of_somebody_who_is_no_contact_is_not_accepted(self, bench: TransportBench) -> None:
        needs("bulk", kept=bench.capabilities.bulk)
        async with accounts(bench, 3) as (alice, bob, carol):
            bob.host.contacts = {carol.peer}
            with pytest.raises(PeerUnreachable):
                async with bulk_stream(alice, bob):
                    pass
            async with bulk_stream(carol, bob):
                accepted = await bob.host.bulk.until(bool)
            assert [each.source.peer for each in accepted] == [carol.peer]

    async def test_no_bulk_stream_is_accepted_before_its_other_end_is_proven(self, bench: TransportBench) -> None:
        needs("bulk", kept=bench.capabilities.bulk)
        async with accounts(bench, 2) as (alice, bob):
            routes = await bob.routes_for(alice)
            gates = [alice.host.signing, bob.host.signing]
            came = [len(gate.reached.all) for gate in gates]
            for gate in gates:
                gate.close()
            async with anyio.create_task_group() as tasks:
                tasks.start_soon(self._open_and_close, alice, bob, routes)
                async with anyio.create_task_group() as waiting:
                    for gate, before in zip(gates, came, strict=True):
                        waiting.start_soon(self._until_reached, gate, before, waiting.cancel_scope)
                assert bob.host.bulk.all == []
                for gate in gates:
                    gate.open()
            await bob.host.bulk.until(bool)

    async def test_a_bad_route_opens_no_bulk_stream(self, bench: TransportBench) -> None:
        needs("bulk", kept=bench.capabilities.bulk)
        async with accounts(bench, 2) as (alice, bob):
            (good, *_) = await bob.routes_for(alice)
            for bad in (
                replace(good, transport=f"{good.transport}_of_others"),
                *(
                    replace(good, address=address)
                    for address in (b"", good.address + b"x", b"\xff" * len(good.address))
                ),
            ):
                with pytest.raises(PeerUnreachable):
                    await alice.transport.open_bulk(bob.peer, [bad])

    async def test_where_nobody_reads_a_bulk_stream_no_more_can_be_written(self, bench: TransportBench) -> None:
        needs("bulk", kept=bench.capabilities.bulk)
        async with accounts(bench, 3) as (alice, bob, carol):
            stuck = StuckStream()
            bob.host.serve_bulk = stuck.serve
            async with bulk_stream(alice, bob) as stream, anyio.create_task_group() as tasks:
                tasks.start_soon(stuck.fill, stream)
                await stuck.until_stuck(bench, alice, carol)
                await stuck.goes_on()
                tasks.cancel_scope.cancel()

    async def test_envelopes_pass_while_a_bulk_stream_is_stuck(self, bench: TransportBench) -> None:
        needs("bulk", kept=bench.capabilities.bulk)
        async with accounts(bench, 3) as (alice, bob, carol):
            stuck = StuckStream()
            bob.host.serve_bulk = stuck.serve
            async with bulk_stream(alice, bob) as stream, anyio.create_task_group() as tasks:
                tasks.start_soon(stuck.fill, stream)
                await stuck.until_stuck(bench, alice, carol)
                await deliver(bench, alice, bob, [b"there", token_bytes(100_000)])
                await deliver(bench, bob, alice, [b"back"])
                await stuck.goes_on()
                tasks.cancel_scope.cancel()

    async def test_a_bulk_stream_that_is_stuck_holds_up_no_other_one(self, bench: TransportBench) -> None:
        needs("bulk", kept=bench.capabilities.bulk)
        async with accounts(bench, 3) as (alice, bob, carol):
            stuck = StuckStream()
            bob.host.serve_bulk = stuck.serve
            async with bulk_stream(alice, bob) as stream, anyio.create_task_group() as tasks:
                tasks.start_soon(stuck.fill, stream)
                await stuck.until_stuck(bench, alice, carol)
                bob.host.serve_bulk = echo
                octets = token_bytes(LARGE)
                async with bulk_stream(alice, bob) as other, anyio.create_task_group() as sending:
                    sending.start_soon(other.send, octets)
                    assert await read_all(other, LARGE) == octets
                await stuck.goes_on()
                tasks.cancel_scope.cancel()

    async def test_a_bulk_stream_ends_where_its_other_end_closes_it(self, bench: TransportBench) -> None:
        needs("bulk", kept=bench.capabilities.bulk)
        async with accounts(bench, 2) as (alice, bob):

            async def say_and_leave(source: DeviceIdentity, stream: ByteStream) -> None:
                del source
                await stream.send(b"goodbye")

            bob.host.serve_bulk = say_and_leave
            async with bulk_stream(alice, bob) as stream:
                assert await read_all(stream, 7) == b"goodbye"
                await until_ended(stream)
            bob.host.serve_bulk = echo
            async with bulk_stream(alice, bob) as stream:
                await stream.send(b"!")
                assert await read_all(stream, 1) == b"!"
            await bob.host.bulk_ended.until(lambda ended: len(ended) == len(bob.host.bulk.all))

    async def test_a_host_that_fails_with_a_bulk_stream_ends_that_one_alone(self, bench: TransportBench) -> None:
        needs("bulk", kept=bench.capabilities.bulk)
        async with accounts(bench, 2) as (alice, bob):

            async def fail(source: DeviceIdentity, stream: ByteStream) -> None:
                del source, stream
                raise RuntimeError("nobody foresaw this")

            async with bulk_stream(alice, bob) as good:
                await bob.host.bulk.until(bool)
                bob.host.serve_bulk = fail
                async with bulk_stream(alice, bob) as bad:
                    await until_ended(bad)
                await good.send(b"!")
                assert await read_all(good, 1) == b"!"
            await deliver(bench, alice, bob, [b"still here"])

    async def test_disconnecting_ends_bulk_streams(self, bench: TransportBench) -> None:
        needs("bulk", kept=bench.capabilities.bulk)
        async with accounts(bench, 3) as (alice, bob, carol), bulk_stream(carol, bob) as others:
            for who, other in ((bob, alice), (alice, bob)):
                async with bulk_stream(alice, bob) as stream:
                    await stream.send(b"!")
                    assert await read_all(stream, 1) == b"!"
                    await who.transport.disconnect(other.peer)
                    await until_ended(stream)
            await bob.host.bulk_ended.until(lambda ended: len(ended) == len(bob.host.bulk.all) - 1)
            await others.send(b"!")
            assert await read_all(others, 1) == b"!"

    async def test_no_bulk_stream_outlives_the_transport(self, bench: TransportBench) -> None:
        needs("bulk", kept=bench.capabilities.bulk)
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

    async def test_opening_a_bulk_stream_can_be_given_up(self, bench: TransportBench) -> None:
        needs("bulk", kept=bench.capabilities.bulk)
        async with accounts(bench, 2) as (alice, bob):
            routes = await bob.routes_for(alice)
            alice.host.dialling.close()
            async with anyio.create_task_group() as tasks:
                tasks.start_soon(self._open_and_close, alice, bob, routes)
                await alice.host.dialling.reached.until(bool)
                tasks.cancel_scope.cancel()
            alice.host.dialling.open()
            async with bulk_stream(alice, bob):
                assert len(await bob.host.bulk.until(bool)) == 1

    async def test_one_more_bulk_stream_than_a_peer_may_have_ends_its_oldest(self, bench: TransportBench) -> None:
        needs("bulk", kept=bench.capabilities.bulk)
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
            for stream in streams:
                await anyio.aclose_forcefully(stream)

    @staticmethod
    def _are_the_oldest(ended: Sequence[AcceptedBulk], opened: Sequence[AcceptedBulk]) -> bool:
        return {id(each) for each in ended} == {id(each) for each in opened[: len(ended)]}

    @staticmethod
    async def _open_and_close(sender: Account, receiver: Account, routes: Sequence[Route]) -> None:
        await anyio.aclose_forcefully(await sender.transport.open_bulk(receiver.peer, routes))

    @staticmethod
    async def _until_reached(gate: Gate, before: int, waiting: anyio.CancelScope) -> None:
        await gate.reached.until(lambda reached: len(reached) > before)
        waiting.cancel()
