"""A disk that takes nothing more while the account is up: everybody who looks sees it, and it goes on by itself."""

from __future__ import annotations

from contextlib import aclosing
from typing import TYPE_CHECKING

import anyio
import pytest

from balchat_host.api.errors import StorageFull
from balchat_host.api.types import ONLINE, Phase
from balchat_host.testing.app_kit import nobody

if TYPE_CHECKING:
    from balchat_host.api.frontend import App
    from balchat_host.api.types import ServiceState

pytestmark = pytest.mark.anyio


async def until_disk(app: App, condition) -> ServiceState:
    """Wait, as a front end does, until the status says so of the disk."""
    with anyio.fail_after(3600):
        async with aclosing(app.status.watch()) as states:
            async for status in states:
                if condition(status.storage):
                    return status.storage
    raise AssertionError("the states ended")


async def test_a_full_disk_is_shown_until_there_is_room_again(people) -> None:
    async with people:
        alice = await people.make("Alice")
        async with alice.up() as app:
            await app.contacts.add(nobody().onion, "Bob")
            before = await app.messages.send("Bob", "before")
            assert (await app.status.get()).storage == ONLINE
            alice.disk.full = True
            with pytest.raises(StorageFull, match="Nothing that was accepted is lost"):
                await app.messages.send("Bob", "no room")
            state = (await app.status.get()).storage
            assert (state.phase, state.reason) == (Phase.DEGRADED, "the disk is full")
            await anyio.sleep(60)  # virtual time
            assert (await app.status.get()).storage == state
            alice.disk.full = False
            await until_disk(app, lambda state: state == ONLINE)
            after = await app.messages.send("Bob", "after")
            assert [message.id for message in await app.messages.history("Bob")] == [before.id, after.id]


async def test_what_is_received_by_a_full_disk_comes_again(people) -> None:
    async with people:
        alice, bob = [await people.make(name) for name in ("Alice", "Bob")]
        async with alice.up() as a, bob.up() as b:
            await a.contacts.add(bob.code, "Bob")
            await anyio.sleep(60)
            await b.requests.accept("Alice")
            await anyio.sleep(60)
            bob.disk.full = True
            sent = await a.messages.send("Bob", "to a full disk")
            await until_disk(b, lambda state: state.phase is Phase.DEGRADED)
            assert (await a.messages.get(sent.id)).state in ("queued", "sent")
            bob.disk.full = False
            await until_disk(b, lambda state: state == ONLINE)
            await anyio.sleep(600)
            assert [message.text for message in await b.messages.history("Alice")] == ["to a full disk"]
            assert (await a.messages.get(sent.id)).state == "delivered"


async def test_what_was_refused_leaves_nothing_behind(people) -> None:
    async with people:
        alice = await people.make("Alice")
        async with alice.up():
            pass
        async with alice.up() as app:
            alice.disk.full = True
            with pytest.raises(StorageFull):
                await app.contacts.add(nobody().onion, "Bob")
            assert (await until_disk(app, lambda state: state != ONLINE)).reason == "the disk is full"
            assert await app.contacts.list() == []
