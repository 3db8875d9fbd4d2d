"""Bulk streams: what passes on them, and who may open them (`balchat_host.api.transport`, Bulk streams)."""

from collections.abc import AsyncGenerator, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import replace
from secrets import token_bytes
from typing import Final

import anyio
import pytest
from anyio import EndOfStream
from anyio.abc import ByteStream
from anyio.lowlevel import checkpoint

from balchat_host.api.errors import NetworkUnavailable, PeerUnreachable
from balchat_host.api.network import PublishedService
from balchat_host.api.types import DEVICE_ID_SIZE, DeviceIdentity, Route
from balchat_host.testing.audit import confide
from balchat_host.testing.fake_transport_context import FakeTransportContext, Gate
from balchat_host.testing.octets import assert_octets
from balchat_host.testing.transport_kit.bench import (
    Account,
    TransportBench,
    accounts,
    deliver,
    needs,
    refused,
    transport_for,
)
from balchat_host.testing.transport_kit.bulk_base import (
    LARGE,
    BulkBase,
    bulk_stream,
    ping,
    read_all,
    until_ended,
    write_all,
)
from balchat_host.testing.transport_kit.strangers import bridge
from balchat_host.testing.transport_kit.streams import StreamKitBase
from balchat_host.testing.transport_kit.troubles import Impostor
from balchat_host.testing.virtual_network import ignore_state, onion_of
from balchat_host.testing.waiting import VIRTUAL_TIME, running

_SECRET: Final = 32
_COUNTER: Final = 16
"""Octets of what a long stream is made of: from whatever place somebody shows some, the secret is in it."""
_SOME: Final = 500_000
_LONGEST: Final = 300.0
"""Seconds after which opening a stream has ended."""
_TIMES: Final = 144
_TURNS: Final = 6
_WRITTEN: Final = 100
_READ: Final = 70
"""Octets that are read at once: fewer than are written."""


@pytest.mark.anyio
class BulkTests(BulkBase, StreamKitBase):
    """What passes on bulk streams, and who may open them."""

    # -- what passes

    async def test_octets_pass_on_a_bulk_stream_whole_and_in_order(self, bench: TransportBench) -> None:
        self.needs_bulk(bench)
        async with accounts(bench, 2) as (alice, bob):
            secret = token_bytes(_SECRET)
            confide("what a bulk stream carries", secret)
            octets = b"".join(secret + number.to_bytes(_COUNTER) for number in range(LARGE // (_SECRET + _COUNTER)))
            async with bulk_stream(alice, bob) as stream, anyio.create_task_group() as tasks:
                tasks.start_soon(write_all, stream, octets)
                assert_octets(await read_all(stream, len(octets)), octets)
            await bob.host.bulk_ended.until(bool)
            await anyio.wait_all_tasks_blocked()
            assert bob.host.received.all == []
            assert len(bob.host.bulk.all) == 1

    async def test_each_bulk_stream_carries_its_own(self, bench: TransportBench) -> None:
        self.needs_bulk(bench)
        async with accounts(bench, 2) as (alice, bob):
            first, second = token_bytes(_SOME), token_bytes(_SOME)
            async with (
                bulk_stream(alice, bob) as one,
                bulk_stream(alice, bob) as other,
                anyio.create_task_group() as tasks,
            ):
                for stream, octets in ((one, first), (other, second)):
                    tasks.start_soon(write_all, stream, octets)
                    tasks.start_soon(self._reads, stream, octets)

    async def test_a_receive_that_is_given_up_loses_no_octets(self, bench: TransportBench) -> None:
        self.needs_bulk(bench)
        got = bytearray()
        async with accounts(bench, 2) as (alice, bob), bulk_stream(alice, bob) as stream:

            async def receive() -> None:
                got.extend(await stream.receive(_READ))

            sent = token_bytes(_TIMES * _WRITTEN)
            for number in range(_TIMES):
                async with anyio.create_task_group() as tasks:
                    tasks.start_soon(receive)
                    for _ in range(number % _TURNS):
                        await checkpoint()
                    await stream.send(sent[number * _WRITTEN : (number + 1) * _WRITTEN])
                    for _ in range(number // _TURNS % _TURNS):
                        await checkpoint()
                    tasks.cancel_scope.cancel()
            got += await read_all(stream, len(sent) - len(got))
            assert_octets(got, sent)

    async def test_what_is_written_before_the_end_arrives(self, bench: TransportBench) -> None:
        self.needs_bulk(bench)
        octets = token_bytes(_SOME)
        for how in ("send_eof", "aclose"):
            got = bytearray()

            async def read(source: DeviceIdentity, stream: ByteStream, got: bytearray = got) -> None:
                del source
                with suppress(EndOfStream):
                    while True:
                        got.extend(await stream.receive())
                with pytest.raises(EndOfStream):
                    await stream.receive()

            async with accounts(bench, 2) as (alice, bob):
                bob.host.serve_bulk = read
                async with bulk_stream(alice, bob) as stream:
                    await write_all(stream, octets)
                    await getattr(stream, how)()
                    await bob.host.bulk_ended.until(bool)
                assert_octets(got, octets, why=how)

    async def test_each_bulk_stream_has_a_way_of_its_own(self, bench: TransportBench) -> None:
        self.needs_bulk(bench)
        self.needs_streams(bench)
        async with accounts(bench, 2) as (alice, bob):
            await deliver(bench, alice, bob, [b"hello"])
            for _ in range(2):
                before = {(dial.address, dial.isolation) for dial in bench.world.dials}
                assert before, "it dialled nobody"
                came = len(bench.world.dials)
                async with bulk_stream(alice, bob) as stream:
                    await ping(stream)
                ways = {(dial.address, dial.isolation) for dial in list(bench.world.dials)[came:]}
                assert not ways & before, (
                    "a bulk stream shares the way of another stream to the same address: give `dial` a new `isolation`"
                )

    async def test_a_bulk_stream_makes_nobody_reachable(self, bench: TransportBench) -> None:
        self.needs_bulk(bench)
        needs("connects", kept=bench.capabilities.connects)
        async with accounts(bench, 2) as (alice, bob):
            both = ((alice, bob), (bob, alice))
            async with bulk_stream(alice, bob) as stream:
                await ping(stream)
                assert not [one for one, other in both if one.transport.reachable(other.peer)]
                assert not [news for one, _ in both for news in one.host.nearness.all]
            await deliver(bench, alice, bob, [b"hello"])
            async with bulk_stream(alice, bob) as stream:
                await ping(stream)
            await bob.host.bulk_ended.until(lambda ended: len(ended) > 1)
            await deliver(bench, alice, bob, [b"again"])
            assert [news.reachable for news in alice.host.nearness.all] == [True], "its end is no end of what connects"

    # -- who may open them

    async def test_who_accepts_a_bulk_stream_knows_which_device_has_opened_it(self, bench: TransportBench) -> None:
        self.needs_bulk(bench)
        async with accounts(bench, 2) as (alice, bob), bulk_stream(alice, bob):
            (accepted,) = await bob.host.bulk.until(bool)
            assert accepted.source == DeviceIdentity(peer=alice.peer, device_id=alice.host.device_id)

    async def test_a_bulk_stream_of_whoever_claims_to_be_somebody_else_is_not_accepted(
        self, bench: TransportBench
    ) -> None:
        self.needs_bulk(bench)
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
        self.needs_bulk(bench)
        async with accounts(bench, 3) as (alice, bob, carol):
            async with bulk_stream(alice, bob) as stream:
                await ping(stream)  # while she is one
            bob.host.contacts = {carol.peer}
            with pytest.raises(PeerUnreachable):
                async with bulk_stream(alice, bob):
                    pass
            async with bulk_stream(carol, bob):
                accepted = await bob.host.bulk.until(lambda came: len(came) > 1)
            assert [each.source.peer for each in accepted] == [alice.peer, carol.peer]

    async def test_no_bulk_stream_is_accepted_before_its_other_end_is_proven(self, bench: TransportBench) -> None:
        self.needs_bulk(bench)
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
        self.needs_bulk(bench)
        async with accounts(bench, 2) as (alice, bob):
            (good, *_) = await bob.routes_for(alice)
            for bad in (
                replace(good, transport=f"{good.transport}_of_others"),
                replace(good, device_id=bytes(DEVICE_ID_SIZE)),
                *(
                    replace(good, address=address)
                    for address in (b"", good.address + b"x", b"\xff" * len(good.address))
                ),
            ):
                with refused(PeerUnreachable):
                    await alice.transport.open_bulk(bob.peer, [bad])

    async def test_no_bulk_stream_is_opened_before_it_runs(self, bench: TransportBench) -> None:
        self.needs_bulk(bench)
        async with accounts(bench, 1) as (bob,):
            host = FakeTransportContext(bench.network())
            early = Account(host, transport_for(bench, host))
            with refused(NetworkUnavailable):
                await early.transport.open_bulk(bob.peer, await bob.routes_for(early))

    @pytest.mark.parametrize("anyio_backend", [VIRTUAL_TIME], ids=["in virtual time"])
    async def test_opening_a_bulk_stream_is_bounded_in_time(self, bench: TransportBench) -> None:
        self.needs_bulk(bench)
        self.needs_streams(bench)
        # Whoever answers in Bob's place says nothing.
        async with accounts(bench, 2) as (alice, bob), self._in_place_of(bench, alice, bob):
            routes = await bob.routes_for(alice)
            with anyio.fail_after(_LONGEST), refused(PeerUnreachable, NetworkUnavailable):
                await alice.transport.open_bulk(bob.peer, routes)

    @pytest.mark.parametrize("anyio_backend", [VIRTUAL_TIME], ids=["in virtual time"])
    async def test_what_proves_us_on_a_bulk_stream_proves_us_to_nobody_else(self, bench: TransportBench) -> None:
        self.needs_bulk(bench)
        self.needs_streams(bench)
        async with accounts(bench, 3) as (alice, bob, carol):
            async with bulk_stream(alice, bob):
                dial = bench.world.dials[-1]
                await bob.host.bulk.until(bool)
            async with self._in_place_of(bench, alice, carol) as service, anyio.create_task_group() as tasks:
                # Carol passes on to Bob whatever Alice says to her, and the other way round.

                async def pass_on() -> None:
                    stream = await service.accept()
                    async with stream, await bench.world.dial(dial.address, dial.port) as other:
                        await bridge(stream, other)

                tasks.start_soon(pass_on)
                routes = await carol.routes_for(alice)
                with anyio.move_on_after(_LONGEST), suppress(PeerUnreachable):
                    await anyio.aclose_forcefully(await alice.transport.open_bulk(carol.peer, routes))
                tasks.cancel_scope.cancel()
            assert len(bob.host.bulk.all) == 1

    @asynccontextmanager
    async def _in_place_of(
        self, bench: TransportBench, dialler: Account, account: Account
    ) -> AsyncGenerator[PublishedService]:
        """Answer where an account does to bulk streams, in its place."""
        async with bulk_stream(dialler, account):
            dial = bench.world.dials[-1]
        keys = (account.host.key, account.host.device_onion)
        (key,) = [key for key in keys if onion_of(key) == dial.address]
        node = bench.network()
        async with running(node):
            yield await node.publish(key, dial.port, on_state=ignore_state)

    @staticmethod
    async def _reads(stream: ByteStream, octets: bytes) -> None:
        assert_octets(await read_all(stream, len(octets)), octets)

    @staticmethod
    async def _open_and_close(sender: Account, receiver: Account, routes: Sequence[Route]) -> None:
        await anyio.aclose_forcefully(await sender.transport.open_bulk(receiver.peer, routes))

    @staticmethod
    async def _until_reached(gate: Gate, before: int, waiting: anyio.CancelScope) -> None:
        await gate.reached.until(lambda reached: len(reached) > before)
        waiting.cancel()
