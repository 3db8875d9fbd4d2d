"""How much of a file passes again after SIGKILL, of either side, directly and through a relay."""

from __future__ import annotations

from typing import TYPE_CHECKING

import anyio

from bench.apart import two_accounts
from bench.figure import AtMost, Figure
from bench.relay_use import TRANSPORT, relay_over_sockets, two_at_a_relay
from bench.transfer import fetch, offer
from bench.wire import Wire

if TYPE_CHECKING:
    from bench.apart import Account
    from bench.room import Room

TITLE = "Files and SIGKILL"
NOTE = (
    "64 MiB, in parts of 1 MiB, and SIGKILL at each fifth of it; then the process is started again, and the transfer"
    " goes on by itself. All octets between the accounts, or between them and the relay, are counted on the way, and"
    " those of the same file without SIGKILL taken off; what remains, for each SIGKILL, is what was sent again. It has"
    " what the sockets held, of which the other side read nothing. Directly, one stream carries parts; to a relay and"
    " from it, three do."
)
SIZE = 64 * 2**20
KILLS = 4
_PART = 2**20
_RETRY = {"delivery.retry_first_seconds": "1", "delivery.retry_max_seconds": "2"}


def measure(room: Room) -> list[Figure]:
    return [*anyio.run(_directly, room), *anyio.run(_by_relay, room)]


async def _directly(room: Room) -> list[Figure]:
    alices, bobs = room.folder("a"), room.folder("b")

    def both_ways() -> None:
        wire.lead(alices, bobs)
        wire.lead(bobs, alices)

    async with anyio.create_task_group() as tasks:
        wire = Wire(tasks)
        configurations = [room.over_sockets_in(each) | _RETRY for each in (alices, bobs)]
        async with two_accounts(room, *configurations, wire=both_ways) as (alice, bob):
            figures = await _figures(wire, alice, bob, "directly", streams=1)
        tasks.cancel_scope.cancel()
    return figures


async def _by_relay(room: Room) -> list[Figure]:
    relays, alices, bobs = room.folder("r"), room.folder("a"), room.folder("b")
    relay = await relay_over_sockets(room, relays)
    async with relay.running(), anyio.create_task_group() as tasks:
        wire = Wire(tasks)
        for each in (alices, bobs):
            wire.lead(relays, each)
        configurations = [room.over_sockets_in(each, TRANSPORT) | _RETRY for each in (alices, bobs)]
        async with two_at_a_relay(room, relay, *configurations) as (alice, bob):
            figures = await _figures(wire, alice, bob, "through a relay", streams=3)
        tasks.cancel_scope.cancel()
    return figures


async def _figures(wire: Wire, alice: Account, bob: Account, how: str, *, streams: int) -> list[Figure]:
    once = await _octets(wire, alice, bob, None)
    return [
        Figure(
            what=f"sent again {how} after SIGKILL of {who}, mean of {KILLS}",
            measured=(await _octets(wire, alice, bob, killed) - once) / KILLS / _PART,
            against="one part for each stream in flight",
            limit=streams,
            unit="parts",
            target=AtMost(1),
        )
        for who, killed in (("the sender", alice), ("who receives it", bob))
    ]


async def _octets(wire: Wire, alice: Account, bob: Account, killed: Account | None) -> int:
    """Have a file come, with an account killed and started again on the way; return how many octets passed."""
    before = wire.octets
    file = await offer(alice.app, bob.app, SIZE)
    if killed is None:
        await fetch(bob.app, file)
        return wire.octets - before
    await bob.app.files.fetch(file)
    for kill in range(1, KILLS + 1):
        await _until_here(bob, file, SIZE * kill // (KILLS + 1))
        await killed.kill()
        await killed.start()
    await _until_here(bob, file, SIZE)
    return wire.octets - before


async def _until_here(bob: Account, file: str, octets: int) -> None:
    while (await bob.app.files.get(file)).here < octets:  # noqa: ASYNC110  # Bob's own process may be killed
        await anyio.sleep(0.01)
