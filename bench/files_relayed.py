"""A file through a relay, both online, against the slower of two raw onion streams, one after the other.

It is measured where acknowledgements are not delayed (`prompt_acks`), if the machine allows that: this module as a
program prints what it finds.
"""

from __future__ import annotations

import json
from time import perf_counter

import anyio

from bench.apart import Memory
from bench.figure import AtLeast, Figure, NoMoreThan
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
    " all of the private Tor network shares this machine's processors. A MiB takes 0.18 s of them on"
    " a raw stream, and 0.39 s through a relay, 0.31 s of which tor takes: two processors do not reach the target, and"
    " both ways at once they do what raw streams do. In the same namespace as above."
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
        in_turn = [await each.rate(SIZE) / _MIB for each in onions]
        async with two_at_a_relay(room, relay, room.over_tor) as (alice, bob):
            file = await attach(alice.app, SIZE)
            memory = Memory(relay.pid)
            began = perf_counter()
            await fetch(bob.app, await send(alice.app, bob.app, file))
            ours = SIZE / (perf_counter() - began)
            most = memory.most()

        async def note(onion: RawOnion) -> None:
            at_once.append(await onion.rate(SIZE) / _MIB)

        async with anyio.create_task_group() as tasks:
            for each in onions:
                tasks.start_soon(note, each)
    return {"ours": ours / _MIB, "raw": in_turn, "raw_at_once": at_once, "most": most, "before": memory.before}


if __name__ == "__main__":
    main()
