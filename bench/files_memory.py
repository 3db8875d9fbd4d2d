"""How much memory each process takes while a large file passes: directly, and through a relay."""

from __future__ import annotations

from typing import TYPE_CHECKING

import anyio

from bench.apart import Memory, two_accounts
from bench.figure import Figure, NoMoreThan
from bench.relay_use import TRANSPORT, relay_over_sockets, two_at_a_relay
from bench.transfer import fetch, offer

if TYPE_CHECKING:
    from bench.room import Room

TITLE = "Memory while files pass"
NOTE = (
    "The most that each process has from the first octet that is sealed to the last durable part, against what it had"
    " before; accounts and relay are processes of their own, with real vaults. Sockets of this machine take the place"
    " of onions: what passes faster takes no less."
)
GIB = 2**30


def measure(room: Room, size: int = GIB) -> list[Figure]:
    return [*anyio.run(_directly, room, size), *anyio.run(_by_relay, room, size)]


async def _directly(room: Room, size: int) -> list[Figure]:
    async with two_accounts(room, room.over_sockets) as (alice, bob):
        memory = {"the sender": Memory(alice.pid), "who receives it": Memory(bob.pid)}
        await fetch(bob.app, await offer(alice.app, bob.app, size))
        return _figures(f"{size // GIB} GiB", memory)


async def _by_relay(room: Room, size: int) -> list[Figure]:
    net = room.folder("net")
    configuration = room.over_sockets_in(net, TRANSPORT)
    relay = await relay_over_sockets(room, net)
    async with relay.running(), two_at_a_relay(room, relay, configuration) as (alice, bob):
        memory = {"the sender": Memory(alice.pid), "who receives it": Memory(bob.pid), "the relay": Memory(relay.pid)}
        await fetch(bob.app, await offer(alice.app, bob.app, size))
        return _figures(f"{size // GIB} GiB through a relay", memory)


def _figures(what: str, memory: dict[str, Memory]) -> list[Figure]:
    return [
        Figure(
            what=f"{what}, {whose}",
            measured=each.most(),
            against="before",
            limit=each.before,
            unit="MiB",
            target=NoMoreThan(64, "MiB"),
        )
        for whose, each in memory.items()
    ]
