"""What a transport says about envelopes, and about who is within reach."""

from contextlib import suppress
from dataclasses import replace
from secrets import token_bytes
from typing import Final

import anyio
import pytest

from balchat_host.api.errors import NetworkUnavailable, PeerUnreachable
from balchat_host.api.transport import (
    MAX_ENVELOPE_SIZE,
    Disposition,
    Outcome,
    Verdict,
)
from balchat_host.api.types import DEVICE_ID_SIZE, DeviceIdentity
from balchat_host.testing.audit import confide
from balchat_host.testing.fake_transport_context import FakeTransportContext, Nearness
from balchat_host.testing.transport_kit.bench import (
    ADDRESS,
    TransportBench,
    TransportKitBase,
    accounts,
    answers,
    deliver,
    needs,
    refused,
)

_CODES: Final = ("x", "0", "-", "http-404", "a-code-of-64-characters-".ljust(64, "z"))
_NO_CODES: Final = ("Bob's disk is /dev/x", "", "Full", "full\n", "full_up", "f\u00fcll", "\u0663", "z" * 65)
"""Reasons that no code is made of; one of them is too long."""
_WEEK: Final = 7 * 24 * 3600.0


@pytest.mark.anyio
class ReportTests(TransportKitBase):
    """What a transport says about envelopes, and about who is within reach."""

    # -- what is said about them

    async def test_delivered_means_committed(self, bench: TransportBench) -> None:
        needs("final=DELIVERED", kept=bench.capabilities.final is Outcome.DELIVERED)
        async with accounts(bench, 2) as (alice, bob):
            bob.host.close_vault()
            (sent,) = await alice.send(bob, b"hello")
            await bob.host.batches.until(lambda batches: batches == [1])
            await anyio.wait_all_tasks_blocked()
            assert alice.host.outcomes(sent) == [Outcome.SENT]
            assert bob.host.received.all == []
            bob.host.open_vault()
            assert (await alice.host.final(sent)).outcome is Outcome.DELIVERED

    @pytest.mark.parametrize("retry_after", [None, 0.0, 0.25, 90.0, _WEEK])
    async def test_a_refusal_comes_with_its_reason_and_its_time(
        self, bench: TransportBench, retry_after: float | None
    ) -> None:
        needs("answers", kept=bench.capabilities.answers)
        async with accounts(bench, 2) as (alice, bob):
            refused = Disposition(verdict=Verdict.REFUSED, reason="requests-full", retry_after=retry_after)
            bob.host.answer = answers(refused, only=b"bad")
            good, bad, last = await alice.send(bob, b"good", b"bad", b"last")
            assert await alice.host.finals([good, last]) == [Outcome.DELIVERED, Outcome.DELIVERED]
            report = await alice.host.final(bad)
            assert (report.outcome, report.reason) == (Outcome.REFUSED, "requests-full")
            told = report.retry_after
            if retry_after is None or told is None:
                assert told == retry_after, "None means never, and 0 means at once"
            else:
                assert retry_after <= told < retry_after + 1, "it may be rounded up to a whole second, and not down"

    async def test_a_reason_that_is_no_code_stays_at_home(self, bench: TransportBench) -> None:
        needs("answers", kept=bench.capabilities.answers)
        async with accounts(bench, 2) as (alice, bob):
            for reason in _NO_CODES:
                bob.host.answer = answers(Disposition(verdict=Verdict.REFUSED, reason=reason))
                (sent,) = await alice.send(bob, b"hello")
                report = await alice.host.final(sent)
                assert (report.outcome, report.reason) == (Outcome.REFUSED, None)

    async def test_a_reason_is_any_code(self, bench: TransportBench) -> None:
        needs("answers", kept=bench.capabilities.answers)
        async with accounts(bench, 2) as (alice, bob):
            for reason in _CODES:
                bob.host.answer = answers(Disposition(verdict=Verdict.REFUSED, reason=reason))
                (sent,) = await alice.send(bob, b"hello")
                report = await alice.host.final(sent)
                assert (report.outcome, report.reason) == (Outcome.REFUSED, reason)

    async def test_nothing_is_said_about_what_was_ignored(self, bench: TransportBench) -> None:
        needs("answers", kept=bench.capabilities.answers)
        ignored = Disposition(verdict=Verdict.IGNORED)
        async with accounts(bench, 2) as (alice, bob):
            bob.host.answer = answers(ignored, only=b"ignored")
            sent = await alice.send(bob, b"one", b"ignored", b"two")
            assert await alice.host.finals([sent[0], sent[2]]) == [Outcome.DELIVERED, Outcome.DELIVERED]
            await anyio.wait_all_tasks_blocked()
            assert alice.host.outcomes(sent[1]) == [Outcome.SENT]
        assert alice.host.outcomes(sent[1]) == [Outcome.SENT, Outcome.LOST]

    async def test_replies_are_received_before_the_sender_learns_of_delivery(self, bench: TransportBench) -> None:
        needs("answers", kept=bench.capabilities.answers)
        async with accounts(bench, 3) as (alice, bob, carol):
            await deliver(bench, carol, bob, [b"somebody else is there, too"])
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
            assert carol.host.offered.all == [], "a reply went to somebody else than the sender"

    async def test_it_takes_no_more_than_it_can_hold(self, bench: TransportBench) -> None:
        needs("final=DELIVERED", kept=bench.capabilities.final is Outcome.DELIVERED)
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
        needs("connects", kept=bench.capabilities.connects)
        async with accounts(bench, 1) as (alice,):
            stranger = FakeTransportContext(bench.network()).identity
            routes = alice.transport.first_routes(stranger)
            assert routes
            sent = alice.host.outgoing(b"hello?")
            with refused(PeerUnreachable):
                await alice.transport.send(stranger, routes, sent)
            assert alice.host.outcomes(sent[0]) == []
            assert not alice.transport.reachable(stranger)

    async def test_both_sides_learn_that_they_are_within_reach_and_no_more(self, bench: TransportBench) -> None:
        needs("connects", kept=bench.capabilities.connects)
        async with accounts(bench, 1) as (alice,):
            async with accounts(bench, 1) as (bob,):
                assert not alice.transport.reachable(bob.peer)
                await deliver(bench, alice, bob, [b"hello"])
                for one, other in ((alice, bob), (bob, alice)):
                    await one.host.sees(other.peer, reachable=True)
                    assert one.transport.reachable(other.peer)
                for one, other in ((alice, bob), (bob, alice)):
                    await deliver(bench, one, other, [b"and again"])
                    assert [news.reachable for news in one.host.nearness.all] == [True], "nothing has changed"
            await alice.host.sees(bob.peer, reachable=False)
            assert not alice.transport.reachable(bob.peer)

    async def test_sending_nothing_only_connects(self, bench: TransportBench) -> None:
        needs("connects", kept=bench.capabilities.connects)
        async with accounts(bench, 2) as (alice, bob):
            await alice.send(bob)
            assert alice.transport.reachable(bob.peer)
            await bob.host.sees(alice.peer, reachable=True)
            assert bob.host.received.all == []

    async def test_a_disconnected_peer_is_out_of_reach_and_may_come_again(self, bench: TransportBench) -> None:
        needs("connects", kept=bench.capabilities.connects)
        async with accounts(bench, 2) as (alice, bob):
            await deliver(bench, alice, bob, [b"one"])
            await bob.transport.disconnect(alice.peer)
            assert not bob.transport.reachable(alice.peer)
            await alice.host.sees(bob.peer, reachable=False)
            await bob.transport.disconnect(alice.peer)
            await deliver(bench, alice, bob, [b"two"])
            await bob.host.receives(b"one", b"two")

    async def test_who_is_disconnected_takes_nobody_along(self, bench: TransportBench) -> None:
        needs("connects", kept=bench.capabilities.connects)
        async with accounts(bench, 3) as (alice, bob, carol):
            for each in (bob, carol):
                await deliver(bench, each, alice, [b"hello"])
                await alice.host.sees(each.peer, reachable=True)
            await alice.transport.disconnect(FakeTransportContext(bench.network()).identity)  # who was never there
            await alice.transport.disconnect(bob.peer)
            await bob.host.sees(alice.peer, reachable=False)
            assert not alice.transport.reachable(bob.peer), "`reachable` is about that peer, and not about anybody"
            assert alice.transport.reachable(carol.peer)
            assert [news.reachable for news in carol.host.nearness.all] == [True]
            told = [news.reachable for news in alice.host.nearness.all if news.peer == carol.peer]
            assert told == [True], "it said that somebody left whose stream still stands"

    async def test_whoever_cannot_be_reached_yet_holds_up_nobody_else(self, bench: TransportBench) -> None:
        needs("connects", kept=bench.capabilities.connects)
        async with accounts(bench, 3) as (alice, bob, carol):
            await deliver(bench, alice, carol, [b"hello"])
            came = len(alice.host.dialling.reached.all)
            alice.host.dialling.close()
            async with anyio.create_task_group() as tasks:
                tasks.start_soon(deliver, bench, alice, bob, [b"at last"])
                await alice.host.dialling.reached.until(lambda reached: len(reached) > came)
                await deliver(bench, alice, carol, [b"meanwhile"])
                alice.host.dialling.open()
            await bob.host.receives(b"at last")

    async def test_a_peer_who_takes_nothing_holds_up_nobody_else(self, bench: TransportBench) -> None:
        needs("final=DELIVERED", kept=bench.capabilities.final is Outcome.DELIVERED)
        async with accounts(bench, 3) as (alice, bob, carol):
            bob.host.close_vault()
            async with anyio.create_task_group() as tasks:
                tasks.start_soon(deliver, bench, alice, bob, [bytes(MAX_ENVELOPE_SIZE)] * 24)
                await bob.host.batches.until(bool)
                await anyio.wait_all_tasks_blocked()
                await deliver(bench, alice, carol, [b"there"])
                await deliver(bench, carol, alice, [b"and back"])
                bob.host.open_vault()

    async def test_devices_of_a_peer_are_told_apart(self, bench: TransportBench) -> None:
        needs("connects", kept=bench.capabilities.connects)
        needs("devices", kept=bench.capabilities.devices)
        async with accounts(bench, 2) as (alice, bob):
            await deliver(bench, alice, bob, [b"here I am"])
            for one, other in ((alice, bob), (bob, alice)):
                await one.host.sees(other.peer, reachable=True)
                device = DeviceIdentity(peer=other.peer, device_id=other.host.device_id)
                assert one.host.nearness.all == [Nearness(device=device, reachable=True)]
                assert one.transport.reachable(other.peer, other.host.device_id)
                assert not one.transport.reachable(other.peer, bytes(DEVICE_ID_SIZE)), "no such device is there"

    async def test_disconnecting_ends_what_is_being_dialled(self, bench: TransportBench) -> None:
        needs("connects", kept=bench.capabilities.connects)
        async with accounts(bench, 2) as (alice, bob):
            routes = await bob.routes_for(alice)
            sent = alice.host.outgoing(b"too late")
            alice.host.dialling.close()

            async def send() -> None:
                with suppress(PeerUnreachable, NetworkUnavailable):
                    await alice.transport.send(bob.peer, routes, sent)
                    await alice.host.finals(sent)

            async with anyio.create_task_group() as tasks:
                tasks.start_soon(send)
                await alice.host.dialling.reached.until(bool)
                await alice.transport.disconnect(bob.peer)
                alice.host.dialling.open()
            assert not bob.host.offered.all, "they were blocked or removed while it dialled"
            assert not alice.transport.reachable(bob.peer)

    async def test_what_has_no_answer_when_it_stops_is_lost(self, bench: TransportBench) -> None:
        needs("final=DELIVERED", kept=bench.capabilities.final is Outcome.DELIVERED)
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
            good = (await bob.routes_for(alice))[0]
            bad = [
                replace(good, transport=f"{good.transport}_of_others"),
                *(
                    replace(good, address=address, sealing_key=None)
                    for address in (b"", good.address + b"x", b"\xff" * len(good.address))
                ),
            ]
            for route in bad:
                confide(ADDRESS, route.address)
            if bench.capabilities.connects and bench.capabilities.devices:
                bad.append(replace(good, device_id=bytes(DEVICE_ID_SIZE)))
            for _ in range(2):
                for route in bad:
                    sent = alice.host.outgoing(b"hello")
                    with refused(PeerUnreachable):
                        await alice.transport.send(bob.peer, [route], sent)
                    assert alice.host.outcomes(sent[0]) == []
                # They lead nowhere also while a stream to the right place stands.
                await deliver(bench, alice, bob, [b"by the good one"])
            assert b"hello" not in bob.host.offered.all
