"""What one message costs an account that front ends watch, with few contacts and with many."""

from __future__ import annotations

from contextlib import AsyncExitStack
from typing import TYPE_CHECKING

import anyio

from balchat_host.api.events import MessageAdded
from balchat_host.loader.profiles import ProfileDirectory
from balchat_host.local_profile import LocalProfile
from bench.contacts import FEW, MANY, make_account
from bench.figure import AtMost, Figure
from bench.room import PASSPHRASE
from bench.timing import in_turns

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from balchat_host.api.frontend import App
    from bench.room import Room

TITLE = "Watchers"
NOTE = (
    "An account that ten front ends watch, each its status, its events and what is ephemeral. A message: from the call"
    " until it is durable and each of them has it, and a status that is newer. The contacts are real, and away."
)
WATCHERS = 10
ROUNDS = 200
_LISTS = 50


def measure(room: Room) -> list[Figure]:
    return anyio.run(_measure, room)


async def _measure(room: Room) -> list[Figure]:
    accounts = [await make_account(room, count) for count in (MANY, FEW)]
    async with AsyncExitStack() as stack, anyio.create_task_group() as tasks:
        watched: list[_Watched] = []
        for account in accounts:
            place = ProfileDirectory(name="Alice", directory=account.directory)
            app = await stack.enter_async_context(LocalProfile(place, account.configuration).open(PASSPHRASE))
            watched.append(_Watched(app))
            tasks.start_soon(watched[-1].watch)
            await watched[-1].begun.wait()
        many, few = await in_turns(ROUNDS, *(each.write for each in watched), warm_up=10)
        (listed,) = await in_turns(_LISTS, watched[0].app.conversations.list)
        tasks.cancel_scope.cancel()
    return [
        Figure(
            what=f"one message, {MANY:,} contacts, {WATCHERS} watchers, median",
            measured=many.median,
            against=f"{FEW} contacts",
            limit=few.median,
            unit="ms",
            target=AtMost(1.5),
        ),
        Figure(
            what=f"listing {MANY:,} conversations, median",
            measured=listed.median,
            against="100 ms",
            limit=100.0,
            unit="ms",
            target=AtMost(1.0),
        ),
    ]


class _Watched:
    """An account with its watchers."""

    def __init__(self, app: App) -> None:
        self.app = app
        self.begun = anyio.Event()
        self._waiting = 0
        self._all = anyio.Event()

    async def watch(self) -> None:
        async with anyio.create_task_group() as tasks:
            after = await self.app.events.cursor()
            for _ in range(WATCHERS):
                tasks.start_soon(self._follow_status, self.app.status.watch())
                tasks.start_soon(self._follow_events, after)
                tasks.start_soon(_follow, self.app.events.ephemeral())
            self.begun.set()

    async def write(self) -> None:
        """Write a message, and wait until each watcher has it."""
        await anyio.wait_all_tasks_blocked()
        self._waiting, self._all = 2 * WATCHERS, anyio.Event()
        await self.app.messages.send("Contact 0", "hello")
        await self._all.wait()

    async def _follow_status(self, states: AsyncIterator[object]) -> None:
        async for _ in states:
            self._heard()

    async def _follow_events(self, after: int) -> None:
        async for event in self.app.events.follow(after=after):
            if isinstance(event, MessageAdded):
                self._heard()

    def _heard(self) -> None:
        self._waiting -= 1
        if not self._waiting:
            self._all.set()


async def _follow(changes: AsyncIterator[object]) -> None:
    async for _ in changes:
        pass
