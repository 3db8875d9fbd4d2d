"""What a transport keeps to that has envelopes stored until the peer comes."""

import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path
from stat import S_ISREG
from typing import Final

import anyio
import pytest

from balchat_host.api.errors import NetworkUnavailable, PeerUnreachable, StorageFull
from balchat_host.api.transport import Disposition, Outcome, Outgoing, SendReport, Verdict
from balchat_host.api.types import Route
from balchat_host.testing.fake_transport_context import COMMITTED
from balchat_host.testing.transport_kit.bench import (
    Account,
    TransportBench,
    accounts,
    answers,
    deliver,
    needs,
)
from balchat_host.testing.transport_kit.storing_base import StoringBase, again, clock_put, gets, numbered
from balchat_host.testing.waiting import PATIENCE

AFTERWARDS: Final = b"what came afterwards"
_RESTARTS: Final = 5
"""Starts after which something that was taken must have gone from where it was stored."""
_LOOKS: Final = 100
"""Envelopes that came afterwards; by then it must have gone, too."""
_TOO_EARLY: Final = "it called `read_to_end` before the host had all that was stored: keys that it still needs go then"
_DAY: Final = 24 * 3600
_FOR_GOOD: Final = Disposition(verdict=Verdict.REFUSED, reason="malformed")


def octets_in(folders: Sequence[Path]) -> int:
    """Return how many octets lie in the files of folders, some of which may go meanwhile."""
    octets = 0
    for path in [path for folder in folders for path in folder.rglob("*")]:
        with suppress(FileNotFoundError):
            found = path.stat()
            octets += found.st_size if S_ISREG(found.st_mode) else 0
    return octets


@pytest.mark.anyio
class StoringTests(StoringBase):
    """What a transport keeps to that has envelopes stored until the peer comes."""

    # -- what is stored is on the disk

    @pytest.mark.parametrize("at", [1, 5])
    async def test_what_is_stored_outlives_a_power_failure(self, bench: TransportBench, at: int) -> None:
        self.needs_storing(bench)
        needs("power", kept=bench.capabilities.power)
        envelopes = numbered(5)
        stored: list[bytes] = []
        async with bench.power() as power:
            alice, bob, routes = await self.absent(bench)
            async with again(bench, alice, bob) as alice:

                def told(report: SendReport) -> None:
                    if report.outcome is Outcome.STORED and len(stored) < at:
                        stored.append(by_ticket[report.ticket])
                        if len(stored) == at:
                            power.off()

                sent = alice.host.outgoing(*envelopes)
                by_ticket = {each.ticket: each.envelope for each in sent}
                alice.host.when_reported = told
                await self._try_to_send(alice, bob, routes, sent)
            assert len(stored) == at, "too few were stored"
            await power.on()
            async with again(bench, bob, alice) as restarted:
                await gets(restarted, *stored)

    @pytest.mark.parametrize("after", [0, 1])
    async def test_what_finds_no_room_is_not_stored(self, bench: TransportBench, after: int) -> None:
        self.needs_storing(bench)
        needs("fills_up", kept=bench.capabilities.fills_up)
        async with bench.power() as power, accounts(bench, 2) as (alice, bob):
            routes = await bob.routes_for(alice)
            sent = alice.host.outgoing(*numbered(3))
            if after:
                alice.host.when_reported = lambda report: power.fill(full=report.outcome is Outcome.STORED)
            else:
                power.fill(full=True)
            await self._try_to_send(alice, bob, routes, sent)
            alice.host.when_reported = lambda _: None
            power.fill(full=False)
            stored = [each.envelope for each in sent if Outcome.STORED in alice.host.outcomes(each)]
            assert after or not stored
            await deliver(bench, alice, bob, [b"there is room again"])
            await gets(bob, *stored, b"there is room again")

    async def test_a_clock_that_is_put_keeps_the_order(self, bench: TransportBench) -> None:
        self.needs_storing(bench)
        envelopes = numbered(3)
        alice, bob, routes = await self.absent(bench)
        async with again(bench, alice, bob) as alice:
            for envelope, seconds in zip(envelopes, (0, -_DAY, _DAY), strict=True):
                with clock_put(seconds):
                    sent = await alice.send(bob, envelope, routes=routes)
                    assert await alice.host.finals(sent) == [Outcome.STORED]
        async with again(bench, bob, alice) as restarted:
            await gets(restarted, *envelopes)

    # -- it stays there until the host has it

    async def test_what_is_not_yet_committed_stays_stored(self, bench: TransportBench) -> None:
        self.needs_storing(bench)
        alice, bob = await self._stopped_before_the_commit(bench)
        async with again(bench, bob, alice) as restarted:
            await gets(restarted, b"one", b"two")

    async def test_what_is_not_yet_committed_outlives_a_power_failure(self, bench: TransportBench) -> None:
        self.needs_storing(bench)
        needs("power", kept=bench.capabilities.power)
        async with bench.power() as power:
            alice, bob = await self._stopped_before_the_commit(bench, before=power.off)
            await power.on()
            async with again(bench, bob, alice) as restarted:
                await gets(restarted, b"one", b"two")

    @pytest.mark.parametrize("error", [StorageFull(), RuntimeError("nobody foresaw this")], ids=["full", "unforeseen"])
    async def test_what_the_host_could_not_take_stays_stored(self, bench: TransportBench, error: Exception) -> None:
        self.needs_storing(bench)
        async with accounts(bench, 1) as (alice,):
            async with accounts(bench, 1) as (bob,):
                bob.host.receive_error = error
                began = int(time.time() * 1000)
                await deliver(bench, alice, bob, [b"one", b"two"])
                await bob.host.failures.until(bool)
                await anyio.wait_all_tasks_blocked()
                assert (bob.host.read_until or 0) <= began, _TOO_EARLY
            async with again(bench, bob, alice) as restarted:
                await gets(restarted, b"one", b"two")

    @pytest.mark.parametrize("answer", [COMMITTED, _FOR_GOOD], ids=["committed", "refused"])
    async def test_what_the_host_has_decided_on_is_not_stored_any_more(
        self, bench: TransportBench, answer: Disposition
    ) -> None:
        self.needs_storing(bench)
        answering = answers(answer, but=AFTERWARDS)
        async with accounts(bench, 1) as (alice,):
            async with accounts(bench, 1, answer=answering) as (bob,):
                await deliver(bench, alice, bob, numbered(5))
                await bob.host.received.until(lambda received: len(received) >= 5)  # noqa: PLR2004  # all of them
            for _ in range(_RESTARTS):
                async with again(bench, bob, alice, answering) as restarted:
                    await deliver(bench, alice, restarted, [AFTERWARDS])
                    got = await restarted.host.received.until(lambda got: AFTERWARDS in [each.envelope for each in got])
                    if {each.envelope for each in got} == {AFTERWARDS}:
                        return
            pytest.fail(f"what the host has decided on was offered again at each of {_RESTARTS} starts")

    async def test_what_was_taken_leaves_no_files(self, bench: TransportBench) -> None:
        self.needs_storing(bench)
        needs("folders", kept=bool(bench.folders()))
        sizes: list[int] = []
        async with accounts(bench, 2) as (alice, bob):
            for _ in range(4):
                await deliver(bench, alice, bob, numbered(8, 20_000))
                expected = len(sizes) * 8 + 8
                await bob.host.received.until(lambda got, expected=expected: len(got) >= expected)
                sizes.append(await anyio.to_thread.run_sync(octets_in, bench.folders()))
            looks = 0
            while sizes[-1] >= 8 * 20_000:
                looks += 1
                assert looks < _LOOKS, "what was taken lies there still"
                await deliver(bench, alice, bob, [b"is it gone?"])
                sizes.append(await anyio.to_thread.run_sync(octets_in, bench.folders()))

    # -- what the tests are made of

    @staticmethod
    async def _try_to_send(alice: Account, bob: Account, routes: Sequence[Route], sent: Sequence[Outgoing]) -> None:
        """Send something that may not be taken."""
        with anyio.fail_after(PATIENCE):
            try:
                await alice.transport.send(bob.peer, routes, sent)
            except (PeerUnreachable, NetworkUnavailable):
                assert not any(alice.host.outcomes(each) for each in sent), "what raised has taken nothing"
            else:
                await alice.host.finals(sent)

    async def _stopped_before_the_commit(
        self, bench: TransportBench, before: Callable[[], None] = lambda: None
    ) -> tuple[Account, Account]:
        """Return a sender, and an account that was stopped while its host had two envelopes in hand, uncommitted."""
        async with accounts(bench, 2) as (alice, carol):
            async with accounts(bench, 1) as (bob,):
                routes = await bob.routes_for(alice)
                bob.host.close_vault()
                began = int(time.time() * 1000)
                sent = await alice.send(bob, b"one", b"two", routes=routes)
                assert set(await alice.host.finals(sent)) == {Outcome.STORED}
                await bob.host.batches.until(bool)
                # What was removed, or acknowledged, too early is so before these have arrived.
                for _ in range(5):
                    await deliver(bench, alice, carol, [b"time passes"])
                    await deliver(bench, carol, alice, [b"time passes"])
                before()
            assert bob.host.received.all == []
            assert (bob.host.read_until or 0) <= began, _TOO_EARLY
        return alice, bob
