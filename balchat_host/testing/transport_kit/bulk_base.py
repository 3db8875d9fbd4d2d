"""What the tests of bulk streams are made of."""

from collections.abc import AsyncGenerator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager, suppress
from typing import Final

import anyio
from anyio import BrokenResourceError, ClosedResourceError, EndOfStream
from anyio.abc import ByteStream

from balchat_host.api.types import DeviceIdentity, Route
from balchat_host.testing.transport_kit.bench import (
    Account,
    TransportBench,
    TransportKitBase,
    deliver,
    needs,
)
from balchat_host.testing.virtual_network import VirtualNode
from balchat_host.testing.waiting import PATIENCE, Seen

ENDED: Final = (BrokenResourceError, ClosedResourceError, EndOfStream)
LARGE: Final = 3 * 1024 * 1024
PIECE: Final = 65_536
_PIECES: Final = (1, 1000, PIECE, 3, 2, 200_000)
"""Octets that are written at once, before all that is left."""
_READ_AT_ONCE: Final = 70_001
_MOST_HELD: Final = 512 * 1024
"""Octets that a transport and the network in memory may hold of a stream whose other end does not read."""
_MOST_IN_SOCKETS: Final = 8 * 1024 * 1024
"""And where there are sockets of the system between them."""


@asynccontextmanager
async def bulk_stream(sender: Account, receiver: Account) -> AsyncGenerator[ByteStream]:
    """Open a bulk stream by the routes that an account allocates."""
    with anyio.fail_after(PATIENCE):
        stream = await sender.transport.open_bulk(receiver.peer, await receiver.routes_for(sender))
    try:
        yield stream
    finally:
        await anyio.aclose_forcefully(stream)


async def open_and_close(sender: Account, receiver: Account, routes: Sequence[Route]) -> None:
    """Open a bulk stream that nobody needs."""
    await anyio.aclose_forcefully(await sender.transport.open_bulk(receiver.peer, routes))


async def write_all(stream: ByteStream, octets: bytes) -> None:
    """Write octets in pieces of many sizes."""
    for size in _PIECES:
        await stream.send(octets[:size])
        octets = octets[size:]
    await stream.send(octets)


async def read_all(stream: ByteStream, size: int) -> bytes:
    """Read so many octets. Raise what the stream raises."""
    octets = bytearray()
    with anyio.fail_after(PATIENCE):
        while len(octets) < size:
            most = min(size - len(octets), _READ_AT_ONCE)
            got = await stream.receive(most)
            assert 0 < len(got) <= most, "`receive` gives one octet at least, and no more than it was asked for"
            octets += got
    return bytes(octets)


async def until_ended(stream: ByteStream) -> None:
    """Read until the stream ends, in whichever way."""
    with anyio.fail_after(PATIENCE), suppress(*ENDED):
        while True:
            await stream.receive()


async def ping(stream: ByteStream) -> None:
    """See that an echo comes."""
    await stream.send(b"!")
    assert await read_all(stream, 1) == b"!"


def served(end: Callable[[ByteStream], Awaitable[None]]) -> Callable[[DeviceIdentity, ByteStream], Awaitable[None]]:
    """Have a host be this end of a bulk stream."""

    async def serve(source: DeviceIdentity, stream: ByteStream) -> None:
        del source
        await end(stream)

    return serve


class StuckStream:
    """A bulk stream that one end fills, while the other does not read until it may."""

    def __init__(self) -> None:
        self._written: Seen[int] = Seen()
        self._may_read = anyio.Event()

    async def drain(self, stream: ByteStream) -> None:
        """Be the end that does not read yet."""
        await self._may_read.wait()
        with suppress(*ENDED):
            async for _ in stream:
                pass

    async def fill(self, stream: ByteStream) -> None:
        """Write without end. Raise what the stream raises: it must not break."""
        written = 0
        while True:
            await stream.send(bytes(PIECE))
            written += PIECE
            self._written(written)

    async def until_stuck(self, bench: TransportBench, one: Account, other: Account) -> None:
        """Wait until no more can be written while envelopes pass between two accounts.

        Raise AssertionError where too much was written.
        """
        most = _MOST_HELD if isinstance(one.host.network, VirtualNode) else _MOST_IN_SOCKETS
        with anyio.fail_after(PATIENCE):
            await self._written.until(bool)
            before = 0
            while before != self._written.all[-1]:
                before = self._written.all[-1]
                for _ in range(5):
                    await deliver(bench, one, other, [b"time passes"])
                    await deliver(bench, other, one, [b"time passes"])
                assert self._written.all[-1] <= most, "it takes what nobody reads"

    async def goes_on(self) -> None:
        """Check that it has not broken, and goes on now that the other end reads."""
        self._may_read.set()
        enough = self._written.all[-1] + LARGE
        await self._written.until(lambda written: written[-1] >= enough)


@asynccontextmanager
async def stuck_stream(
    bench: TransportBench, sender: Account, receiver: Account, other: Account, *, writes: str = "opener"
) -> AsyncGenerator[None]:
    """Have a bulk stream stuck for a block; then see that it goes on. Envelopes to another account tell the time."""
    stuck = StuckStream()
    ours, theirs = (stuck.fill, stuck.drain) if writes == "opener" else (stuck.drain, stuck.fill)
    receiver.host.serve_bulk = served(theirs)
    async with bulk_stream(sender, receiver) as stream, anyio.create_task_group() as tasks:
        tasks.start_soon(ours, stream)
        await stuck.until_stuck(bench, sender, other)
        yield
        await stuck.goes_on()
        tasks.cancel_scope.cancel()


class BulkBase(TransportKitBase):
    """What tests of bulk streams need."""

    @staticmethod
    def needs_bulk(bench: TransportBench) -> None:
        needs("bulk", kept=bench.capabilities.bulk)
