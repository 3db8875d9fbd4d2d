"""The conformance kit for transports: subclass `TransportKit`, give it a bench, and get the suite.

    class TestPigeonTransport(TransportKit):
        @pytest.fixture
        def bench(self):
            return PigeonBench()

Tests ask the bench what the transport promises (`TransportBench.capabilities`), never who it is. They look at it from
outside: at what another account's vault holds, and at what was reported. `FakeTransportContext` fails the transport's
own call when a report breaks the contract, so every test here also tests that each envelope has exactly one final
outcome.
"""

from abc import ABC, abstractmethod
from collections.abc import AsyncGenerator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from secrets import token_bytes
from typing import Final

import anyio
import pytest

from balchat_host.api.errors import BadInput, NetworkUnavailable, PeerUnreachable
from balchat_host.api.network import Network
from balchat_host.api.transport import (
    MAX_ENVELOPE_SIZE,
    Disposition,
    Outcome,
    Outgoing,
    Transport,
    TransportContext,
    Verdict,
)
from balchat_host.api.types import PeerId, Phase, Route, Secret
from balchat_host.testing.fake_transport_context import COMMITTED, FakeTransportContext
from balchat_host.testing.virtual_network import VirtualNetwork
from balchat_host.testing.waiting import PATIENCE, Runs, running

MAX_ADDRESS_SIZE: Final = 512
SIZES: Final = (1, 100, 16_384, 16_385, 65_536, 300_000)


@dataclass(frozen=True, slots=True, kw_only=True)
class TransportCapabilities:
    """What a transport promises.

    `final` is its best outcome. `first_routes`: it reaches somebody of whom only the peer id is known. `claims`: it can
    do so once a key package of theirs was claimed. `proves_source`: the receiver learns who sent. `connects`: it knows
    whether a peer is within reach, and fails at once when not. `answers`: refusals and replies come back the same way.
    """

    final: Outcome = Outcome.DELIVERED
    first_routes: bool = True
    claims: bool = False
    proves_source: bool = True
    connects: bool = True
    answers: bool = True


class TransportBench(ABC):
    """What a transport's author gives to the kit. A new one for every test."""

    capabilities = TransportCapabilities()

    def __init__(self) -> None:
        self.world = VirtualNetwork()

    @abstractmethod
    def transport(self, context: TransportContext) -> Transport:
        """Make a transport for `context`."""

    def network(self) -> Network:
        """Make a network for one account; all of one bench reach each other."""
        return self.world.node()

    async def prepare(self, transport: Transport) -> None:
        """Do what a person must have done before a transport that runs is of use, such as adding a relay."""
        del transport

    def services(self) -> Sequence[Runs]:
        """Give what else must run, such as a relay."""
        return ()


@dataclass(frozen=True, slots=True)
class Account:
    """A host and its transport."""

    host: FakeTransportContext
    transport: Transport

    @property
    def peer(self) -> PeerId:
        return self.host.identity

    async def send(self, to: "Account", *envelopes: bytes, routes: Sequence[Route] = ()) -> list[Outgoing]:
        """Send envelopes to an account, by the routes that it allocates for us."""
        outgoing = self.host.outgoing(*envelopes)
        await self.transport.send(to.peer, routes or await to.transport.allocate_routes(self.peer), outgoing)
        return outgoing


@pytest.mark.anyio
class TransportKit:
    """What every transport does."""

    @pytest.fixture
    def bench(self) -> TransportBench:
        raise NotImplementedError("a subclass of TransportKit gives the fixture `bench`")

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

    async def test_a_transport_that_does_not_run_takes_nothing(self, bench: TransportBench) -> None:
        async with accounts(bench, 2) as (alice, bob):
            routes = await bob.transport.allocate_routes(alice.peer)
        sent = alice.host.outgoing(b"too late")
        with pytest.raises(NetworkUnavailable):
            await alice.transport.send(bob.peer, routes, sent)
        assert alice.host.outcomes(sent[0]) == []

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
            with pytest.raises(BadInput):
                await alice.send(bob, b"good", bytes(size))
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

    async def test_envelopes_that_wait_for_one_commit_share_the_next(self, bench: TransportBench) -> None:
        async with accounts(bench, 2) as (alice, bob):
            await deliver(bench, alice, bob, [b"first contact"])
            await bob.host.receives(b"first contact")  # stored is not yet received, and the vault shall close behind it
            before = len(bob.host.batches.all)
            bob.host.close_vault()
            sent = await alice.send(bob, *(b"%d" % number for number in range(40)))
            await bob.host.batches.until(lambda batches: len(batches) > before)
            await alice.host.reports.until(lambda _: all(alice.host.outcomes(each) for each in sent))
            await anyio.wait_all_tasks_blocked()
            bob.host.open_vault()
            assert set(await alice.host.finals(sent)) == {bench.capabilities.final}
            assert len(bob.host.batches.all) - before < len(sent)

    # -- what is said about them

    async def test_delivered_means_committed(self, bench: TransportBench) -> None:
        if bench.capabilities.final is not Outcome.DELIVERED:
            return
        async with accounts(bench, 2) as (alice, bob):
            bob.host.close_vault()
            (sent,) = await alice.send(bob, b"hello")
            await bob.host.batches.until(lambda batches: batches == [1])
            await anyio.wait_all_tasks_blocked()
            assert alice.host.outcomes(sent) == [Outcome.SENT]
            assert bob.host.received.all == []
            bob.host.open_vault()
            assert (await alice.host.final(sent)).outcome is Outcome.DELIVERED

    @pytest.mark.parametrize("retry_after", [None, 0.0, 90.0])
    async def test_a_refusal_comes_with_its_reason_and_its_time(
        self, bench: TransportBench, retry_after: float | None
    ) -> None:
        if not bench.capabilities.answers:
            return
        async with accounts(bench, 2) as (alice, bob):
            refused = Disposition(verdict=Verdict.REFUSED, reason="requests-full", retry_after=retry_after)
            bob.host.answer = answers(refused, only=b"bad")
            good, bad, last = await alice.send(bob, b"good", b"bad", b"last")
            assert await alice.host.finals([good, last]) == [Outcome.DELIVERED, Outcome.DELIVERED]
            report = await alice.host.final(bad)
            assert (report.outcome, report.reason, report.retry_after) == (
                Outcome.REFUSED,
                "requests-full",
                retry_after,
            )

    async def test_a_reason_that_is_no_code_stays_at_home(self, bench: TransportBench) -> None:
        if not bench.capabilities.answers:
            return
        async with accounts(bench, 2) as (alice, bob):
            bob.host.answer = answers(Disposition(verdict=Verdict.REFUSED, reason="Bob's disk is /dev/x"))
            (sent,) = await alice.send(bob, b"hello")
            report = await alice.host.final(sent)
            assert (report.outcome, report.reason) == (Outcome.REFUSED, None)

    async def test_nothing_is_said_about_what_was_ignored(self, bench: TransportBench) -> None:
        if not bench.capabilities.answers:
            return
        ignored = Disposition(verdict=Verdict.IGNORED)
        async with accounts(bench, 2) as (alice, bob):
            bob.host.answer = answers(ignored, only=b"ignored")
            sent = await alice.send(bob, b"one", b"ignored", b"two")
            assert await alice.host.finals([sent[0], sent[2]]) == [Outcome.DELIVERED, Outcome.DELIVERED]
            await anyio.wait_all_tasks_blocked()
            assert alice.host.outcomes(sent[1]) == [Outcome.SENT]
        assert alice.host.outcomes(sent[1]) == [Outcome.SENT, Outcome.LOST]

    async def test_replies_are_received_before_the_sender_learns_of_delivery(self, bench: TransportBench) -> None:
        if not bench.capabilities.answers:
            return
        async with accounts(bench, 2) as (alice, bob):
            replies = (b"reply", token_bytes(200_000), b"another")
            bob.host.answer = answers(Disposition(verdict=Verdict.COMMITTED, replies=replies))
            alice.host.close_vault()
            (sent,) = await alice.send(bob, b"question")
            await alice.host.batches.until(lambda batches: len(batches) > 0)
            await anyio.wait_all_tasks_blocked()
            assert alice.host.outcomes(sent) == [Outcome.SENT]
            alice.host.open_vault()
            assert (await alice.host.final(sent)).outcome is Outcome.DELIVERED
            await alice.host.receives(*replies)
            assert {received.source for received in alice.host.received.all} == {bob.peer}

    async def test_it_takes_no_more_than_it_can_hold(self, bench: TransportBench) -> None:
        if bench.capabilities.final is not Outcome.DELIVERED:
            return
        async with accounts(bench, 2) as (alice, bob):
            await deliver(bench, alice, bob, [b"first contact"])
            bob.host.close_vault()
            envelopes = [bytes([number]) * MAX_ENVELOPE_SIZE for number in range(24)]
            async with anyio.create_task_group() as tasks:
                tasks.start_soon(deliver, bench, alice, bob, envelopes)
                await alice.host.reports.until(bool)
                await anyio.wait_all_tasks_blocked()
                assert len(alice.host.reports.all) < len(envelopes)
                bob.host.open_vault()
            await bob.host.receives(b"first contact", *envelopes)

    # -- who is within reach

    async def test_a_peer_that_is_not_there_is_said_so(self, bench: TransportBench) -> None:
        if not bench.capabilities.connects:
            return
        async with accounts(bench, 1) as (alice,):
            stranger = FakeTransportContext(bench.network()).identity
            routes = alice.transport.first_routes(stranger)
            assert routes
            sent = alice.host.outgoing(b"hello?")
            with pytest.raises(PeerUnreachable):
                await alice.transport.send(stranger, routes, sent)
            assert alice.host.outcomes(sent[0]) == []
            assert not alice.transport.reachable(stranger)

    async def test_both_sides_learn_that_they_are_within_reach_and_no_more(self, bench: TransportBench) -> None:
        if not bench.capabilities.connects:
            return
        async with accounts(bench, 1) as (alice,):
            async with accounts(bench, 1) as (bob,):
                assert not alice.transport.reachable(bob.peer)
                await deliver(bench, alice, bob, [b"hello"])
                for one, other in ((alice, bob), (bob, alice)):
                    await one.host.sees(other.peer, reachable=True)
                    assert one.transport.reachable(other.peer)
            await alice.host.sees(bob.peer, reachable=False)
            assert not alice.transport.reachable(bob.peer)

    async def test_sending_nothing_only_connects(self, bench: TransportBench) -> None:
        if not bench.capabilities.connects:
            return
        async with accounts(bench, 2) as (alice, bob):
            await alice.send(bob)
            assert alice.transport.reachable(bob.peer)
            await bob.host.sees(alice.peer, reachable=True)
            assert bob.host.received.all == []

    async def test_a_disconnected_peer_is_out_of_reach_and_may_come_again(self, bench: TransportBench) -> None:
        if not bench.capabilities.connects:
            return
        async with accounts(bench, 2) as (alice, bob):
            await deliver(bench, alice, bob, [b"one"])
            await bob.transport.disconnect(alice.peer)
            assert not bob.transport.reachable(alice.peer)
            await alice.host.sees(bob.peer, reachable=False)
            await bob.transport.disconnect(alice.peer)
            await deliver(bench, alice, bob, [b"two"])
            await bob.host.receives(b"one", b"two")

    async def test_what_has_no_answer_when_it_stops_is_lost(self, bench: TransportBench) -> None:
        if bench.capabilities.final is not Outcome.DELIVERED:
            return
        async with accounts(bench, 1) as (bob,):
            async with accounts(bench, 1) as (alice,):
                bob.host.close_vault()
                sent = await alice.send(bob, b"one", b"two")
                await bob.host.batches.until(lambda batches: len(batches) > 0)
            assert [alice.host.outcomes(each)[-1] for each in sent] == [Outcome.LOST, Outcome.LOST]
            bob.host.open_vault()

    async def test_a_peer_that_stops_and_starts_again_is_reached_again(self, bench: TransportBench) -> None:
        async with accounts(bench, 1) as (alice,):
            async with accounts(bench, 1) as (bob,):
                await deliver(bench, alice, bob, [b"one"])
                await bob.host.receives(b"one")
            if bench.capabilities.connects:
                await alice.host.sees(bob.peer, reachable=False)
            async with accounts(bench, 1, key=bob.host.key) as (again,):
                await deliver(bench, alice, again, [b"two"])
                await again.host.receives(b"two")

    async def test_a_route_of_something_else_is_refused(self, bench: TransportBench) -> None:
        async with accounts(bench, 2) as (alice, bob):
            good = (await bob.transport.allocate_routes(alice.peer))[0]
            bad = [
                Route(transport="transport_pigeon", address=good.address),
                Route(transport=good.transport, address=b""),
                Route(transport=good.transport, address=good.address + b"x"),
                Route(transport=good.transport, address=bytes(len(good.address))),
            ]
            for route in bad:
                sent = alice.host.outgoing(b"hello")
                with pytest.raises(PeerUnreachable):
                    await alice.transport.send(bob.peer, [route], sent)
                assert alice.host.outcomes(sent[0]) == []


def answers(disposition: Disposition, *, only: bytes | None = None) -> Callable[[PeerId | None, bytes], Disposition]:
    """Answer like this to every envelope, or to one of them while the others are committed."""

    def answer(source: PeerId | None, envelope: bytes) -> Disposition:
        del source
        return disposition if only in (None, envelope) else COMMITTED

    return answer


@asynccontextmanager
async def accounts(
    bench: TransportBench, count: int, *, key: Secret | None = None
) -> AsyncGenerator[tuple[Account, ...]]:
    """Run so many accounts, all of them online."""
    networks = [bench.network() for _ in range(count)]
    hosts = [FakeTransportContext(network, key=key) for network in networks]
    made = tuple(Account(host, bench.transport(host)) for host in hosts)
    async with running(*networks), running(*bench.services()), running(*(account.transport for account in made)):
        for account in made:
            await bench.prepare(account.transport)
            await account.host.states.reach(Phase.ONLINE)
        yield made


async def claimed_routes(bench: TransportBench, claimer: Account, owner: Account) -> Sequence[Route]:
    """Claim a key package, once the owner's transport has left some; give the ways to which that leads."""
    if not bench.capabilities.claims:
        return []
    key_package = None
    with anyio.fail_after(PATIENCE):
        while key_package is None:
            key_package = await claimer.transport.claim_key_package(owner.peer, [])
    assert owner.peer.octets in key_package, "it is one that the owner's host has made"
    return claimer.transport.first_routes(owner.peer)


async def deliver(bench: TransportBench, sender: Account, receiver: Account, envelopes: Sequence[bytes]) -> None:
    """Send envelopes and wait until each has the best outcome."""
    with anyio.fail_after(PATIENCE):
        sent = await sender.send(receiver, *envelopes)
        outcomes = await sender.host.finals(sent)
    assert set(outcomes) == {bench.capabilities.final}
