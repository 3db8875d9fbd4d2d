"""A file through a relay, both online, against the slower of two raw onion streams, one after the other.

It is measured where acknowledgements are not delayed (`prompt_acks`), if the machine allows that: this module as a
program prints what it finds.
"""

from __future__ import annotations

import json
import os
from time import perf_counter

import anyio

from bench.apart import Memory
from bench.figure import AtLeast, Figure, NoMoreThan
from bench.processors import seconds_taken
from bench.prompt_acks import measured_there
from bench.raw_onion import RawOnion, raw_onions
from bench.relay_use import relay_over_tor, two_at_a_relay
from bench.room import Room
from bench.transfer import attach, fetch, send

TITLE = "Files through a relay"
NOTE = (
    "128 MiB for two who use nothing but a relay, both online; relay and accounts are processes of their own. From the"
    " call of `send`, when the file is sealed, to the last durable part; each octet goes through Tor twice meanwhile."
    " A raw stream carries as many, in turn with another one, and then at the same time, as both ways of the file do:"
    " all of the private Tor network shares this machine's processors. So the most that they can do for both ways at"
    " once is what they are divided by the processor time that the two raw streams take for a MiB. In the same"
    " namespace as above."
)
SIZE = 128 * 2**20
_MIB = 2**20


def measure(room: Room) -> list[Figure]:
    del room  # what is measured has one of its own
    found = measured_there("bench.files_relayed")
    return [
        Figure(
            what="128 MiB through a relay, both online, from sending to durable",
            measured=found["ours"],
            against="the slower of two raw onion streams in turn",
            limit=min(found["raw"]),
            unit="MiB/s",
            target=AtLeast(0.8),
        ),
        Figure(
            what="the same",
            measured=found["ours"],
            against="the slower of two raw onion streams at the same time",
            limit=min(found["raw_at_once"]),
            unit="MiB/s",
        ),
        Figure(
            what="the same",
            measured=found["ours"],
            against="what all processors could do for two raw streams at the same time",
            limit=found["processors"] / found["raw_seconds"],
            unit="MiB/s",
        ),
        Figure(
            what="processor time of a MiB through a relay, tor's and ours",
            measured=1000 * found["our_seconds"],
            against="of a MiB on each of two raw onion streams",
            limit=1000 * found["raw_seconds"],
            unit="ms",
        ),
        Figure(
            what="memory while they pass, the relay",
            measured=found["most"],
            against="before",
            limit=found["before"],
            unit="MiB",
            target=NoMoreThan(64, "MiB"),
        ),
    ]


def main() -> None:
    """Print what is found."""
    with Room() as room:
        print(json.dumps(anyio.run(_measure, room)))


async def _measure(room: Room) -> dict[str, float | list[float]]:
    relay = await relay_over_tor(room)
    at_once: list[float] = []
    async with relay.running(onion=True), raw_onions(room, 2) as onions:
        taken = seconds_taken()
        in_turn = [await each.rate(SIZE) / _MIB for each in onions]
        raw_seconds = seconds_taken() - taken
        async with two_at_a_relay(room, relay, room.over_tor) as (alice, bob):
            file = await attach(alice.app, SIZE)
            memory, taken = Memory(relay.pid), seconds_taken()
            began = perf_counter()
            await fetch(bob.app, await send(alice.app, bob.app, file))
            ours = SIZE / (perf_counter() - began)
            most, our_seconds = memory.most(), seconds_taken() - taken

        async def note(onion: RawOnion) -> None:
            at_once.append(await onion.rate(SIZE) / _MIB)

        async with anyio.create_task_group() as tasks:
            for each in onions:
                tasks.start_soon(note, each)
    return {
        "ours": ours / _MIB,
        "raw": in_turn,
        "raw_at_once": at_once,
        "raw_seconds": raw_seconds * _MIB / SIZE,
        "our_seconds": our_seconds * _MIB / SIZE,
        "processors": len(os.sched_getaffinity(0)),
        "most": most,
        "before": memory.before,
    }


if __name__ == "__main__":
    main()
