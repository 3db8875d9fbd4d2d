"""What Tor alone does: a raw stream to an onion service in the private network, through the same plugin."""

from __future__ import annotations

from contextlib import AsyncExitStack, asynccontextmanager
from struct import Struct
from time import perf_counter
from typing import TYPE_CHECKING

import anyio
from anyio import IncompleteRead
from anyio.streams.buffered import BufferedByteReceiveStream
from balchat_network_tor.network import TorNetwork
from balchat_network_tor.settings import TorSettings
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from balchat_host.api.network import NetworkContext
from balchat_host.api.types import OnionKey, Phase, Secret
from balchat_host.testing.waiting import SeenStates, running
from bench.room import PATIENCE

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator

    from anyio.abc import ByteStream

    from balchat_host.api.network import PublishedService
    from bench.room import Room

SIZE = 1024
_PORT = 7
_CHUNK = bytes(65_536)
_HEADER = Struct(">QQ")


class RawOnion:
    """The near end of a stream. A question begins with its own length and that of the answer."""

    def __init__(self, stream: ByteStream) -> None:
        self._stream = stream

    async def round_trip(self, octets: int = SIZE) -> None:
        """Have octets go there, and as many come back."""
        await self._ask(octets, octets)

    async def rate(self, octets: int) -> float:
        """Have octets come; return how many came a second."""
        began = perf_counter()
        await self._ask(SIZE, octets)
        return octets / (perf_counter() - began)

    async def _ask(self, length: int, answer: int) -> None:
        await self._stream.send(_HEADER.pack(length, answer) + bytes(length - _HEADER.size))
        while answer:
            answer -= len(await self._stream.receive(min(answer, len(_CHUNK))))


@asynccontextmanager
async def raw_onion(room: Room) -> AsyncGenerator[RawOnion]:
    """Return a stream to an onion address."""
    async with raw_onions(room, 1) as (onion,):
        yield onion


@asynccontextmanager
async def raw_onions(room: Room, count: int) -> AsyncGenerator[list[RawOnion]]:
    """Return streams to an onion address, each on a circuit of its own."""
    key = Ed25519PrivateKey.generate()
    far, near, found = _network(room), _network(room), SeenStates()
    async with running(far, near), anyio.create_task_group() as tasks:
        service = await far.publish(Secret(key.private_bytes_raw()), _PORT, on_state=found)
        tasks.start_soon(_serve, service)
        await found.reach(Phase.ONLINE, patience=PATIENCE)
        address = OnionKey(key.public_key().public_bytes_raw())
        async with AsyncExitStack() as stack:
            streams = [await near.dial(address, _PORT, isolation=f"bench {number}") for number in range(count)]
            yield [RawOnion(await stack.enter_async_context(stream)) for stream in streams]
        tasks.cancel_scope.cancel()


def _network(room: Room) -> TorNetwork:
    context = NetworkContext(directory=room.folder("raw"), on_state=SeenStates())
    return TorNetwork(context, TorSettings(torrc=tuple(room.tor.torrc_lines())))


async def _serve(service: PublishedService) -> None:
    async with anyio.create_task_group() as tasks:
        while True:
            tasks.start_soon(_answer, await service.accept())


async def _answer(stream: ByteStream) -> None:
    async with stream:
        questions = BufferedByteReceiveStream(stream)
        try:
            while True:
                length, left = _HEADER.unpack(await questions.receive_exactly(_HEADER.size))
                await questions.receive_exactly(length - _HEADER.size)
                while left:
                    chunk = _CHUNK[:left]
                    await stream.send(chunk)
                    left -= len(chunk)
        except IncompleteRead:
            return
