"""The bot with a whole account in memory, and people whom the tests play."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from pathlib import Path

import anyio
import pytest
from balchat_host.api.frontend import FrontEndContext
from balchat_host.testing.memory_account import MemoryAccount

from balchat_ui_sample.plugin import make
from balchat_ui_sample.settings import SampleSettings

pytestmark = pytest.mark.anyio
YEAR = 365 * 24 * 3600


@asynccontextmanager
async def bot_of(account: MemoryAccount, **settings: str) -> AsyncGenerator[None]:
    """Run the bot while the block runs, then until nothing is left to do."""
    context = FrontEndContext(profile=Path("/nowhere"), runtime_directory=Path("/nowhere"))
    async with anyio.create_task_group() as tasks:
        await tasks.start(make(context, SampleSettings(**settings)).run, account.app)
        yield
        await anyio.wait_all_tasks_blocked()
        tasks.cancel_scope.cancel()


async def test_a_ping_is_answered() -> None:
    alice = MemoryAccount("Alice")
    bob = alice.befriend("Bob")
    async with bot_of(alice, answer="here I am"):
        bob.write("ping")
        bob.write("something else")
    bob.receive()
    assert bob.heard == ["here I am"]


async def test_a_ping_that_came_while_it_was_away_is_answered_once() -> None:
    alice = MemoryAccount("Alice")
    bob = alice.befriend("Bob")
    bob.write("ping")
    for _ in range(2):
        async with bot_of(alice):
            pass
    bob.receive()
    assert bob.heard == ["pong"]


async def test_whoever_was_blocked_or_removed_meanwhile_does_not_stop_it() -> None:
    alice = MemoryAccount("Alice")
    bob, carol, dave = alice.befriend("Bob"), alice.befriend("Carol"), alice.befriend("Dave")
    for peer in (bob, carol, dave):
        peer.write("ping")
    await alice.app.contacts.block("Bob")
    await alice.app.contacts.remove("Carol")
    async with bot_of(alice):
        pass
    dave.receive()
    assert dave.heard == ["pong"]


async def test_it_goes_on_when_events_are_gone() -> None:
    alice = MemoryAccount("Alice")
    bob = alice.befriend("Bob")
    async with bot_of(alice):
        pass
    bob.write("ping")
    alice.pass_time(YEAR)
    async with bot_of(alice):
        await anyio.wait_all_tasks_blocked()
        bob.write("ping")
    bob.receive()
    assert bob.heard == ["pong"]
