"""A file from one account to another over Tor: against a raw onion stream, and beside texts.

It is measured where acknowledgements are not delayed (`prompt_acks`), if the machine allows that: this module as a
program prints its samples.
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, field
from statistics import median
from time import perf_counter
from typing import TYPE_CHECKING

import anyio

from bench.apart import two_accounts
from bench.figure import AtLeast, AtMost, Figure
from bench.latency import Sender
from bench.prompt_acks import measured_there
from bench.raw_onion import raw_onions
from bench.room import Room
from bench.transfer import fetch, offer

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

TITLE = "Files, direct"
NOTE = (
    "256 MiB from the wish for it until all its parts are durable, over a stream of its own, against as many octets on"
    " a raw onion stream, in turns; the accounts are processes of their own, with real vaults. Then texts of 1 KB while"
    " 64 MiB come, against texts without; beside it raw round trips of 1 KB while a raw stream carries as much. All of"
    " the private Tor network shares this machine's processors, so a round trip takes longer while many octets pass,"
    " whoever sends them. Where the machine allows that, all is measured in a network namespace where acknowledgements"
    " come at once: delayed by up to 40 ms, hop after hop, they would hide the rest."
)
SIZE = 256 * 2**20
MEANWHILE = 64 * 2**20
ROUNDS = 2
TEXTS = 100
_MIB = 2**20


@dataclass(slots=True, kw_only=True)
class Samples:
    """Rates in MiB/s, times in milliseconds."""

    ours: list[float] = field(default_factory=list[float])
    raw: list[float] = field(default_factory=list[float])
    texts: list[float] = field(default_factory=list[float])
    texts_meanwhile: list[float] = field(default_factory=list[float])
    trips: list[float] = field(default_factory=list[float])
    trips_meanwhile: list[float] = field(default_factory=list[float])


def measure(room: Room) -> list[Figure]:
    del room  # what is measured has one of its own
    return _figures(Samples(**measured_there("bench.files")))


def main() -> None:
    """Print the samples."""
    with Room() as room:
        print(json.dumps(asdict(anyio.run(_measure, room))))


async def _measure(room: Room) -> Samples:
    found = Samples()
    async with (
        two_accounts(room, room.over_tor) as (alice, bob),
        raw_onions(room, 2) as (onion, other),
        Sender(alice.app) as sender,
    ):
        for _ in range(TEXTS):
            found.texts.append(await _timed(sender.send))
            found.trips.append(await _timed(onion.round_trip))
        for _ in range(ROUNDS):
            file = await offer(alice.app, bob.app, SIZE)
            found.raw.append(await onion.rate(SIZE) / _MIB)
            found.ours.append(SIZE / _MIB / await fetch(bob.app, file))
        file = await offer(alice.app, bob.app, MEANWHILE)
        found.texts_meanwhile = await _meanwhile(sender.send, lambda: fetch(bob.app, file))
        found.trips_meanwhile = await _meanwhile(onion.round_trip, lambda: other.rate(MEANWHILE))
    return found


async def _meanwhile(call: Callable[[], Awaitable[None]], busy: Callable[[], Awaitable[object]]) -> list[float]:
    """Return the times of one call after another for as long as something else takes."""
    times: list[float] = []
    async with anyio.create_task_group() as tasks:

        async def again_and_again() -> None:
            while True:
                times.append(await _timed(call))

        tasks.start_soon(again_and_again)
        await busy()
        tasks.cancel_scope.cancel()
    return times


async def _timed(call: Callable[[], Awaitable[None]]) -> float:
    began = perf_counter()
    await call()
    return (perf_counter() - began) * 1000


def _figures(found: Samples) -> list[Figure]:
    return [
        Figure(
            what=f"256 MiB over onions, parts durable, best of {ROUNDS}",
            measured=max(found.ours),
            against="a raw onion stream",
            limit=max(found.raw),
            unit="MiB/s",
            target=AtLeast(0.9),
        ),
        Figure(
            what=f"send → delivered, 1 KB, while a file comes, median of {len(found.texts_meanwhile)}",
            measured=median(found.texts_meanwhile),
            against="the same without",
            limit=median(found.texts),
            unit="ms",
            target=AtMost(1.5),
        ),
        Figure(
            what=f"raw round trip, 1 KB, while a raw stream carries as much, median of {len(found.trips_meanwhile)}",
            measured=median(found.trips_meanwhile),
            against="the same without",
            limit=median(found.trips),
            unit="ms",
        ),
    ]


if __name__ == "__main__":
    main()
