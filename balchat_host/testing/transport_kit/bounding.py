"""What a transport that stores keeps to where others fill it up, and where the host refuses something for now."""

from contextlib import suppress
from dataclasses import replace
from secrets import token_bytes
from typing import Final

import anyio
import pytest

from balchat_host.api.errors import NetworkUnavailable, PeerUnreachable
from balchat_host.api.transport import MAX_ENVELOPE_SIZE, Disposition, Outcome, Verdict
from balchat_host.api.types import PeerId
from balchat_host.testing.fake_transport_context import COMMITTED
from balchat_host.testing.transport_kit.bench import (
    Account,
    TransportBench,
    accounts,
    answers,
    deliver,
    needs,
    transport_for,
)
from balchat_host.testing.transport_kit.storing_base import StoringBase, again, clock_put, gets, numbered
from balchat_host.testing.transport_kit.troubles import Impostor
from balchat_host.testing.waiting import PATIENCE, running

MOST_AT_ONCE: Final = 16 * 1024 * 1024
"""Octets that may be handed to the host at once: all of them are in memory."""
MUCH: Final = 24
"""So many of the largest envelopes are more than that."""
_AT_ONCE: Final = 1.0
_FOR_NOW: Final = Disposition(verdict=Verdict.REFUSED, reason="requests-full", retry_after=60.0)


@pytest.mark.anyio
class BoundedStoringTests(StoringBase):
    """What a transport that stores keeps to, whatever others leave there."""

    # -- what is refused for now

    async def test_what_is_refused_for_now_stays_stored(self, bench: TransportBench) -> None:
        self.needs_storing(bench)
        async with accounts(bench, 1) as (alice,):
            async with accounts(bench, 1) as (bob,):
                bob.host.answer = answers(_FOR_NOW, only=b"not now")
                await deliver(bench, alice, bob, [b"one", b"not now"])
                await bob.host.received.until(lambda got: b"not now" in [each.envelope for each in got])
                await anyio.wait_all_tasks_blocked()  # what has been committed goes
                await deliver(bench, alice, bob, [b"meanwhile"])
            async with again(bench, bob, alice) as restarted:
                await restarted.host.received.until(lambda got: b"not now" in [each.envelope for each in got])
                await deliver(bench, alice, restarted, [b"two"])
                await restarted.host.received.until(lambda got: got[-1].envelope == b"two")

    async def test_what_is_refused_for_now_holds_up_nothing(self, bench: TransportBench) -> None:
        self.needs_storing(bench)
        async with accounts(bench, 3) as (alice, bob, carol):
            bob.host.answer = answers(_FOR_NOW, only=b"not now")
            await deliver(bench, alice, bob, [b"not now", b"beside it"])
            for number, sender in enumerate((alice, alice, alice, carol)):
                later = b"behind it, %d" % number
                # A clock that is put makes no time pass.
                with clock_put(number * 3600.0):
                    await deliver(bench, sender, bob, [later])
                    await bob.host.received.until(lambda got, later=later: later in [each.envelope for each in got])
            offered = [each.envelope for each in bob.host.received.all]
            assert b"beside it" in offered
            assert offered.count(b"not now") == 1, "it was offered again before its time"
            twice = [each for each in bob.host.offered.all if bob.host.offered.all.count(each) > 1]
            assert not twice, "what the host has taken was offered again in the same run"

    @pytest.mark.parametrize("retry_after", [0.0, 0.2])
    async def test_what_is_refused_for_now_is_offered_again_after_its_time(
        self, bench: TransportBench, retry_after: float
    ) -> None:
        self.needs_storing(bench)
        needs("offers_again within a second", kept=bench.capabilities.offers_again <= 1)
        offered: list[float] = []

        def answer(source: PeerId | None, envelope: bytes) -> Disposition:
            del source
            if envelope != b"not now":
                return COMMITTED
            offered.append(anyio.current_time())
            return replace(_FOR_NOW, retry_after=retry_after) if len(offered) == 1 else COMMITTED

        async with accounts(bench, 2) as (alice, bob):
            bob.host.answer = answer
            await deliver(bench, alice, bob, [b"not now", b"behind it"])
            await bob.host.received.until(lambda got: b"not now" in [each.envelope for each in got])
            with clock_put(-3600.0):
                await bob.host.received.until(lambda got: [each.envelope for each in got].count(b"not now") > 1)
            assert offered[1] - offered[0] >= retry_after

    # -- bounds

    async def test_what_waits_for_one_peer_is_bounded(self, bench: TransportBench) -> None:
        self.needs_storing(bench)
        most = bench.capabilities.holds
        assert most is not None, (
            "TransportCapabilities.holds must say how many octets wait for one peer at most, or whoever knows a route "
            "fills the disk. Make a bench with a small bound."
        )
        size = max(1, min(most // 8, MAX_ENVELOPE_SIZE))
        async with accounts(bench, 3) as (alice, bob, carol):
            routes, others = await bob.routes_for(alice), await bob.routes_for(carol)
            await deliver(bench, alice, bob, [b"the way is there"])
            await bob.host.receives(b"the way is there")
        stored: list[bytes] = []
        async with again(bench, alice, bob) as alice:
            # What waits counts, also where it was left before a start.
            for envelope in (token_bytes(size) for _ in range(2)):
                sent = await alice.send(bob, envelope, routes=routes)
                assert await alice.host.finals(sent) == [Outcome.STORED]
                stored.append(envelope)
        async with again(bench, alice, bob) as alice, again(bench, carol, bob) as carol:
            with anyio.fail_after(PATIENCE):
                while sum(map(len, stored)) <= most:
                    (sent,) = alice.host.outgoing(token_bytes(size))
                    try:
                        await alice.transport.send(bob.peer, routes, [sent])
                    except PeerUnreachable:
                        break
                    report = await alice.host.final(sent)
                    if report.outcome is not Outcome.STORED:
                        assert report.outcome is Outcome.REFUSED
                        assert report.retry_after is not None, "there will be room again"
                        break
                    stored.append(sent.envelope)
            assert sum(map(len, stored)) <= most
            assert stored
            (sent,) = await carol.send(bob, token_bytes(size), routes=others)
            assert (await carol.host.final(sent)).outcome is Outcome.STORED, "one who fills up takes the others' room"
            async with again(bench, bob, alice) as restarted:
                await gets(restarted, *stored)
                await self.until_there_is_room(alice, restarted, routes, b"there is room again")

    async def test_what_is_forged_takes_no_room(self, bench: TransportBench) -> None:
        self.needs_storing(bench)
        needs("proves_source", kept=bench.capabilities.proves_source)
        most = bench.capabilities.holds or 0
        size = max(1, min(most // 8, MAX_ENVELOPE_SIZE))
        async with accounts(bench, 2) as (alice, bob):
            routes = await bob.routes_for(alice)
            network = bench.network()
            host = Impostor(network, claims=alice.peer)
            mallory = Account(host, transport_for(bench, host))
            async with running(network), running(mallory.transport):
                with suppress(NetworkUnavailable):
                    for _ in range(2 * most // size):
                        (sent,) = host.outgoing(token_bytes(size))
                        with suppress(PeerUnreachable):
                            await mallory.transport.send(bob.peer, routes, [sent])
                            await host.final(sent)
            good = token_bytes(size)
            await self.until_there_is_room(alice, bob, routes, good)
            got = await bob.host.received.until(bool)
            assert {each.envelope for each in got} == {good}

    async def test_what_is_handed_over_at_once_is_bounded(self, bench: TransportBench) -> None:
        self.needs_storing(bench)
        large = numbered(MUCH, MAX_ENVELOPE_SIZE)
        # A small one stands behind each large one: whoever takes first what fits mixes them up.
        envelopes = [each for pair in zip(large, numbered(MUCH), strict=True) for each in pair]
        fits = (bench.capabilities.holds or 0) >= sum(map(len, envelopes))
        needs(f"holds={MUCH} of the largest envelopes", kept=fits)
        alice, bob, routes = await self.absent(bench)
        for some in (envelopes[:MUCH], envelopes[MUCH:]):
            async with again(bench, alice, bob) as alice:
                sent = await alice.send(bob, *some, routes=routes)
                assert set(await alice.host.finals(sent)) == {Outcome.STORED}
        async with again(bench, bob, alice) as restarted:
            # The last one is there last, so nobody has to wait for what was lost.
            await restarted.host.received.until(lambda got: envelopes[-1] in [each.envelope for each in got[-1:]])
            await gets(restarted, *envelopes, patience=_AT_ONCE)
            assert restarted.host.largest <= MOST_AT_ONCE, "it reads all that waits into memory at once"
