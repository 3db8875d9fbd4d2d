"""From the call of `send` to delivered, against the raw round trip through an onion on a circuit of the same length.

The raw round trip goes through the same plugin, `network_tor`, in the same private Tor network: an echo at an onion
address, a kilobyte there and back. Both are measured in turns.
"""

from __future__ import annotations

import os
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Self

import anyio
from anyio import EndOfStream
from balchat_network_tor.network import TorNetwork
from balchat_network_tor.settings import TorSettings
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from balchat_host.api.events import MessageStateChanged
from balchat_host.api.network import NetworkContext
from balchat_host.api.types import PeerId, Phase, Secret
from balchat_host.api.views import MessageState
from balchat_host.testing.waiting import SeenStates, running
from bench.figure import AtMost, Figure
from bench.room import PATIENCE, two_contacts
from bench.timing import in_turns

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator

    from anyio.abc import ByteStream

    from balchat_host.api.frontend import App
    from balchat_host.api.network import PublishedService
    from bench.room import Room

TITLE = "Latency, direct"
NOTE = (
    "From the call of `send` with 1 KB until the author's front end hears that the other vault has it, on a connection"
    " that stands; against 1 KB there and back through an onion service. Both accounts whole, in one process, real"
    " vaults, real tor; two more tors for the raw stream."
)
ROUNDS = 300
SIZE = 1024
_PORT = 7


def measure(room: Room) -> list[Figure]:
    return anyio.run(_measure, room)


async def _measure(room: Room) -> list[Figure]:
    async with two_contacts(room, room.over_tor) as (alice, _), _raw_stream(room) as stream, Sender(alice) as sender:
        sent, raw = await in_turns(ROUNDS, sender.send, lambda: _round_trip(stream), warm_up=20)
    return [
        Figure(
            what="send → delivered, 1 KB, median",
            measured=sent.median,
            against="raw onion round trip",
            limit=raw.median,
            unit="ms",
            target=AtMost(1.3),
        ),
        Figure(
            what="send → delivered, 1 KB, p99",
            measured=sent.p99,
            against="raw onion round trip",
            limit=raw.p99,
            unit="ms",
        ),
    ]


class Sender:
    """Sends and waits, with one subscription for all."""

    def __init__(self, app: App) -> None:
        self._app = app

    async def __aenter__(self) -> Self:
        self._events = self._app.events(after=await self._app.cursor())
        return self

    async def __aexit__(self, *_: object) -> None:
        pass

    async def send(self) -> None:
        """Send a message and wait until it is delivered."""
        sent = await self._app.send("Bob", "x" * SIZE)
        async for event in self._events:
            match event:
                case MessageStateChanged(id=sent.id, state=MessageState.DELIVERED):
                    return
                case _:
                    pass


async def _round_trip(stream: ByteStream) -> None:
    await stream.send(os.urandom(SIZE))
    left = SIZE
    while left:
        left -= len(await stream.receive(left))


@asynccontextmanager
async def _raw_stream(room: Room) -> AsyncGenerator[ByteStream]:
    """Give a stream to an echo at an onion address."""
    key = Ed25519PrivateKey.generate()
    far, near, found = _network(room), _network(room), SeenStates()
    async with running(far, near), anyio.create_task_group() as tasks:
        service = await far.publish(Secret(key.private_bytes_raw()), _PORT, on_state=found)
        tasks.start_soon(_echo, service)
        await found.reach(Phase.ONLINE, patience=PATIENCE)
        peer = PeerId(key.public_key().public_bytes_raw())
        async with await near.dial(peer, _PORT, isolation="bench") as stream:
            yield stream
        tasks.cancel_scope.cancel()


def _network(room: Room) -> TorNetwork:
    context = NetworkContext(directory=room.folder("raw"), on_state=SeenStates())
    return TorNetwork(context, TorSettings(torrc=tuple(room.tor.torrc_lines())))


async def _echo(service: PublishedService) -> None:
    async with await service.accept() as stream:
        try:
            while True:
                await stream.send(await stream.receive())
        except EndOfStream:
            return
