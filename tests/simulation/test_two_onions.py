"""Strangers come to the identity onion, contacts to the device onion; who has lost the way to one finds the other."""

from __future__ import annotations

import secrets
from pathlib import Path
from typing import TYPE_CHECKING

import anyio
import pytest
from balchat_transport_tor_direct.publishing import PORT
from trio.testing import MockClock

from balchat_host.api.types import OnionKey, Phase
from balchat_host.api.views import MessageState
from balchat_host.core import account
from balchat_host.testing.app_pair_kit import introduce
from balchat_host.testing.virtual_network import onion_of

if TYPE_CHECKING:
    from tests.simulation.conftest import People, Someone

pytestmark = pytest.mark.anyio

HOUR = 3600.0
BACKUP = Path("/on a stick")


@pytest.fixture
def anyio_backend() -> tuple[str, dict[str, object]]:
    return "trio", {"clock": MockClock(autojump_threshold=0)}


async def device_onion(someone: Someone) -> OnionKey:
    return onion_of(await someone.runner.read(account.device_onion_seed))


async def forget_device_onion(someone: Someone) -> None:
    """Have another device onion the next time: every route to this device is stale then."""
    seed = secrets.token_bytes(32)
    await someone.runner.change(lambda unit: unit.tx.execute("UPDATE account SET device_onion_seed = ?", (seed,)))


async def delivered(someone: Someone, text: str, *, within: float = 600) -> None:
    """Write to the only contact, and see that it has arrived after so many seconds."""
    (contact,) = await someone.app.contacts.list()
    sent = await someone.app.messages.send(contact.name, text)
    await anyio.sleep(within)
    assert (await someone.app.messages.get(sent.id)).state is MessageState.DELIVERED


def dialled_since(people: People, start: int) -> set[OnionKey]:
    return {address for _, address in people.world.times[start:]}


async def test_contacts_find_each_other_at_their_device_onions(people: People) -> None:
    async with people:
        alice, bob = await people.start("Alice"), await people.make("Bob")
        async with bob.up():
            await introduce(alice.app, bob.app)
            await delivered(alice, "hello")
            onions = {await device_onion(alice), await device_onion(bob)}
        start = len(people.world.times)
        async with bob.up():
            await delivered(alice, "you are back")
            assert dialled_since(people, start) <= onions


async def test_two_whose_routes_are_stale_on_both_sides_find_each_other(people: People) -> None:
    async with people:
        alice, bob = await people.make("Alice"), await people.make("Bob")
        async with alice.up(), bob.up():
            await introduce(alice.app, bob.app)
            await delivered(alice, "hello")
            await forget_device_onion(alice)
            await forget_device_onion(bob)
        async with alice.up(), bob.up():
            await delivered(alice, "are you still there?")
            await delivered(bob, "I am")
            onions = {await device_onion(alice), await device_onion(bob)}
        start = len(people.world.times)
        async with alice.up(), bob.up():
            await delivered(alice, "and now?")
            assert dialled_since(people, start) <= onions


async def test_with_requests_off_contacts_go_on_and_strangers_find_nobody(people: People) -> None:
    async with people:
        alice, bob, carol = await people.start("Alice"), await people.make("Bob"), await people.start("Carol")
        async with bob.up():
            await introduce(alice.app, bob.app)
            await delivered(alice, "hello")
            await alice.app.settings.set("requests.accept", False)
            await anyio.sleep(60)
        assert not people.world.answers_at(alice.peer.identity_onion, PORT)
        status = await alice.app.status.get()
        assert (status.accepts_requests, status.identity_onion.phase) == (False, Phase.STOPPED)
        assert status.device_onion.phase is Phase.ONLINE
        await carol.app.contacts.add(alice.code)
        await anyio.sleep(HOUR)
        assert await alice.app.requests.list() == []
        async with bob.up():
            await delivered(alice, "still here")
            await delivered(bob, "I too")
        await alice.app.settings.set("requests.accept", True)
        await anyio.sleep(HOUR)
        assert [request.name for request in await alice.app.requests.list()] == ["Carol"]


async def test_a_contact_that_goes_on_from_a_backup_comes_back_though_requests_are_off(people: People) -> None:
    async with people:
        alice, bob = await people.start("Alice"), await people.make("Bob")
        async with bob.up():
            await introduce(alice.app, bob.app)
            await delivered(bob, "hello")
            await bob.app.account.backup(str(BACKUP))
        await alice.app.settings.set("requests.accept", False)
        await bob.restore(BACKUP)
        async with bob.up():
            await delivered(bob, "I am back", within=3 * HOUR)
            await delivered(alice, "good", within=3 * HOUR)
        assert not people.world.answers_at(alice.peer.identity_onion, PORT)
