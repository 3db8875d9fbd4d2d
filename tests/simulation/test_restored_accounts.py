"""Whole accounts that go on from a backup: directly, and by a relay when the two are never there at once."""

from __future__ import annotations

from contextlib import aclosing
from pathlib import Path
from typing import TYPE_CHECKING

import anyio
import pytest

from balchat_host.api.events import AccountRestored
from balchat_host.api.views import ContactState, MessageState
from balchat_host.testing.waiting import until_true
from tests.support.virtual_relay import VirtualRelay

if TYPE_CHECKING:
    from balchat_host.api.frontend import App

pytestmark = pytest.mark.anyio

DAY = 24 * 3600.0
BACKUP = Path("/backup")


@pytest.fixture
def relay(people) -> VirtualRelay:
    relay = VirtualRelay()
    people.more = [relay.setup]
    return relay


async def texts(app: App, contact: str) -> set[str | None]:
    return {message.text for message in await app.messages.history(contact) if message.author is not None}


async def hears(app: App, contact: str, *expected: str) -> None:
    async def so() -> bool:
        return set(expected) <= await texts(app, contact)

    await until_true(app, so, patience=3 * DAY)


async def everything_is_delivered(app: App, contact: str) -> None:
    async def so() -> bool:
        written = [message for message in await app.messages.history(contact) if message.author is None]
        return {message.state for message in written} == {MessageState.DELIVERED}

    await until_true(app, so, patience=3 * DAY)


async def has_contact(app: App, name: str, state: ContactState) -> None:
    async def so() -> bool:
        return [contact.state for contact in await app.contacts.list() if contact.name == name] == [state]

    await until_true(app, so, patience=3 * DAY)


async def nothing_waits(app: App) -> None:
    async def so() -> bool:
        outbox = (await app.status.get()).outbox
        return not outbox.waiting and not outbox.relayed

    await until_true(app, so, patience=3 * DAY)


async def friends(people, *, direct: bool = True):
    """Make Alice and Bob, who are contacts and have told each other their routes; neither is up."""
    alice, bob = [await people.make(name, direct=direct) for name in ("Alice", "Bob")]
    async with alice.up() as a, bob.up() as b:
        await a.contacts.add(bob.code, "Bob")

        async def asked() -> bool:
            return bool(await b.requests.list())

        await until_true(b, asked, patience=3 * DAY)
        await b.requests.accept("Alice")
        await has_contact(a, "Bob", ContactState.ACTIVE)
        await anyio.sleep(2 * 3600)  # virtual time, in which they give each other KeyPackages
        for app in (a, b):
            await nothing_waits(app)
    return alice, bob


@pytest.mark.parametrize("direct", [True, False], ids=["both", "relay only"])
async def test_both_talk_again_when_both_are_there(people, relay, direct: bool) -> None:
    async with people:
        alice, bob = await friends(people, direct=direct)
        async with alice.up() as a, bob.up() as b:
            await a.account.backup(str(BACKUP))
            await a.messages.send("Bob", "after the backup")
            await hears(b, "Alice", "after the backup")
            await nothing_waits(a)
        await alice.restore(BACKUP)
        async with alice.up() as a, bob.up() as b:
            await a.messages.send("Bob", "from the copy")
            await b.messages.send("Alice", "to the copy")
            await hears(b, "Alice", "after the backup", "from the copy")
            await hears(a, "Bob", "to the copy")
            for app, contact in ((a, "Bob"), (b, "Alice")):
                await everything_is_delivered(app, contact)
                await nothing_waits(app)
            (contact,) = await a.contacts.list()
            assert contact.reason is None
            assert not await b.requests.list()


@pytest.mark.parametrize("direct", [True, False], ids=["both", "relay only"])
async def test_both_talk_again_though_they_are_never_there_at_once(people, relay, direct: bool) -> None:
    async with people:
        alice, bob = await friends(people, direct=direct)
        async with alice.up() as a:
            await a.account.backup(str(BACKUP))
        async with bob.up() as b:
            await b.messages.send("Alice", "left in the group that is lost")
            await stored(b)
        await alice.restore(BACKUP)
        async with alice.up() as a:
            await a.messages.send("Bob", "from the copy")
            await has_contact(a, "Bob", ContactState.REQUESTED)
        for _ in range(3):
            async with bob.up():
                await anyio.sleep(3600)  # virtual time
            async with alice.up():
                await anyio.sleep(3600)
        async with bob.up() as b:
            await hears(b, "Alice", "from the copy")
            await everything_is_delivered(b, "Alice")
        async with alice.up() as a:
            await hears(a, "Bob", "left in the group that is lost")
            await everything_is_delivered(a, "Bob")
            assert len(await a.messages.history("Bob")) == 2


async def stored(app: App) -> None:
    async def so() -> bool:
        return (await app.status.get()).outbox.relayed == 1

    await until_true(app, so, patience=3 * DAY)


async def test_the_owner_hears_of_it_and_sees_who_has_not_answered(people, relay) -> None:
    async with people:
        alice, _ = await friends(people)
        async with alice.up() as a:
            await a.account.backup(str(BACKUP))
            before = await a.events.cursor()
        await alice.restore(BACKUP)
        async with alice.up() as a:
            (contact,) = await a.contacts.list()
            assert contact.state is not ContactState.ACTIVE
            assert contact.reason == "restored"
            async with aclosing(a.events.follow(after=before)) as events:
                async for event in events:
                    if isinstance(event, AccountRestored):
                        break
            assert event.contacts == 1


async def test_routes_that_the_other_side_named_since_the_backup_are_told_again(people, relay) -> None:
    async with people:
        alice, bob = await friends(people, direct=False)
        async with alice.up() as a:
            await a.account.backup(str(BACKUP))
            async with bob.up() as b:
                relay.move(bob.peer)
                await anyio.sleep(3600)
                await nothing_waits(b)
        await alice.restore(BACKUP)
        async with alice.up() as a, bob.up():
            await has_contact(a, "Bob", ContactState.ACTIVE)
            await anyio.sleep(3600)
        async with alice.up() as a:
            await a.messages.send("Bob", "where Bob looks now")
            await stored(a)
        assert relay.boxes[relay.address(bob.peer, alice.peer)]
        async with bob.up() as b:
            await hears(b, "Alice", "where Bob looks now")
