"""What the tests of blobs are made of."""

from collections.abc import AsyncGenerator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Final

import anyio

from balchat_host.api.transport import BlobContainer, BlobOutcome, BlobReport
from balchat_host.testing.audit import confide
from balchat_host.testing.transport_kit.bench import (
    OFFER,
    Account,
    TransportBench,
    TransportKitBase,
    accounts,
    deliver,
    needs,
)
from balchat_host.testing.waiting import PATIENCE

HOUR: Final = 3600
LONGEST: Final = 366 * 24 * HOUR
NAMED: Final = 100
"""Octets of a part from which it cannot be taken for something else."""
_WINDOW: Final = 24
"""Octets of a key or an offer that are a secret of its own."""


def part(index: int, size: int) -> bytes:
    """Return octets that no other part has."""
    octets = (b"part %d of a file " % index * (size // 16 + 1))[:size]
    if size >= NAMED:
        confide("what a part holds", octets[:NAMED])
    return octets


def windows(text: bytes, *others: bytes) -> Sequence[bytes]:
    """Return what is in a key or an offer, piece by piece, and in none of the others."""
    pieces = [text[start : start + _WINDOW] for start in range(max(1, len(text) - _WINDOW + 1))]
    return [piece for piece in pieces if not any(piece in other for other in others)]


@dataclass(frozen=True, slots=True, kw_only=True)
class Met:
    """Two accounts that have met, and two containers of the first one's for the other."""

    bench: TransportBench
    one: Account
    other: Account
    container: BlobContainer
    second: BlobContainer

    async def put(self, index: int, octets: bytes, container: BlobContainer | None = None) -> BlobReport:
        """Put a part, and return what was answered."""
        key = (container or self.container).key
        return await self.one.transport.put_blob(self.other.peer, key, index, octets)

    async def keep(self, index: int, octets: bytes, container: BlobContainer | None = None) -> BlobReport:
        """Put a part, which is kept."""
        report = await self.put(index, octets, container)
        assert report.outcome is BlobOutcome.KEPT
        assert HOUR < report.kept < LONGEST
        return report

    async def get(self, index: int, size: int, container: BlobContainer | None = None) -> bytes | None:
        """Get a part as whoever has the offer does."""
        return await self.other.transport.get_blob(self.one.peer, (container or self.container).offer, index, size)

    async def delete(self, *indexes: int, container: BlobContainer | None = None) -> None:
        """Delete parts."""
        await self.one.transport.delete_blobs(self.other.peer, (container or self.container).key, indexes)

    async def renew(self, container: BlobContainer | None = None) -> BlobReport:
        """Renew a container, and return what was answered."""
        return await self.one.transport.renew_blobs(self.other.peer, (container or self.container).key)


async def meet(bench: TransportBench, one: Account, other: Account) -> Met:
    """Have two accounts meet, and allocate two containers, of which the audit knows."""
    await deliver(bench, other, one, [b"hello"])
    with anyio.fail_after(PATIENCE):
        (container, *_) = await one.transport.allocate_containers(other.peer)
        (second, *_) = await one.transport.allocate_containers(other.peer)
    for here, there in ((container, second), (second, container)):
        for piece in windows(here.offer, there.offer):
            confide(OFFER, piece)
        for piece in windows(here.key, here.offer, there.key):
            confide("a container's key", piece)
    return Met(bench=bench, one=one, other=other, container=container, second=second)


@asynccontextmanager
async def met(bench: TransportBench) -> AsyncGenerator[Met]:
    """Run two accounts that have met."""
    async with accounts(bench, 2) as (one, other):
        yield await meet(bench, one, other)


class BlobBase(TransportKitBase):
    """What tests of a transport that keeps parts need."""

    @staticmethod
    def needs_blobs(bench: TransportBench) -> None:
        needs("blobs", kept=bench.capabilities.blobs)
