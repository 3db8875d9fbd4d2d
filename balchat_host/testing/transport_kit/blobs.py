"""Blobs: what a transport with the capability BLOBS keeps to (`balchat_host.api.transport`, Blobs)."""

from collections.abc import Sequence
from contextlib import suppress
from typing import Final

import anyio
import pytest
from anyio.lowlevel import checkpoint

from balchat_host.api.errors import NetworkUnavailable, PartRefused, PeerUnreachable, ProtocolViolation
from balchat_host.api.transport import MAX_CONTAINER, BlobOutcome
from balchat_host.testing.fake_transport_context import FakeTransportContext
from balchat_host.testing.octets import assert_octets
from balchat_host.testing.transport_kit.bench import (
    Account,
    TransportBench,
    accounts,
    refused,
    transport_for,
)
from balchat_host.testing.transport_kit.blobs_base import BlobBase, Met, meet, met, part
from balchat_host.testing.waiting import PATIENCE, Seen

PARTS: Final = (1, 100, 65_535, 65_536, 65_537, 262_144, 4 * 2**20)
INDEXES: Final = (0, 1, 10, 11, 111, 255, 256, 257, 65_535, 65_536, 2**24, 2**31, 2**32 - 2, 2**32 - 1)
"""Numbers that are mixed up where they are cut, or written one behind another."""
MANY: Final = 1000
TURNS: Final = (0, 1, 2, 3, 5, 8, 13, 21)
"""Turns of the event loop after which something is cancelled."""
SIZE: Final = 300_000


@pytest.mark.anyio
class BlobTests(BlobBase):
    """How parts are put, got and deleted."""

    async def test_a_part_of_any_size_is_got_as_it_was_put_until_it_is_deleted(self, bench: TransportBench) -> None:
        self.needs_blobs(bench)
        async with met(bench) as m:
            parts = {index: part(index, size) for index, size in enumerate(PARTS)}
            assert await m.get(0, 1) is None, "nothing has been put yet"
            for index, octets in parts.items():
                await m.keep(index, octets)
            for _ in range(2):
                for index, octets in parts.items():
                    assert_octets(await m.get(index, len(octets)), octets)
            assert await m.get(77, 100) is None
            for _ in range(2):
                await m.delete(*parts, 77)
            for index, octets in parts.items():
                assert await m.get(index, len(octets)) is None
            await m.keep(1, parts[1])
            assert_octets(await m.get(1, len(parts[1])), parts[1], why="what was deleted can be put again")

    async def test_each_number_is_a_part_of_its_own(self, bench: TransportBench) -> None:
        self.needs_blobs(bench)
        async with met(bench) as m:
            parts = {index: part(number, 1000) for number, index in enumerate(INDEXES)}
            for index, octets in parts.items():
                await m.keep(index, octets)
            assert {index: await m.get(index, 1000) for index in parts} == parts
            deleted = {1, 256, 2**32 - 1}
            await m.delete(*deleted)
            await m.delete()
            left = {index: None if index in deleted else octets for index, octets in parts.items()}
            assert {index: await m.get(index, 1000) for index in parts} == left

    async def test_any_number_of_parts_is_deleted_at_once(self, bench: TransportBench) -> None:
        self.needs_blobs(bench)
        async with met(bench) as m:
            put = (0, MANY // 2, MANY - 1)
            for index in put:
                await m.keep(index, part(index, 100))
            await m.delete(*range(MANY))
            assert [await m.get(index, 100) for index in put] == [None] * len(put)

    async def test_putting_again_and_renewing_change_nothing(self, bench: TransportBench) -> None:
        self.needs_blobs(bench)
        async with met(bench) as m:
            octets = part(1, 70_000)
            for _ in range(2):
                await m.keep(1, octets)
            await m.keep(2, part(2, 1000))
            await m.delete(2)
            report = await m.renew()
            assert (report.outcome, report.kept > 0) == (BlobOutcome.KEPT, True)
            assert_octets(await m.get(1, len(octets)), octets)
            assert await m.get(2, 1000) is None, "it was deleted"

    async def test_containers_share_nothing(self, bench: TransportBench) -> None:
        self.needs_blobs(bench)
        async with accounts(bench, 3) as (one, other, carol):
            m, with_carol = await meet(bench, one, other), await meet(bench, one, carol)
            made = [each for those in (m, with_carol) for each in (those.container, those.second)]
            texts = [octets for each in made for octets in (each.offer, each.key)]
            assert all(0 < len(octets) <= MAX_CONTAINER for octets in texts)
            assert len({*texts}) == len(texts)
            assert not [each for each in made if each.key in each.offer]
            octets = part(1, 1000)
            await m.keep(1, octets)
            assert await m.get(1, 1000, m.second) is None
            assert await with_carol.get(1, 1000) is None
            await m.delete(1, container=m.second)
            await with_carol.delete(1)
            assert await m.get(1, 1000) == octets

    async def test_several_go_at_once(self, bench: TransportBench) -> None:
        self.needs_blobs(bench)
        async with met(bench) as m:
            places = [(index, place) for index in range(6) for place in (m.container, m.second)]
            parts = {(index, place): part(number, SIZE) for number, (index, place) in enumerate(places)}
            got: dict[object, bytes | None] = {}

            async def get(index: int, place: object) -> None:
                container = m.container if place is m.container else m.second
                got[index, place] = await m.get(index, SIZE, container)

            async with anyio.create_task_group() as tasks:
                for (index, place), octets in parts.items():
                    tasks.start_soon(m.keep, index, octets, place)
            async with anyio.create_task_group() as tasks:
                for index, place in parts:
                    tasks.start_soon(get, index, place)
            for key, octets in parts.items():
                assert_octets(got[key], octets)

    # -- whole, or not at all

    async def test_a_part_is_there_whole_or_not_at_all(self, bench: TransportBench) -> None:
        self.needs_blobs(bench)
        async with met(bench) as m:
            octets = part(1, SIZE)
            for got in await self._got_while_it_is_put(m, octets):
                assert_octets(got, octets, None)
            for _ in range(3):
                for got in await self._got_while_it_is_put(m, octets):
                    assert_octets(got, octets, why="it was there before it was put again")

    @staticmethod
    async def _got_while_it_is_put(m: Met, octets: bytes) -> Sequence[bytes | None]:
        """Put a part, and return what was got meanwhile."""
        got: Seen[bytes | None] = Seen()

        async def get() -> None:
            while True:
                got(await m.get(1, len(octets)))

        async with anyio.create_task_group() as tasks:
            for _ in range(2):
                tasks.start_soon(get)
            await m.keep(1, octets)
            await got.until(bool)
            tasks.cancel_scope.cancel()
        return got.all

    async def test_a_put_that_is_cancelled_leaves_all_or_nothing(self, bench: TransportBench) -> None:
        self.needs_blobs(bench)
        async with met(bench) as m:
            octets = part(1, SIZE)
            for index, turns in enumerate(TURNS):
                await self._give_up(m, index, octets, turns)
                assert_octets(await m.get(index, SIZE), octets, None)
            with anyio.fail_after(PATIENCE):
                await m.keep(0, octets)
            for turns in TURNS:
                await self._give_up(m, 0, octets, turns)
                assert_octets(await m.get(0, SIZE), octets, why="it was there before it was put again")

    @staticmethod
    async def _give_up(m: Met, index: int, octets: bytes, turns: int) -> None:
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(m.put, index, octets)
            for _ in range(turns):
                await checkpoint()
            tasks.cancel_scope.cancel()

    # -- who may do what

    async def test_an_offer_that_cannot_be_used_is_its_senders_fault(self, bench: TransportBench) -> None:
        self.needs_blobs(bench)
        async with met(bench) as m:
            await m.keep(1, part(1, 1000))
            offer, get = m.container.offer, m.other.transport.get_blob
            for wrong in (b"", b"?", offer[:-1], offer + b"?", bytes(MAX_CONTAINER), m.container.key):
                with refused(ProtocolViolation, PeerUnreachable):
                    await get(m.one.peer, wrong, 1, 1000)
            for size in (1, 999, 100_000):
                with refused(PartRefused, ProtocolViolation):
                    await get(m.one.peer, offer, 1, size)

    async def test_who_has_the_offer_alone_changes_nothing(self, bench: TransportBench) -> None:
        self.needs_blobs(bench)
        async with met(bench) as m:
            octets = part(1, 1000)
            await m.keep(1, octets)
            for here, there in ((m.other, m.one), (m.one, m.other)):
                await self._meddle(here, there, m.container.offer, [1])
            assert await m.get(1, 1000) == octets
            assert await m.get(2, 1000) is None

    @staticmethod
    async def _meddle(here: Account, there: Account, key: bytes, indexes: Sequence[int]) -> None:
        """Put and delete with what is no key. That is a mistake of the host's, and may raise anything."""
        with suppress(Exception):
            await here.transport.put_blob(there.peer, key, 2, part(2, 1000))
        with suppress(Exception):
            await here.transport.delete_blobs(there.peer, key, indexes)

    # -- its life

    async def test_nothing_is_put_or_got_before_it_runs(self, bench: TransportBench) -> None:
        self.needs_blobs(bench)
        host = FakeTransportContext(bench.network())
        account = Account(host, transport_for(bench, host))
        with refused(NetworkUnavailable):
            await account.transport.allocate_containers(host.identity)
        with refused(NetworkUnavailable):
            await account.transport.get_blob(host.identity, b"offer", 1, 1)
        with refused(NetworkUnavailable):
            await account.transport.put_blob(host.identity, b"key", 1, b"part")
        with refused(NetworkUnavailable):
            await account.transport.delete_blobs(host.identity, b"key", [1])
        with refused(NetworkUnavailable):
            await account.transport.renew_blobs(host.identity, b"key")

    async def test_nothing_is_put_or_got_when_it_has_stopped(self, bench: TransportBench) -> None:
        self.needs_blobs(bench)
        async with met(bench) as m:
            await m.keep(1, part(1, 1000))
        with refused(NetworkUnavailable):
            await m.one.transport.allocate_containers(m.other.peer)
        with refused(NetworkUnavailable):
            await m.get(1, 1000)
        with refused(NetworkUnavailable):
            await m.put(1, part(1, 1000))
        with refused(NetworkUnavailable):
            await m.delete(1)
        with refused(NetworkUnavailable):
            await m.renew()
