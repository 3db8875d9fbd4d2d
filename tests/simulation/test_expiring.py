"""An account that is up erases what expires, by itself, and one that starts hides what came due meanwhile."""

from __future__ import annotations

import anyio
import pytest

from balchat_host.api.events import MessageRemoved
from balchat_host.testing.app_kit import take
from balchat_host.testing.app_pair_kit import introduce

pytestmark = pytest.mark.anyio


async def test_what_expires_goes_on_both_sides_by_itself(people) -> None:
    async with people:
        alice, bob = await people.start("Alice"), await people.start("Bob")
        await introduce(alice.app, bob.app)
        sent = await alice.app.messages.send("Bob", "for a minute", expires_after=60)
        await anyio.sleep(10)
        await bob.app.conversations.mark_read("Alice", sent.id)
        cursor = await bob.app.events.cursor()
        await anyio.sleep(30)
        assert [message.text for message in await bob.app.messages.history("Alice")] == ["for a minute"]
        await anyio.sleep(45)
        for person, other in ((alice, "Bob"), (bob, "Alice")):
            assert await person.app.messages.history(other) == []
            assert await person.runner.read(lambda tx: tx.query("SELECT text, content FROM message")) == [(None, b"")]
        (event,) = await take(bob.app, cursor, 1)
        assert isinstance(event, MessageRemoved)
        assert event.id == sent.id


async def test_a_timer_that_one_sets_holds_for_both(people) -> None:
    async with people:
        alice, bob = await people.start("Alice"), await people.start("Bob")
        await introduce(alice.app, bob.app)
        await alice.app.conversations.set_timer("Bob", 3600)
        await anyio.sleep(10)
        theirs = await bob.app.conversations.get("Alice")
        assert (theirs.expire_after, theirs.timer_by) == (3600, "Alice")
        assert (await bob.app.messages.send("Alice", "hello")).expires_after == 3600
