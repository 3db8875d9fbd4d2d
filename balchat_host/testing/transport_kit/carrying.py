"""How a transport runs, and how it carries envelopes."""

from contextlib import suppress
from dataclasses import replace
from functools import partial
from itertools import pairwise
from secrets import token_bytes
from typing import Final

import anyio
import pytest

from balchat_host.api.errors import BadInput, NetworkUnavailable, PeerUnreachable
from balchat_host.api.transport import (
    MAX_ENVELOPE_SIZE,
    Outcome,
    Outgoing,
)
from balchat_host.api.types import OnionKey, Phase
from balchat_host.testing.fake_transport_context import FakeTransportContext
from balchat_host.testing.transport_kit.bench import (
    MAX_ADDRESS_SIZE,
    SIZES,
    Account,
    TransportBench,
    TransportKitBase,
    accounts,
    claimed_routes,
    deliver,
    needs,
    refused,
    transport_for,
)
from balchat_host.testing.waiting import running

_ODD: Final = (b"\0", b"\n", b" \t\r\n", b"\xff\xfe", b"x\0", b"0", bytes(1000))
"""Envelopes whose octets mean something to those who take them for text, or for nothing."""
MANY: Final = 300
"""Envelopes that wait for one commit."""


@pytest.mark.anyio
class CarryingTests(TransportKitBase):
    """How a transport runs, and how it carries envelopes."""

    # -- being there

    async def test_it_comes_online_and_says_when_it_has_stopped(self, bench: TransportBench) -> None:
        async with accounts(bench, 1) as (alice,):
            await alice.host.states.reach(Phase.ONLINE)
        assert alice.host.states.all[0].phase is Phase.STARTING
        assert alice.host.states.all[-1].phase is Phase.STOPPED

    async def test_its_routes_are_small_and_bear_its_name(self, bench: TransportBench) -> None:
        async with accounts(bench, 2) as (alice, bob):
            routes = [*await alice.transport.allocate_routes(bob.peer)]
            first = alice.transport.first_routes(bob.peer)
            assert bool(first) == bench.capabilities.first_routes
            routes += [*first, *await claimed_routes(bench, alice, bob)]
            assert len({route.transport for route in routes}) == 1
            assert all(0 < len(route.address) <= MAX_ADDRESS_SIZE for route in routes)

    async def test_a_route_that_cannot_be_read_leads_to_no_onion(self, bench: TransportBench) -> None:
        async with accounts(bench, 2) as (alice, bob):
            for route in await bob.routes_for(alice):
                onion_of = partial(alice.transport.onion_of, bob.peer)
                assert isinstance(onion_of(route), OnionKey | None)
                for address in (
                    b"",
                    b"\xff",
                    route.address[:-1],
                    b"\xff" * len(route.address),
                    bytes(MAX_ADDRESS_SIZE),
                ):
                    assert onion_of(replace(route, address=address)) is None
                assert onion_of(replace(route, transport="another")) is None

    async def test_a_transport_that_does_not_run_takes_nothing(self, bench: TransportBench) -> None:
        async with accounts(bench, 2) as (alice, bob):
            routes = await bob.routes_for(alice)
        sent = alice.host.outgoing(b"too late")
        with refused(NetworkUnavailable):
            await alice.transport.send(bob.peer, routes, sent)
        assert alice.host.outcomes(sent[0]) == []

    async def test_what_may_be_asked_before_it_runs_has_an_answer(self, bench: TransportBench) -> None:
        async with accounts(bench, 1) as (bob,):
            host = FakeTransportContext(bench.network())
            early = transport_for(bench, host)
            routes = [*early.first_routes(bob.peer)] or [*await bob.transport.allocate_routes(host.identity)]
            assert not early.reachable(bob.peer)
            sent = host.outgoing(b"too early")
            with refused(NetworkUnavailable):
                await early.send(bob.peer, routes, sent)
            assert host.outcomes(sent[0]) == []

    async def test_it_sends_as_soon_as_it_has_started(self, bench: TransportBench) -> None:
        async with accounts(bench, 1) as (bob,):
            network = bench.network()
            host = FakeTransportContext(network)
            alice = Account(host, transport_for(bench, host))
            routes = await bob.transport.allocate_routes(host.identity)
            async with running(network), running(alice.transport):
                # The network is there: it may not find the other side, but it must not say that it does not run.
                with suppress(PeerUnreachable):
                    await alice.transport.send(bob.peer, routes, [])

    # -- carrying envelopes

    async def test_an_envelope_arrives_as_it_was(self, bench: TransportBench) -> None:
        async with accounts(bench, 2) as (alice, bob):
            envelope = token_bytes(1000)
            (sent,) = await alice.send(bob, envelope)
            assert (await alice.host.final(sent)).outcome is bench.capabilities.final
            assert alice.host.outcomes(sent) == [Outcome.SENT, bench.capabilities.final]
            await bob.host.receives(envelope)
            if bench.capabilities.proves_source:
                assert bob.host.received.all[0].source == alice.peer
            await deliver(bench, alice, bob, _ODD)
            await bob.host.receives(envelope, *_ODD)

    async def test_two_envelopes_with_the_same_octets_are_two(self, bench: TransportBench) -> None:
        async with accounts(bench, 2) as (alice, bob):
            await deliver(bench, alice, bob, [b"the same octets"] * 2)
            await deliver(bench, alice, bob, [b"the same octets", b"another"])
            await bob.host.received.until(lambda got: b"another" in [each.envelope for each in got])

    async def test_first_routes_reach_somebody_of_whom_only_the_peer_id_is_known(self, bench: TransportBench) -> None:
        async with accounts(bench, 2) as (alice, bob):
            if routes := alice.transport.first_routes(bob.peer) or await claimed_routes(bench, alice, bob):
                (sent,) = await alice.send(bob, b"may I?", routes=routes)
                assert (await alice.host.final(sent)).outcome is bench.capabilities.final
                await bob.host.receives(b"may I?")

    async def test_order_is_kept_whatever_the_sizes(self, bench: TransportBench) -> None:
        async with accounts(bench, 2) as (alice, bob):
            envelopes = [bytes([number]) + token_bytes(SIZES[number % len(SIZES)] - 1) for number in range(60)]
            sent: list[Outgoing] = []
            for start in range(0, len(envelopes), 7):
                sent += await alice.send(bob, *envelopes[start : start + 7])
            assert set(await alice.host.finals(sent)) == {bench.capabilities.final}
            await bob.host.receives(*envelopes)

    async def test_the_largest_envelope_passes(self, bench: TransportBench) -> None:
        async with accounts(bench, 2) as (alice, bob):
            envelopes = [token_bytes(MAX_ENVELOPE_SIZE) for _ in range(3)]
            sent = await alice.send(bob, *envelopes)
            assert set(await alice.host.finals(sent)) == {bench.capabilities.final}
            await bob.host.receives(*envelopes)

    @pytest.mark.parametrize("size", [0, MAX_ENVELOPE_SIZE + 1])
    async def test_an_envelope_of_no_or_too_many_octets_is_our_own_mistake(
        self, bench: TransportBench, size: int
    ) -> None:
        async with accounts(bench, 2) as (alice, bob):
            with refused(BadInput):
                await alice.send(bob, b"one that is good", bytes(size), b"another one that is good")
            await alice.send(bob, b"after it")
            await bob.host.receives(b"after it")

    async def test_both_directions_at_once(self, bench: TransportBench) -> None:
        async with accounts(bench, 2) as (alice, bob):
            there, back = ([token_bytes(20_000) for _ in range(50)] for _ in range(2))
            async with anyio.create_task_group() as tasks:
                tasks.start_soon(deliver, bench, alice, bob, there)
                tasks.start_soon(deliver, bench, bob, alice, back)
            await bob.host.receives(*there)
            await alice.host.receives(*back)
            for each in (alice, bob):
                news = [each.reachable for each in each.host.nearness.all]
                assert not [one for one, next_one in pairwise(news) if one == next_one], "it tells the same twice"

    async def test_several_senders_and_several_peers_at_once(self, bench: TransportBench) -> None:
        pairs = [(b"one %d" % number, b"two %d" % number) for number in range(5)]
        async with accounts(bench, 4) as (alice, *others):
            async with anyio.create_task_group() as tasks:
                for other in others:
                    for pair in pairs:
                        tasks.start_soon(deliver, bench, alice, other, pair)
            for other in others:
                received = await other.host.received.until(lambda received: len(received) >= 2 * len(pairs))
                got = [each.envelope for each in received]
                assert sorted(got) == sorted(envelope for pair in pairs for envelope in pair)
                assert all(got.index(one) < got.index(two) for one, two in pairs)

    async def test_each_envelope_comes_from_whom_it_is(self, bench: TransportBench) -> None:
        needs("proves_source", kept=bench.capabilities.proves_source)
        async with accounts(bench, 3) as (alice, bob, carol):
            for sender in (bob, carol, bob):
                await deliver(bench, sender, alice, [b"by %d" % (sender is bob)])
            received = await alice.host.received.until(lambda received: len(received) >= 3)  # noqa: PLR2004  # all of them
            assert [each.envelope for each in received if each.source == bob.peer] == [b"by 1", b"by 1"]
            assert [each.envelope for each in received if each.source == carol.peer] == [b"by 0"]

    async def test_more_envelopes_than_an_octet_counts(self, bench: TransportBench) -> None:
        needs("final=DELIVERED", kept=bench.capabilities.final is Outcome.DELIVERED)
        async with accounts(bench, 2) as (alice, bob):
            envelopes = [b"%d" % number for number in range(MANY)]
            bob.host.close_vault()
            async with anyio.create_task_group() as tasks:
                tasks.start_soon(deliver, bench, alice, bob, envelopes)
                await bob.host.batches.until(bool)
                await anyio.wait_all_tasks_blocked()
                bob.host.open_vault()
            await bob.host.receives(*envelopes)

    async def test_a_route_that_leads_nowhere_is_no_reason_to_give_up(self, bench: TransportBench) -> None:
        async with accounts(bench, 2) as (alice, bob):
            (good, *_) = await bob.routes_for(alice)
            useless = replace(good, address=good.address + b"x", sealing_key=None)
            (sent,) = await alice.send(bob, b"by the second one", routes=[useless, good])
            assert (await alice.host.final(sent)).outcome is bench.capabilities.final
            await bob.host.receives(b"by the second one")

    async def test_envelopes_that_wait_for_one_commit_share_the_next(self, bench: TransportBench) -> None:
        async with accounts(bench, 2) as (alice, bob):
            await deliver(bench, alice, bob, [b"first contact"])
            await bob.host.receives(b"first contact")  # stored is not yet received, and the vault is about to close
            before = len(bob.host.batches.all)
            bob.host.close_vault()
            sent = await alice.send(bob, *(b"%d" % number for number in range(40)))
            await bob.host.batches.until(lambda batches: len(batches) > before)
            await alice.host.reports.until(lambda _: all(alice.host.outcomes(each) for each in sent))
            await anyio.wait_all_tasks_blocked()
            bob.host.open_vault()
            assert set(await alice.host.finals(sent)) == {bench.capabilities.final}
            assert len(bob.host.batches.all) - before < len(sent)
