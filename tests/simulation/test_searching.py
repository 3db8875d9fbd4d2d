"""What people write is found, also a moment later, and is gone from the index with the contact."""

from __future__ import annotations

import anyio
import pytest

from balchat_host.core.search import index
from balchat_host.testing.app_pair_kit import introduce

pytestmark = pytest.mark.anyio


async def test_messages_are_indexed_once_nothing_more_comes(people) -> None:
    async with people:
        alice, bob = await people.start("Alice"), await people.start("Bob")
        await introduce(alice.app, bob.app)
        for n in range(100):
            await alice.app.messages.send("Bob", f"Hello, number {n}.")
        assert await alice.runner.read(lambda tx: index.waiting(tx, at_most=1000)) > 0
        await anyio.sleep(60)
        for person in (alice, bob):
            assert await person.runner.read(lambda tx: index.waiting(tx, at_most=1000)) == 0
