"""A file through a relay, both online, against the slower of two raw onion streams, one after the other."""

from __future__ import annotations

from time import perf_counter
from typing import TYPE_CHECKING

import anyio

from bench.apart import Memory
from bench.figure import AtLeast, Figure, NoMoreThan
from bench.raw_onion import raw_onion
from bench.relay_use import relay_over_tor, two_at_a_relay
from bench.transfer import attach, fetch, send

if TYPE_CHECKING:
    from bench.room import Room

TITLE = "Files through a relay"
NOTE = (
    "256 MiB for two who use nothing but a relay, both online; relay and accounts are processes of their own. From the"
    " call of `send`, when the file is sealed, to the last durable part; each octet goes through Tor twice meanwhile."
    " The raw stream carries as many before and after."
)
SIZE = 256 * 2**20
_MIB = 2**20


def measure(room: Room) -> list[Figure]:
    return anyio.run(_measure, room)


async def _measure(room: Room) -> list[Figure]:
    relay = await relay_over_tor(room)
    async with relay.running(onion=True), raw_onion(room) as onion:
        raw = [await onion.rate(SIZE)]
        async with two_at_a_relay(room, relay, room.over_tor) as (alice, bob):
            file = await attach(alice.app, SIZE)
            memory = Memory(relay.pid)
            began = perf_counter()
            await fetch(bob.app, await send(alice.app, bob.app, file))
            ours = SIZE / (perf_counter() - began)
            most = memory.most()
        raw.append(await onion.rate(SIZE))
    return [
        Figure(
            what="256 MiB through a relay, both online, from sending to durable",
            measured=ours / _MIB,
            against="the slower of two raw onion streams in turn",
            limit=min(raw) / _MIB,
            unit="MiB/s",
            target=AtLeast(0.8),
        ),
        Figure(
            what="memory while they pass, the relay",
            measured=most,
            against="before",
            limit=memory.before,
            unit="MiB",
            target=NoMoreThan(64, "MiB"),
        ),
    ]
