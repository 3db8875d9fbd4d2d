"""Blobs: what a transport with the capability BLOBS keeps to (`balchat_host.api.transport`, Blobs)."""

from collections.abc import Sequence
from typing import Final

import anyio
import pytest

from balchat_host.api.errors import NetworkUnavailable, PartRefused, PeerUnreachable, ProtocolViolation
from balchat_host.api.transport import MAX_CONTAINER, BlobContainer, BlobOutcome
from balchat_host.testing.audit import confide
from balchat_host.testing.fake_transport_context import FakeTransportContext
from balchat_host.testing.transport_kit.bench import (
    Account,
    TransportBench,
    TransportKitBase,
    accounts,
    deliver,
    needs,
    transport_for,
)
from balchat_host.testing.waiting import PATIENCE

HOUR: Final = 3600
NAMED: Final = 100
"""Octets of a part from which it cannot be taken for something else."""
PARTS: Final = (1, 100, 65_535, 65_536, 65_537, 262_144, 4 * 2**20)


def part(index: int, size: int) -> bytes:
    """Return octets that no other part has."""
    octets = (b"part %d of a file " % index * (size // 16 + 1))[:size]
    if size >= NAMED:
        confide("what a part holds", octets[:NAMED])
    return octets


async def containers(bench: TransportBench, sender: Account, receiver: Account) -> Sequence[BlobContainer]:
    """Return containers for parts that the receiver may fetch, once the two have met."""
    await deliver(bench, receiver, sender, [b"hello"])
    with anyio.fail_after(PATIENCE):
        return await sender.transport.allocate_containers(receiver.peer)


class BlobTests(TransportKitBase):
    """Part of TransportKit."""

    async def test_a_part_of_any_size_is_got_as_it_was_put_until_it_is_deleted(self, bench: TransportBench) -> None:
        needs("blobs", kept=bench.capabilities.blobs)
        async with accounts(bench, 2) as (one, other):
            (container, *_) = await containers(bench, one, other)
            parts = {index: part(index, size) for index, size in enumerate(PARTS)}
            parts[2**32 - 1] = part(99, 1000)
            for index, octets in parts.items():
                report = await one.transport.put_blob(other.peer, container.key, index, octets)
                assert report.outcome is BlobOutcome.KEPT
                assert report.kept > HOUR
            for index, octets in parts.items():
                assert await other.transport.get_blob(one.peer, container.offer, index, len(octets)) == octets
            assert await other.transport.get_blob(one.peer, container.offer, 77, 100) is None
            for _ in range(2):
                await one.transport.delete_blobs(other.peer, container.key, [*parts, 77])
            for index, octets in parts.items():
                assert await other.transport.get_blob(one.peer, container.offer, index, len(octets)) is None

    async def test_putting_again_and_renewing_change_nothing(self, bench: TransportBench) -> None:
        needs("blobs", kept=bench.capabilities.blobs)
        async with accounts(bench, 2) as (one, other):
            (container, *_) = await containers(bench, one, other)
            octets = part(1, 70_000)
            for _ in range(2):
                report = await one.transport.put_blob(other.peer, container.key, 1, octets)
                assert report.outcome is BlobOutcome.KEPT
            report = await one.transport.renew_blobs(other.peer, container.key)
            assert (report.outcome, report.kept > HOUR) == (BlobOutcome.KEPT, True)
            assert await other.transport.get_blob(one.peer, container.offer, 1, len(octets)) == octets

    async def test_containers_share_nothing(self, bench: TransportBench) -> None:
        needs("blobs", kept=bench.capabilities.blobs)
        async with accounts(bench, 2) as (one, other):
            (first, *_) = await containers(bench, one, other)
            (second, *_) = await one.transport.allocate_containers(other.peer)
            for octets in (first.offer, first.key, second.offer, second.key):
                assert 0 < len(octets) <= MAX_CONTAINER
            assert not {first.offer, first.key} & {second.offer, second.key}
            octets = part(1, 1000)
            await one.transport.put_blob(other.peer, first.key, 1, octets)
            assert await other.transport.get_blob(one.peer, second.offer, 1, 1000) is None
            await one.transport.delete_blobs(other.peer, second.key, [1])
            assert await other.transport.get_blob(one.peer, first.offer, 1, 1000) == octets

    async def test_several_go_at_once(self, bench: TransportBench) -> None:
        needs("blobs", kept=bench.capabilities.blobs)
        async with accounts(bench, 2) as (one, other):
            (container, *_) = await containers(bench, one, other)
            parts = {index: part(index, 300_000) for index in range(8)}
            async with anyio.create_task_group() as tasks:
                for index, octets in parts.items():
                    tasks.start_soon(one.transport.put_blob, other.peer, container.key, index, octets)
            got: dict[int, bytes | None] = {}

            async def get(index: int) -> None:
                got[index] = await other.transport.get_blob(one.peer, container.offer, index, 300_000)

            async with anyio.create_task_group() as tasks:
                for index in parts:
                    tasks.start_soon(get, index)
            assert got == parts

    async def test_an_offer_that_cannot_be_used_is_its_senders_fault(self, bench: TransportBench) -> None:
        needs("blobs", kept=bench.capabilities.blobs)
        async with accounts(bench, 2) as (one, other):
            (container, *_) = await containers(bench, one, other)
            await one.transport.put_blob(other.peer, container.key, 1, part(1, 1000))
            for wrong in (b"?", container.offer[:-1], container.offer + b"?", bytes(MAX_CONTAINER), container.key):
                with pytest.raises((ProtocolViolation, PeerUnreachable)):
                    await other.transport.get_blob(one.peer, wrong, 1, 1000)
            with pytest.raises(PartRefused):
                await other.transport.get_blob(one.peer, container.offer, 1, 100_000)

    async def test_nothing_is_put_or_got_before_it_runs(self, bench: TransportBench) -> None:
        needs("blobs", kept=bench.capabilities.blobs)
        host = FakeTransportContext(bench.network())
        transport = transport_for(bench, host)
        with pytest.raises(NetworkUnavailable):
            await transport.allocate_containers(host.identity)
        with pytest.raises(NetworkUnavailable):
            await transport.get_blob(host.identity, b"offer", 1, 1)
        with pytest.raises(NetworkUnavailable):
            await transport.put_blob(host.identity, b"key", 1, b"part")
