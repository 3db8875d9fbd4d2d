"""Files from Alice to Bob, for figures: one is offered, and fetched."""

from __future__ import annotations

from time import perf_counter
from typing import TYPE_CHECKING

from balchat_host.api.events import FileChanged
from balchat_host.api.frontend import MAX_OCTETS
from balchat_host.api.views import FileState
from bench.room import until

if TYPE_CHECKING:
    from balchat_host.api.frontend import App

_OCTETS = bytes(MAX_OCTETS)


async def attach(alice: App, size: int) -> str:
    """Have Alice write a file; return what it is called at hers."""
    mine = await alice.files.attach("file.bin", size)
    for offset in range(0, size, MAX_OCTETS):
        await alice.files.write(mine.id, offset, _OCTETS[: size - offset])
    return mine.id


async def offer(alice: App, bob: App, size: int) -> str:
    """Have Alice offer a file to Bob; return what it is called at his."""
    return await send(alice, bob, await attach(alice, size))


async def send(alice: App, bob: App, file: str) -> str:
    """Have Alice send a file that is written; return what it is called at Bob's."""
    cursor = await bob.events.cursor()
    await alice.messages.send("Bob", "", files=[file])
    found: list[str] = []
    async for _ in bob.events.follow(after=cursor):
        found = [each.id for each in await bob.files.list("Alice") if each.state is FileState.OFFERED]
        if found:
            break
    return found[0]


async def fetch(bob: App, file: str) -> float:
    """Have a file come to Bob; return in how many seconds it was all there."""
    cursor = await bob.events.cursor()
    began = perf_counter()
    await bob.files.fetch(file)
    await complete(bob, file, cursor)
    return perf_counter() - began


async def complete(bob: App, file: str, after: int) -> None:
    """Wait until all of a file is there."""
    await until(
        bob,
        after,
        lambda event: (
            isinstance(event, FileChanged) and event.file.id == file and event.file.state is FileState.COMPLETE
        ),
    )
