"""What a transport keeps to when something goes wrong, or when somebody is not who they say they are."""

from collections.abc import Sequence
from contextlib import suppress
from typing import Final

import anyio
import pytest
from anyio import TASK_STATUS_IGNORED

from balchat_host.api.errors import BalchatError, NetworkUnavailable, PeerUnreachable, StorageFull
from balchat_host.api.network import Network
from balchat_host.api.transport import MAX_ENVELOPE_SIZE, Disposition, Outcome, Outgoing
from balchat_host.api.types import PeerId, Phase, Route, Secret
from balchat_host.testing.fake_transport_context import COMMITTED, Answer, FakeTransportContext, Gate, commit_all
from balchat_host.testing.transport_kit.bench import (
    Account,
    TransportBench,
    TransportKitBase,
    accounts,
    deliver,
    needs,
    transport_for,
)
from balchat_host.testing.waiting import PATIENCE, running

TOO_MUCH: Final = 24
"""So many of the largest envelopes no transport holds: some of them wait in `send`."""


AGAIN: Final = b"this one is good"
AHEAD: Final = b"this one comes first"
RECEIVE_ERRORS: Final = (
    StorageFull(),
    RuntimeError("nobody foresaw this"),
    OSError("the disk is broken"),
    TimeoutError(),
    NetworkUnavailable(problem="the host is busy", remedy=""),
)
"""What `receive` may raise: whatever the disk, the vault or the core does."""


class Impostor(FakeTransportContext):
    """An account that says that it is somebody else, whose key it does not have; its own is `key`."""

    def __init__(self, network: Network, *, claims: PeerId, key: Secret | None = None) -> None:
        self._claims = claims
        super().__init__(network, key=key)

    @property
    def identity(self) -> PeerId:
        return self._claims


def is_all_or_nothing(host: FakeTransportContext, sent: Sequence[Outgoing]) -> bool:
    """Return whether none of these envelopes was taken, or each has its final outcome."""
    outcomes = [host.outcomes(each) for each in sent]
    return not any(outcomes) or all(each and each[-1] is not Outcome.SENT for each in outcomes)


@pytest.mark.anyio
class TroubleTests(TransportKitBase):
    """What a transport keeps to when something goes wrong."""

    # -- others

    @pytest.mark.parametrize("known", [False, True], ids=["as a stranger", "as somebody known"])
    async def test_whoever_claims_to_be_somebody_else_is_found_out(self, bench: TransportBench, known: bool) -> None:  # noqa: FBT001  # a parameter of the test
        needs("proves_source", kept=bench.capabilities.proves_source)
        async with accounts(bench, 2) as (alice, bob):
            before = [b"Alice came before"] * known
            if known:
                await deliver(bench, alice, bob, before)
                await bob.host.receives(*before)
                await bob.transport.disconnect(alice.peer)
                if bench.capabilities.connects:
                    await alice.host.sees(bob.peer, reachable=False)
            news = len(bob.host.nearness.all)
            async with accounts(bench, 1) as (carol,):
                await deliver(bench, carol, bob, [b"this is Carol"])
                await bob.host.receives(*before, b"this is Carol")
            network = bench.network()
            # Whose key it is, Bob knows: it signs for Carol, and for nobody else.
            host = Impostor(network, claims=alice.peer, key=carol.host.key)
            mallory = Account(host, transport_for(bench, host))
            routes = await bob.routes_for(alice)
            sent = host.outgoing(b"this is Alice, really")
            async with running(network), running(mallory.transport):
                with suppress(PeerUnreachable, NetworkUnavailable):
                    await mallory.transport.send(bob.peer, routes, sent)
                    await host.finals(sent)
            near = [each for each in bob.host.nearness.all[news:] if each.peer == alice.peer and each.reachable]
            assert not near, "it said that somebody came within reach who had proven nothing"
            await deliver(bench, alice, bob, [b"this is Alice"])
            received = await bob.host.received.until(lambda got: b"this is Alice" in [each.envelope for each in got])
            assert [each.envelope for each in received if each.source == alice.peer] == [*before, b"this is Alice"], (
                "it took something from somebody who has proven to be somebody else"
            )

    async def test_what_is_too_large_is_not_taken_from_others_either(self, bench: TransportBench) -> None:
        needs("oversize", kept=bench.capabilities.oversize)
        async with accounts(bench, 2) as (alice, bob):
            (too_large,) = alice.host.outgoing(bytes(MAX_ENVELOPE_SIZE + 1))
            routes = await bob.routes_for(alice)
            with suppress(BalchatError):
                await bench.send_oversize(alice.transport, bob.peer, routes, too_large)
            await self._reach_again(bench, alice, bob)
            assert {received.envelope for received in bob.host.received.all} == {AGAIN}

    # -- what was taken

    @pytest.mark.parametrize("by", ["sender", "receiver"])
    async def test_a_send_that_breaks_loses_no_ticket(self, bench: TransportBench, by: str) -> None:
        needs("final=DELIVERED", kept=bench.capabilities.final is Outcome.DELIVERED)
        envelopes = [bytes([number]) * MAX_ENVELOPE_SIZE for number in range(TOO_MUCH)]
        async with accounts(bench, 1) as (alice,):
            sent = alice.host.outgoing(*envelopes)
            raised = False
            async with accounts(bench, 1) as (bob,):
                routes = await bob.routes_for(alice)
                bob.host.close_vault()

                async def send() -> None:
                    nonlocal raised
                    try:
                        await alice.transport.send(bob.peer, routes, sent)
                    except (PeerUnreachable, NetworkUnavailable):
                        raised = True

                async with anyio.create_task_group() as tasks:
                    tasks.start_soon(send)
                    await bob.host.batches.until(bool)
                    one, other = (alice, bob) if by == "sender" else (bob, alice)
                    await one.transport.disconnect(other.peer)
                    bob.host.open_vault()
            if raised:
                assert not any(alice.host.outcomes(each) for each in sent), "what raised has taken nothing"
            else:
                await alice.host.finals(sent)

    async def test_a_send_that_waits_when_it_stops_loses_no_ticket(self, bench: TransportBench) -> None:
        needs("final=DELIVERED", kept=bench.capabilities.final is Outcome.DELIVERED)
        envelopes = [bytes([number]) * MAX_ENVELOPE_SIZE for number in range(TOO_MUCH)]
        async with accounts(bench, 1) as (bob,):
            ended = anyio.Event()
            given: list[tuple[FakeTransportContext, Sequence[Outgoing]]] = []
            async with anyio.create_task_group() as tasks:
                async with accounts(bench, 1) as (alice,):
                    sent = alice.host.outgoing(*envelopes)
                    given.append((alice.host, sent))
                    routes = await bob.routes_for(alice)
                    bob.host.close_vault()

                    async def send() -> None:
                        with suppress(PeerUnreachable, NetworkUnavailable):
                            await alice.transport.send(bob.peer, routes, sent)
                        ended.set()

                    tasks.start_soon(send)
                    await bob.host.batches.until(bool)
                    await anyio.wait_all_tasks_blocked()
                with anyio.move_on_after(PATIENCE):
                    await ended.wait()
                tasks.cancel_scope.cancel()
            assert ended.is_set(), "a `send` still waits when the transport has stopped"
            ((host, sent),) = given
            assert is_all_or_nothing(host, sent), "it took some envelopes of a `send`, and says nothing of others"
            bob.host.open_vault()

    async def test_a_send_that_is_cancelled_while_it_connects_has_taken_nothing(self, bench: TransportBench) -> None:
        needs("connects", kept=bench.capabilities.connects)
        async with accounts(bench, 2) as (alice, bob):
            routes = await bob.routes_for(alice)
            sent = alice.host.outgoing(b"one", b"two")
            alice.host.dialling.close()
            taken: list[object] = []
            async with anyio.create_task_group() as tasks:
                tasks.start_soon(self._send, alice, bob, routes, sent, taken)
                await alice.host.dialling.reached.until(bool)
                tasks.cancel_scope.cancel()
            assert not taken, "it returned, as if it had taken them"
            alice.host.dialling.open()
            await self._reach_again(bench, alice, bob)
            assert [alice.host.outcomes(each) for each in sent] == [[], []]
            assert {received.envelope for received in bob.host.received.all} == {AGAIN}

    async def test_a_send_that_is_cancelled_has_taken_all_or_nothing(self, bench: TransportBench) -> None:
        envelopes = [bytes([number]) * MAX_ENVELOPE_SIZE for number in range(TOO_MUCH)]
        async with accounts(bench, 1) as (bob,):
            async with accounts(bench, 1) as (alice,):
                routes = await bob.routes_for(alice)
                sent = alice.host.outgoing(*envelopes)
                taken: list[object] = []
                bob.host.close_vault()
                async with anyio.create_task_group() as tasks:
                    tasks.start_soon(self._send, alice, bob, routes, sent, taken)
                    await alice.host.reports.until(bool)
                    tasks.cancel_scope.cancel()
                bob.host.open_vault()
            assert is_all_or_nothing(alice.host, sent)
            assert not taken or alice.host.outcomes(sent[0]), "it returned, as if it had taken them"

    async def test_what_is_lost_is_the_hosts_to_send_again(self, bench: TransportBench) -> None:
        needs("connects", kept=bench.capabilities.connects)
        async with accounts(bench, 2) as (alice, bob):
            bob.host.close_vault()
            lost = await alice.send(bob, b"lost one", b"lost two")
            await bob.host.batches.until(bool)
            await bob.transport.disconnect(alice.peer)
            assert await alice.host.finals(lost) == [Outcome.LOST, Outcome.LOST]
            bob.host.open_vault()
            await deliver(bench, bob, alice, [b"they come"])
            await deliver(bench, alice, bob, [b"the next"])
            self._is_not_repeated(bob, b"lost one", b"lost two", last=b"the next")

    async def test_what_was_sent_before_a_start_is_not_sent_again(self, bench: TransportBench) -> None:
        envelopes = [b"sent before the start, one", b"sent before the start, two"]
        async with accounts(bench, 1) as (bob,):
            async with accounts(bench, 1) as (alice,):
                routes = await bob.routes_for(alice)
                bob.host.close_vault()
                await alice.send(bob, *envelopes, routes=routes)
                await bob.host.batches.until(bool)
            bob.host.open_vault()
            kept = [value for value in alice.host.area.rows.values() if any(each in value for each in envelopes)]
            assert not kept, "it keeps envelopes in the vault: a transport keeps no queue across restarts"
            async with accounts(bench, 1, key=alice.host.key, area=alice.host.area) as (again,):
                for number in range(3):
                    await deliver(bench, again, bob, [b"sent after it, %d" % number])
                await bob.host.received.until(lambda got: b"sent after it, 2" in [each.envelope for each in got])
            self._is_not_repeated(bob, *envelopes, last=b"sent after it, 2")

    # -- what was received

    async def test_what_the_host_could_not_take_is_not_acknowledged(self, bench: TransportBench) -> None:
        needs("final=DELIVERED", kept=bench.capabilities.final is Outcome.DELIVERED)
        async with accounts(bench, 2) as (alice, bob):
            routes = await bob.routes_for(alice)
            for error in RECEIVE_ERRORS:
                # What comes while the host has something in hand is handed over together.
                bob.host.close_vault()
                before = len(bob.host.batches.all)
                await alice.send(bob, AHEAD, routes=routes)
                await bob.host.batches.until(lambda batches, before=before: len(batches) > before)
                sent = await alice.send(bob, b"it finds no room", b"nor does this", b"nor this", routes=routes)
                await anyio.wait_all_tasks_blocked()
                bob.host.answer = self._fails(error)
                bob.host.open_vault()
                outcomes = await alice.host.finals(sent)
                assert {*outcomes} <= {Outcome.LOST, Outcome.REFUSED}, f"`receive` raised {error!r}: nothing was taken"
                bob.host.answer = commit_all
                await self._reach_again(bench, alice, bob)
            assert {received.envelope for received in bob.host.received.all} == {AHEAD, AGAIN}

    async def test_what_is_not_committed_when_the_receiver_stops_is_lost(self, bench: TransportBench) -> None:
        needs("final=DELIVERED", kept=bench.capabilities.final is Outcome.DELIVERED)
        async with accounts(bench, 1) as (alice,):
            async with accounts(bench, 1) as (bob,):
                bob.host.close_vault()
                sent = await alice.send(bob, b"one", b"two")
                await bob.host.batches.until(bool)
            outcomes = await alice.host.finals(sent)
            assert outcomes == [Outcome.LOST, Outcome.LOST], "`receive` was cancelled: nothing was taken"

    async def test_delivered_comes_after_the_commit_however_long_that_takes(self, bench: TransportBench) -> None:
        needs("final=DELIVERED", kept=bench.capabilities.final is Outcome.DELIVERED)
        async with accounts(bench, 3) as (alice, bob, carol):
            await deliver(bench, alice, carol, [b"we are connected"])
            bob.host.close_vault()
            (sent,) = await alice.send(bob, b"hello")
            await bob.host.batches.until(bool)
            # An answer that was sent before these is there before them.
            for _ in range(5):
                await deliver(bench, alice, carol, [b"time passes"])
                await deliver(bench, carol, alice, [b"time passes"])
            assert alice.host.outcomes(sent) == [Outcome.SENT]
            bob.host.open_vault()
            assert (await alice.host.final(sent)).outcome is Outcome.DELIVERED

    # -- its life

    @pytest.mark.parametrize("held", ["dialling", "signing"])
    async def test_nobody_is_within_reach_before_they_are_proven(self, bench: TransportBench, held: str) -> None:
        needs("connects", kept=bench.capabilities.connects)
        async with accounts(bench, 2) as (alice, bob):
            gates = [self._gate(account, held) for account in (alice, bob)]
            came = [len(gate.reached.all) for gate in gates]
            for gate in gates:
                gate.close()
            async with anyio.create_task_group() as tasks:
                tasks.start_soon(deliver, bench, alice, bob, [b"hello"])
                await self._one_of(alice, bob, held, came)
                stands = [len(gate.reached.all) > before for gate, before in zip(gates, came, strict=True)]
                if any(stands):
                    assert not alice.transport.reachable(bob.peer)
                    assert not bob.transport.reachable(alice.peer)
                    assert not [news for each in (alice, bob) for news in each.host.nearness.all if news.reachable]
                for gate in gates:
                    gate.open()
            await alice.host.sees(bob.peer, reachable=True)

    async def test_an_object_runs_once(self, bench: TransportBench) -> None:
        async with accounts(bench, 1) as (alice,):
            with anyio.fail_after(PATIENCE), pytest.raises(RuntimeError):
                await alice.transport.run(task_status=TASK_STATUS_IGNORED)
            assert alice.host.states.all[-1].phase is Phase.ONLINE
            async with accounts(bench, 1) as (bob,):
                await deliver(bench, alice, bob, [b"the first run goes on"])
                await bob.host.receives(b"the first run goes on")
        with anyio.fail_after(PATIENCE), pytest.raises(RuntimeError):
            await alice.transport.run(task_status=TASK_STATUS_IGNORED)
        assert alice.host.states.all[-1].phase is Phase.STOPPED

    @staticmethod
    def _fails(error: Exception) -> Answer:
        def answer(source: PeerId | None, envelope: bytes) -> Disposition:
            del source
            if envelope != AHEAD:
                raise error
            return COMMITTED

        return answer

    @staticmethod
    def _is_not_repeated(account: Account, *envelopes: bytes, last: bytes) -> None:
        """Check that none of these was handed over twice, nor behind what was sent later."""
        offered = account.host.offered.all
        again = [each for each in envelopes if offered.count(each) > 1]
        assert not again, "it sent something again by itself: that is the host's to do"
        assert not [each for each in offered[offered.index(last) :] if each in envelopes]

    @staticmethod
    async def _send(
        sender: Account, to: Account, routes: Sequence[Route], sent: Sequence[Outgoing], taken: list[object]
    ) -> None:
        """Send, and note where that returns."""
        await sender.transport.send(to.peer, routes, sent)
        taken.append(sent)

    async def _reach_again(self, bench: TransportBench, sender: Account, receiver: Account) -> None:
        """Deliver something, after as many tries as it takes until the line that broke is known to be broken."""
        with anyio.fail_after(PATIENCE):
            outcome = None
            while outcome is not bench.capabilities.final:
                with suppress(PeerUnreachable):
                    (sent,) = await sender.send(receiver, AGAIN)
                    outcome = (await sender.host.final(sent)).outcome
            await receiver.host.received.until(lambda received: AGAIN in [each.envelope for each in received])

    @staticmethod
    def _gate(account: Account, held: str) -> Gate:
        return account.host.dialling if held == "dialling" else account.host.signing

    async def _one_of(self, alice: Account, bob: Account, held: str, came: Sequence[int]) -> None:
        """Wait until one of the two stands at the gate, or has received what was sent."""
        async with anyio.create_task_group() as tasks:

            async def until_at_gate(account: Account, before: int) -> None:
                await self._gate(account, held).reached.until(lambda reached: len(reached) > before)
                tasks.cancel_scope.cancel()

            async def until_received() -> None:
                await bob.host.received.until(bool)
                tasks.cancel_scope.cancel()

            tasks.start_soon(until_received)
            for account, before in zip((alice, bob), came, strict=True):
                tasks.start_soon(until_at_gate, account, before)
