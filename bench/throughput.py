"""Messages a second, pipelined over one connection, both vaults committing: over onions, and the same without Tor."""

from __future__ import annotations

from time import perf_counter
from typing import TYPE_CHECKING

import anyio

from balchat_host.api.views import MessageState
from bench.figure import Figure
from bench.room import two_contacts, until_all

if TYPE_CHECKING:
    from balchat_host.api.frontend import App
    from bench.room import Room

TITLE = "Throughput"
NOTE = (
    "Messages of 1 KB a second, from the first call to the last one delivered, 64 calls at the same time; both accounts"
    " whole, in one process, with real vaults. Without Tor, sockets of this machine take the place of onions."
)
MESSAGES = 1500
IN_FLIGHT = 64
ROUNDS = 3
TEXT = "x" * 1024


def measure(room: Room) -> list[Figure]:
    return anyio.run(_measure, room)


async def _measure(room: Room) -> list[Figure]:
    onion, sockets = 0.0, 0.0
    async with two_contacts(room, room.over_tor) as far, two_contacts(room, room.over_sockets) as near:
        for _ in range(ROUNDS):
            onion = max(onion, await _rate(far[0]))
            sockets = max(sockets, await _rate(near[0]))
    return [
        Figure(
            what="over one onion connection, best of three",
            measured=onion,
            against="the local pipeline without Tor",
            limit=sockets,
            unit="messages/s",
        )
    ]


async def _rate(alice: App) -> float:
    cursor = await alice.events.cursor()
    left = iter(range(MESSAGES))

    async def write() -> None:
        for number in left:
            await alice.messages.send("Bob", f"{number} {TEXT}")

    began = perf_counter()
    async with anyio.create_task_group() as tasks:
        for _ in range(IN_FLIGHT):
            tasks.start_soon(write)
        await until_all(alice, cursor, MessageState.DELIVERED, MESSAGES)
    return MESSAGES / (perf_counter() - began)
