"""What a transport keeps to that has envelopes stored until the peer comes."""

from collections.abc import AsyncGenerator, Callable, Sequence
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from secrets import token_bytes
from stat import S_ISREG
from typing import Final

import anyio
import pytest

from balchat_host.api.errors import NetworkUnavailable, PeerUnreachable, StorageFull
from balchat_host.api.transport import MAX_ENVELOPE_SIZE, Disposition, Outcome, Outgoing, SendReport, Verdict
from balchat_host.api.types import Route
from balchat_host.testing.fake_transport_context import COMMITTED, Answer, commit_all
from balchat_host.testing.transport_kit.bench import (
    Account,
    TransportBench,
    TransportKitBase,
    accounts,
    answers,
    deliver,
    needs,
)
from balchat_host.testing.waiting import PATIENCE

MOST_AT_ONCE: Final = 16 * 1024 * 1024
"""Octets that may be handed to the host at once: all of them are in memory."""
MUCH: Final = 24
"""So many of the largest envelopes are more than that."""
AFTERWARDS: Final = b"what came afterwards"
_RETRY: Final = 0.05
_RESTARTS: Final = 5
"""Starts after which something that was taken must have gone from where it was stored."""
_FOR_NOW: Final = Disposition(verdict=Verdict.REFUSED, reason="requests-full", retry_after=60.0)
_FOR_GOOD: Final = Disposition(verdict=Verdict.REFUSED, reason="malformed")


def numbered(count: int, size: int = 1000) -> list[bytes]:
    """Return envelopes, each another."""
    return [bytes([number]) + token_bytes(size - 1) for number in range(count)]


def octets_in(folders: Sequence[Path]) -> int:
    """Return how many octets lie in the files of folders, some of which may go meanwhile."""
    octets = 0
    for path in [path for folder in folders for path in folder.rglob("*")]:
        with suppress(FileNotFoundError):
            found = path.stat()
            octets += found.st_size if S_ISREG(found.st_mode) else 0
    return octets


async def gets(account: Account, *envelopes: bytes) -> None:
    """Wait until an account has these, and check their order. What came before may come again, and harms nobody."""
    got = await account.host.received.until(lambda received: {each.envelope for each in received} >= {*envelopes})
    assert [each for each in dict.fromkeys(each.envelope for each in got) if each in envelopes] == [*envelopes]


@asynccontextmanager
async def again(
    bench: TransportBench, account: Account, contact: Account, answer: Answer = commit_all
) -> AsyncGenerator[Account]:
    """Start an account again with what it remembers; as at each start, it is asked for routes to each contact."""
    async with accounts(bench, 1, key=account.host.key, area=account.host.area, answer=answer) as (started,):
        await started.transport.allocate_routes(contact.peer)
        yield started


@pytest.mark.anyio
class StoringTests(TransportKitBase):
    """What a transport keeps to that has envelopes stored until the peer comes."""

    # -- what is stored is on the disk

    @pytest.mark.parametrize("at", [1, 5])
    async def test_what_is_stored_outlives_a_power_failure(self, bench: TransportBench, at: int) -> None:
        self._needs_storing(bench)
        needs("power", kept=bench.capabilities.power)
        envelopes = numbered(5)
        stored: list[bytes] = []
        async with bench.power() as power:
            alice, bob, routes = await self._absent(bench)
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
        self._needs_storing(bench)
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

    # -- it stays there until the host has it

    async def test_what_is_not_yet_committed_stays_stored(self, bench: TransportBench) -> None:
        self._needs_storing(bench)
        alice, bob = await self._stopped_before_the_commit(bench)
        async with again(bench, bob, alice) as restarted:
            await gets(restarted, b"one", b"two")

    async def test_what_is_not_yet_committed_outlives_a_power_failure(self, bench: TransportBench) -> None:
        self._needs_storing(bench)
        needs("power", kept=bench.capabilities.power)
        async with bench.power() as power:
            alice, bob = await self._stopped_before_the_commit(bench, before=power.off)
            await power.on()
            async with again(bench, bob, alice) as restarted:
                await gets(restarted, b"one", b"two")

    @pytest.mark.parametrize("error", [StorageFull(), RuntimeError("nobody foresaw this")], ids=["full", "unforeseen"])
    async def test_what_the_host_could_not_take_stays_stored(self, bench: TransportBench, error: Exception) -> None:
        self._needs_storing(bench)
        async with accounts(bench, 1) as (alice,):
            async with accounts(bench, 1) as (bob,):
                bob.host.receive_error = error
                await deliver(bench, alice, bob, [b"one", b"two"])
                await bob.host.failures.until(bool)
            async with again(bench, bob, alice) as restarted:
                await gets(restarted, b"one", b"two")

    async def test_what_is_refused_for_now_stays_stored(self, bench: TransportBench) -> None:
        self._needs_storing(bench)
        async with accounts(bench, 1) as (alice,):
            async with accounts(bench, 1) as (bob,):
                bob.host.answer = answers(_FOR_NOW, only=b"not now")
                await deliver(bench, alice, bob, [b"one", b"not now"])
                await bob.host.received.until(lambda got: b"not now" in [each.envelope for each in got])
            async with again(bench, bob, alice) as restarted:
                await restarted.host.received.until(lambda got: b"not now" in [each.envelope for each in got])
                await deliver(bench, alice, restarted, [b"two"])
                await restarted.host.received.until(lambda got: got[-1].envelope == b"two")

    @pytest.mark.parametrize("answer", [COMMITTED, _FOR_GOOD], ids=["committed", "refused"])
    async def test_what_the_host_has_decided_on_is_not_stored_any_more(
        self, bench: TransportBench, answer: Disposition
    ) -> None:
        self._needs_storing(bench)
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
        self._needs_storing(bench)
        needs("folders", kept=bool(bench.folders()))
        sizes: list[int] = []
        async with accounts(bench, 2) as (alice, bob):
            for _ in range(4):
                await deliver(bench, alice, bob, numbered(8, 20_000))
                expected = len(sizes) * 8 + 8
                await bob.host.received.until(lambda got, expected=expected: len(got) >= expected)
                sizes.append(await anyio.to_thread.run_sync(octets_in, bench.folders()))
            with anyio.fail_after(PATIENCE):
                while sizes[-1] >= 8 * 20_000:
                    await deliver(bench, alice, bob, [b"is it gone?"])
                    sizes.append(await anyio.to_thread.run_sync(octets_in, bench.folders()))

    # -- bounds

    async def test_what_waits_for_one_peer_is_bounded(self, bench: TransportBench) -> None:
        self._needs_storing(bench)
        most = bench.capabilities.holds
        assert most is not None, (
            "TransportCapabilities.holds must say how many octets wait for one peer at most, or whoever knows a route "
            "fills the disk. Make a bench with a small bound."
        )
        size = max(1, min(most // 8, MAX_ENVELOPE_SIZE))
        alice, bob, routes = await self._absent(bench)
        stored: list[bytes] = []
        async with again(bench, alice, bob) as alice:
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
            async with again(bench, bob, alice) as restarted:
                await gets(restarted, *stored)
                await self._until_there_is_room(alice, restarted, routes)

    async def test_what_is_handed_over_at_once_is_bounded(self, bench: TransportBench) -> None:
        self._needs_storing(bench)
        count = min(MUCH, (bench.capabilities.holds or MUCH * MAX_ENVELOPE_SIZE) // MAX_ENVELOPE_SIZE)
        needs(f"holds={MUCH} of the largest envelopes", kept=count == MUCH)
        alice, bob, routes = await self._absent(bench)
        async with again(bench, alice, bob) as alice:
            sent = await alice.send(bob, *numbered(MUCH, MAX_ENVELOPE_SIZE), routes=routes)
            assert set(await alice.host.finals(sent)) == {Outcome.STORED}
        async with again(bench, bob, alice) as restarted:
            await restarted.host.received.until(lambda received: len(received) >= MUCH)
            assert restarted.host.largest <= MOST_AT_ONCE

    # -- what the tests are made of

    @staticmethod
    def _needs_storing(bench: TransportBench) -> None:
        needs("final=STORED", kept=bench.capabilities.final is Outcome.STORED)

    @staticmethod
    async def _absent(bench: TransportBench) -> tuple[Account, Account, Sequence[Route]]:
        """Return two accounts that have stopped, and the routes of the first one to the second."""
        async with accounts(bench, 2) as (alice, bob):
            routes = await bob.routes_for(alice)
            await deliver(bench, alice, bob, [b"the way is there"])
            await bob.host.receives(b"the way is there")
            await deliver(bench, alice, bob, [b"still"])
            await bob.host.receives(b"the way is there", b"still")
        return alice, bob, routes

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
                sent = await alice.send(bob, b"one", b"two", routes=routes)
                assert set(await alice.host.finals(sent)) == {Outcome.STORED}
                await bob.host.batches.until(bool)
                # What was removed, or acknowledged, too early is so before these have arrived.
                for _ in range(5):
                    await deliver(bench, alice, carol, [b"time passes"])
                    await deliver(bench, carol, alice, [b"time passes"])
                before()
            assert bob.host.received.all == []
        return alice, bob

    @staticmethod
    async def _until_there_is_room(alice: Account, bob: Account, routes: Sequence[Route]) -> None:
        with anyio.fail_after(PATIENCE):
            while True:
                (sent,) = alice.host.outgoing(b"there is room again")
                try:
                    await alice.transport.send(bob.peer, routes, [sent])
                except PeerUnreachable:
                    pass
                else:
                    if (await alice.host.final(sent)).outcome is Outcome.STORED:
                        return
                await anyio.sleep(_RETRY)
