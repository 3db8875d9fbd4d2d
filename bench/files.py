"""A file from one account to another: against a raw onion stream, beside texts, and how much memory it takes."""

from __future__ import annotations

import re
from contextlib import AsyncExitStack
from pathlib import Path
from statistics import median
from time import perf_counter
from typing import TYPE_CHECKING

import anyio

from balchat_host.api.events import FileChanged
from balchat_host.api.frontend import MAX_OCTETS
from balchat_host.api.views import FileState
from bench.figure import AtLeast, AtMost, Figure, NoMoreThan
from bench.latency import Sender
from bench.raw_onion import raw_onion
from bench.relayed import make, meet
from bench.room import running_profile, two_contacts, until

if TYPE_CHECKING:
    from balchat_host.api.frontend import App
    from bench.room import Room

TITLE = "Files"
NOTE = (
    "A file of 256 MiB from the wish for it until all its parts are durable, over a stream of its own, against as many"
    " octets on a raw onion stream, in turns; texts of 1 KB meanwhile; then 1 GiB over sockets of this machine, for the"
    " memory of both accounts, which are whole and in one process, with real vaults. Then 64 MiB by a relay that is a"
    " process of its own, for two who use nothing else, from the first octet that is sealed to the last durable part."
)
SIZE = 256 * 2**20
ROUNDS = 2
TEXTS = 100
LARGE = 2**30
RELAYED = 64 * 2**20
_MIB = 2**20


def measure(room: Room) -> list[Figure]:
    return [*anyio.run(_over_tor, room), *anyio.run(_memory, room), *anyio.run(_by_relay, room)]


async def _over_tor(room: Room) -> list[Figure]:
    ours: list[float] = []
    raw: list[float] = []
    busy: list[float] = []
    async with two_contacts(room, room.over_tor) as (alice, bob), raw_onion(room) as onion, Sender(alice) as sender:
        quiet = [await _timed(sender) for _ in range(TEXTS)]
        for number in range(ROUNDS):
            file = await _offer(alice, bob, SIZE, number)
            raw.append(await onion.rate(SIZE))
            ours.append(await _fetch(bob, file, SIZE))
        file = await _offer(alice, bob, SIZE, ROUNDS)
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(_fetch, bob, file, SIZE)
            while (await bob.files.get(file)).state is not FileState.COMPLETE:
                seconds = await _timed(sender)
                if (await bob.files.get(file)).here:
                    busy.append(seconds)
    return [
        Figure(
            what="256 MiB over onions, parts durable, best of two",
            measured=max(ours) / _MIB,
            against="a raw onion stream",
            limit=max(raw) / _MIB,
            unit="MiB/s",
            target=AtLeast(0.9),
        ),
        Figure(
            what=f"send → delivered, 1 KB, while a file comes, median of {len(busy)}",
            measured=median(busy) * 1000,
            against="the same without",
            limit=median(quiet) * 1000,
            unit="ms",
            target=AtMost(1.5),
        ),
    ]


async def _memory(room: Room) -> list[Figure]:
    async with two_contacts(room, room.over_sockets) as (alice, bob):
        file = await _offer(alice, bob, LARGE, 0)
        _forget_peak()
        before = _peak()
        await _fetch(bob, file, LARGE)
        after = _peak()
    return [
        Figure(
            what="memory while 1 GiB passes, both accounts",
            measured=after,
            against="before",
            limit=before,
            unit="MiB",
            target=NoMoreThan(128, "MiB, 64 for each account"),
        )
    ]


async def _by_relay(room: Room) -> list[Figure]:
    """A file by a relay, both online, against the slower of two raw onion streams, one after the other."""
    relay, *profiles = await make(room)
    async with relay.running(onion=True), AsyncExitStack() as stack:
        alice, bob = [await stack.enter_async_context(running_profile(each)) for each in profiles]
        await meet(relay, alice, bob)
        async with raw_onion(room) as onion:
            raw = min([await onion.rate(RELAYED) for _ in range(2)])
        before = _peak(relay.pid)
        began = perf_counter()
        file = await _offer(alice, bob, RELAYED, 0)
        await _fetch(bob, file, RELAYED)
        ours = RELAYED / (perf_counter() - began)
        after = _peak(relay.pid)
    return [
        Figure(
            what="64 MiB through a relay, both online, from sending to durable",
            measured=ours / _MIB,
            against="the slower of two raw onion streams in turn",
            limit=raw / _MIB,
            unit="MiB/s",
            target=AtLeast(0.8),
        ),
        Figure(
            what="memory while 64 MiB pass, the relay",
            measured=after,
            against="before",
            limit=before,
            unit="MiB",
            target=NoMoreThan(64, "MiB"),
        ),
    ]


async def _timed(sender: Sender) -> float:
    began = perf_counter()
    await sender.send()
    return perf_counter() - began


async def _offer(alice: App, bob: App, size: int, number: int) -> str:
    """Have Alice offer a file to Bob; return what it is called at his."""
    mine = await alice.files.attach(f"{number}.bin", size)
    chunk = bytes(MAX_OCTETS)
    for offset in range(0, size, MAX_OCTETS):
        await alice.files.write(mine.id, offset, chunk[: size - offset])
    cursor = await bob.events.cursor()
    await alice.messages.send("Bob", "", files=[mine.id])
    found: list[str] = []
    while not found:
        cursor = await _next_event(bob, cursor)
        found = [each.id for each in await bob.files.list("Alice") if each.state is FileState.OFFERED]
    return found[0]


async def _next_event(app: App, after: int) -> int:
    async for event in app.events.follow(after=after):
        return event.cursor
    raise AssertionError("events go on for as long as the account is up")


async def _fetch(bob: App, file: str, size: int) -> float:
    """Have a file come, and delete it again; return how many octets came a second."""
    cursor = await bob.events.cursor()
    began = perf_counter()
    await bob.files.fetch(file)
    await until(
        bob,
        cursor,
        lambda event: (
            isinstance(event, FileChanged) and event.file.id == file and event.file.state is FileState.COMPLETE
        ),
    )
    return size / (perf_counter() - began)


def _forget_peak() -> None:
    Path("/proc/self/clear_refs").write_text("5")


def _peak(process: int | str = "self") -> float:
    """Return the most memory that a process has had, in MiB (proc_pid_status(5), VmHWM)."""
    found = re.search(r"^VmHWM:\s+(\d+) kB$", Path(f"/proc/{process}/status").read_text(), re.MULTILINE)
    assert found is not None, "Linux says it"
    return int(found[1]) / 1024
