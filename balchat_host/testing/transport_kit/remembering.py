"""What a transport remembers in its area of the vault, and what it forgets."""

from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Final

import anyio
import pytest

from balchat_host.api.errors import BalchatError, PeerUnreachable, StorageFull
from balchat_host.api.transport import Outcome
from balchat_host.api.types import PeerId, Route
from balchat_host.testing.dict_area import DictArea
from balchat_host.testing.fake_transport_context import FakeTransportContext
from balchat_host.testing.transport_kit.bench import (
    Account,
    TransportBench,
    TransportKitBase,
    accounts,
    deliver,
    needs,
)
from balchat_host.testing.transport_kit.storing_base import RETRY, SLOWEST_RETRY
from balchat_host.testing.waiting import PATIENCE

_ROUNDS: Final = 4


@pytest.mark.anyio
class RememberingTests(TransportKitBase):
    """What a transport remembers in its area of the vault, and what it forgets."""

    async def test_it_goes_on_with_what_it_has_remembered(self, bench: TransportBench) -> None:
        async with accounts(bench, 1) as (alice,):
            async with accounts(bench, 1) as (bob,):
                routes = await bob.routes_for(alice)
                # Whoever is killed now must go on with this: what is remembered when it stops may never be.
                remembered = DictArea(bob.host.area.rows)
            async with accounts(bench, 1, key=bob.host.key, area=remembered) as (again,):
                told = len(again.host.route_news.all)
                if await again.routes_for(alice) != routes:
                    assert self._were_told(again, told, alice.peer)
                    routes = await again.routes_for(alice)
                await self._arrives(bench, alice, again, routes)

    async def test_routes_that_change_are_told(self, bench: TransportBench) -> None:
        async with accounts(bench, 2) as (alice, bob):
            told = len(bob.host.route_news.all)
            before = await bob.transport.allocate_routes(alice.peer)
            await deliver(bench, alice, bob, [b"something happens"])
            await bob.transport.disconnect(alice.peer)
            await bench.prepare(bob.transport)
            after = await bob.transport.allocate_routes(alice.peer)
            assert after == before or self._were_told(bob, told, alice.peer), "TransportContext.routes_changed"

    async def test_a_full_vault_ends_nothing(self, bench: TransportBench) -> None:
        async with accounts(bench, 1) as (alice,):
            async with accounts(bench, 1) as (bob,):
                routes: Sequence[Route] = ()
                bob.host.change_error = StorageFull()
                with suppress(BalchatError):
                    routes = await bob.routes_for(alice)
                with suppress(BalchatError):
                    await bob.transport.forget(FakeTransportContext(bench.network()).identity)
                await bob.transport.disconnect(alice.peer)
                bob.host.change_error = None
                routes = routes or await bob.routes_for(alice)
                await self._arrives(bench, alice, bob, routes)
            async with accounts(bench, 1, key=bob.host.key, area=bob.host.area) as (again,):
                # What was given out has been remembered: else it should have raised.
                await again.transport.allocate_routes(alice.peer)
                await self._arrives(bench, alice, again, routes)

    async def test_nothing_is_kept_of_somebody_who_is_forgotten(self, bench: TransportBench) -> None:
        sizes: list[int] = []
        files: list[int] = []
        forgotten: list[PeerId] = []
        async with accounts(bench, 2) as (alice, carol):
            routes = await alice.routes_for(carol)
            own = await self._files_of_an_account(bench)
            for _ in range(_ROUNDS):
                async with accounts(bench, 1) as (bob,):
                    await deliver(bench, bob, alice, [b"hello"])
                    await alice.host.received.until(lambda got: [each.envelope for each in got][-1:] == [b"hello"])
                    await alice.transport.disconnect(bob.peer)
                    await alice.transport.forget(bob.peer)
                    await self._until(alice, lambda peer=bob.peer: not _holds(alice, peer))
                sizes.append(_size(alice))
                files.append(await anyio.to_thread.run_sync(_count, bench.folders()))
                await alice.transport.forget(bob.peer)  # who is not known is no error
                forgotten.append(bob.peer)
            await self._until(alice, lambda: _size(alice) <= sizes[0], sizes)
            most = files[0] + own * (_ROUNDS - 1)
            assert files[-1] <= most, (
                f"files and folders after each of them: {files}; {own} of an account that met nobody"
            )
            assert await alice.routes_for(carol) == routes
            await self._arrives(bench, carol, alice, routes)
        assert not [peer for peer in forgotten if _holds(alice, peer)], "who was forgotten came back when it stopped"

    async def test_what_leads_to_whoever_was_forgotten_stores_nothing(self, bench: TransportBench) -> None:
        needs("final=STORED", kept=bench.capabilities.final is Outcome.STORED)
        async with accounts(bench, 2) as (alice, bob):
            routes = await bob.routes_for(alice)
            await deliver(bench, alice, bob, [b"hello"])
            await bob.host.receives(b"hello")
            await bob.transport.disconnect(alice.peer)
            await bob.transport.forget(alice.peer)
            pause = RETRY
            with anyio.move_on_after(PATIENCE):
                # Whoever stores may have to be told first.
                while await self._is_stored(alice, bob, routes):
                    await anyio.sleep(pause)
                    pause = min(pause * 2, SLOWEST_RETRY)
                return
        pytest.fail("it says STORED of what lies where nobody will ever look")

    @staticmethod
    async def _is_stored(alice: Account, bob: Account, routes: Sequence[Route]) -> bool:
        try:
            (sent,) = await alice.send(bob, b"is anybody there?", routes=routes)
        except PeerUnreachable:
            return False
        return (await alice.host.final(sent)).outcome is Outcome.STORED

    async def test_only_contacts_are_kept(self, bench: TransportBench) -> None:
        async with accounts(bench, 3) as (alice, bob, carol):
            for each in (bob, carol):
                await alice.routes_for(each)
            routes, theirs = await alice.routes_for(carol), await carol.routes_for(alice)
            held = _holds(alice, bob.peer)
        async with accounts(bench, 1, key=alice.host.key, area=alice.host.area) as (again,):
            before = await anyio.to_thread.run_sync(_count, bench.folders())
            await again.transport.keep_only([carol.peer])
            await self._until(again, lambda: not _holds(again, bob.peer))
            after = await anyio.to_thread.run_sync(_count, bench.folders())
            assert after < before or not (before and held), "what is kept for somebody else lies there still"
            assert await again.routes_for(carol) == routes
            async with accounts(bench, 1, key=carol.host.key, area=carol.host.area) as (carol,):
                await self._arrives(bench, carol, again, routes)
                await carol.routes_for(again)  # as each start does for each contact
                await self._arrives(bench, again, carol, theirs)
        assert not _holds(again, bob.peer), "who is no contact came back when it stopped"

    # -- what the tests are made of

    @staticmethod
    async def _files_of_an_account(bench: TransportBench) -> int:
        """Return how many files an account leaves that met nobody, such as a box for what others leave."""
        if not bench.folders():
            return 0
        before = await anyio.to_thread.run_sync(_count, bench.folders())
        async with accounts(bench, 1):
            pass
        return await anyio.to_thread.run_sync(_count, bench.folders()) - before

    @staticmethod
    def _were_told(account: Account, since: int, peer: PeerId) -> bool:
        return any(news in (None, peer) for news in account.host.route_news.all[since:])

    @staticmethod
    async def _arrives(bench: TransportBench, sender: Account, receiver: Account, routes: Sequence[Route]) -> None:
        """Send something by these routes; it arrives."""
        envelope = b"by these routes, %d" % len(receiver.host.received.all)
        sent = await sender.send(receiver, envelope, routes=routes)
        assert set(await sender.host.finals(sent)) == {bench.capabilities.final}
        await receiver.host.received.until(lambda received: envelope in [each.envelope for each in received])

    @staticmethod
    async def _until(account: Account, condition: Callable[[], bool], told: object = "") -> None:
        """Wait until a condition holds for the area: what must be told to a relay first is deleted later."""
        with anyio.move_on_after(PATIENCE):
            while not condition():
                before = len(account.host.changes.all)
                await account.host.changes.until(lambda changes, before=before: len(changes) > before)
            return
        pytest.fail(f"what is kept of somebody who was forgotten stays in the area of the vault {told}")


def _holds(account: Account, peer: PeerId) -> bool:
    """Return whether the area names a peer, as octets or in hexadecimal."""
    names = (peer.octets, peer.octets.hex().encode())
    return any(name in key + b" " + value for key, value in account.host.area.rows.items() for name in names)


def _count(folders: Sequence[Path]) -> int:
    return sum(1 for folder in folders for _ in folder.rglob("*"))


def _size(account: Account) -> int:
    return sum(map(len, account.host.area.rows.values()))
