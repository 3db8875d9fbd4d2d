"""Delivery workers, seen from outside: when they dial, what they hand over, and what arrives."""

from __future__ import annotations

from itertools import pairwise
from random import Random
from typing import TYPE_CHECKING

import anyio
import pytest
import trio

from balchat_host.api.events import MessageAdded, MessageChanged
from balchat_host.api.transport import Outcome
from balchat_host.api.views import MessageState
from balchat_host.runtime import reconnector
from balchat_host.testing.app_kit import nobody, until
from balchat_host.testing.app_pair_kit import introduce
from tests.support.virtual_account import FIRST_RETRY, LAST_RETRY

if TYPE_CHECKING:
    from collections.abc import Callable

    from balchat_host.api.frontend import App
    from balchat_host.api.storage import ReadTransaction
    from balchat_host.api.types import PeerId

pytestmark = pytest.mark.anyio

HOUR = 3600.0


async def delivered(app: App, message_id: str) -> None:
    """Wait until a message of ours is delivered."""
    await until(
        app,
        0,
        lambda events: any(
            isinstance(event, MessageChanged)
            and (event.message.id, event.message.state) == (message_id, MessageState.DELIVERED)
            for event in events
        ),
    )


async def arrived(app: App, message_id: str) -> None:
    """Wait until a message of somebody else's is there."""
    await until(
        app,
        0,
        lambda events: any(isinstance(event, MessageAdded) and event.message.id == message_id for event in events),
    )


async def test_retries_grow_apart_with_jitter_and_never_stop(people) -> None:
    async with people:
        alice = await people.start("Alice")
        await alice.app.contacts.add(nobody().onion, "Bob")
        await anyio.sleep(3 * HOUR)
        times = people.world.times_of(nobody())
        waits = [later - earlier for earlier, later in pairwise(times)]
        for number, wait in enumerate(waits):
            full = min(FIRST_RETRY * 2.0**number, LAST_RETRY)
            assert full / 2 <= wait <= full + 1, f"wait {number} is {wait}"
        assert len({round(wait, 3) for wait in waits[-10:]}) > 1, "no two waits need be the same"
        assert 3 * HOUR - times[-1] <= LAST_RETRY


async def test_somebody_for_whom_nothing_waits_is_not_tried_again(people) -> None:
    async with people:
        alice, bob = await people.start("Alice"), await people.make("Bob")
        async with bob.up():
            await introduce(alice.app, bob.app)
            await anyio.sleep(2 * HOUR)  # they have given each other KeyPackages then
        tried = len(people.world.times_of(bob.peer))
        await anyio.sleep(3 * HOUR)
        assert len(people.world.times_of(bob.peer)) == tried
        await alice.app.messages.send("Bob", "are you there?")
        await anyio.sleep(1)
        assert len(people.world.times_of(bob.peer)) > tried


async def test_contacts_for_whom_nothing_waits_cost_no_query_and_no_task(
    people, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with people:
        alice, bob = await people.start("Alice"), await people.make("Bob")
        async with bob.up():
            await introduce(alice.app, bob.app)
            await anyio.sleep(2 * HOUR)  # they have given each other KeyPackages then
        await anyio.sleep(HOUR)
        reads: list[object] = []
        read = alice.vault.read

        async def counted(fn: Callable[[ReadTransaction], object]) -> object:
            reads.append(fn)
            return await read(fn)

        monkeypatch.setattr(alice.vault, "read", counted)
        before = trio.lowlevel.current_statistics().tasks_living
        await anyio.sleep(0.9 * HOUR)  # housekeeping comes by every hour
        assert reads == []
        await alice.app.messages.send("Bob", "are you there?")
        await anyio.sleep(60)
        assert trio.lowlevel.current_statistics().tasks_living > before, "the count shows the tasks of a worker"


async def test_whoever_comes_online_connects_to_those_who_were_talked_to_last_and_to_no_more(
    people, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reconnector, "MOST", 2)
    async with people:
        alice = await people.make("Alice")
        names = ["Carol", "Dave", "Erin"]
        others = [await people.start(name) for name in names]
        async with alice.up() as app:
            for other in others:
                await introduce(app, other.app)
                await app.contacts.rename("Bob", other.name)
            for name in names[:2]:
                await app.messages.send(name, "hello")
            await anyio.sleep(2 * HOUR)  # all have given each other KeyPackages then
        before = [len(people.world.times_of(other.peer)) for other in others]
        async with alice.up() as app:
            await anyio.sleep(HOUR)
            dials = [len(people.world.times_of(other.peer)) for other in others]
            assert [now - then for now, then in zip(dials, before, strict=True)] == [1, 1, 0]
            assert {contact.name for contact in await app.contacts.list() if contact.reachable} == {"Carol", "Dave"}


async def test_what_is_written_while_the_peer_is_away_leaves_as_soon_as_it_shows_up(people) -> None:
    async with people:
        alice, bob = await people.start("Alice"), await people.make("Bob")
        async with bob.up():
            await introduce(alice.app, bob.app)
            await anyio.sleep(60)
        sent = await alice.app.messages.send("Bob", "for when you are back")
        await anyio.sleep(HOUR)
        assert (await alice.app.messages.get(sent.id)).state is MessageState.QUEUED
        async with bob.up():
            began = anyio.current_time()
            await delivered(alice.app, sent.id)
            assert anyio.current_time() - began < FIRST_RETRY, "nobody waited for the next try"
            assert [message.id for message in await bob.app.messages.history("Alice")] == [sent.id]


async def test_a_new_message_does_not_shorten_the_wait_for_somebody_who_is_away(people) -> None:
    async with people:
        alice = await people.start("Alice")
        await alice.app.contacts.add(nobody().onion, "Bob")
        await anyio.sleep(HOUR)
        tried = len(people.world.times_of(nobody()))
        for number in range(100):
            await alice.app.messages.send("Bob", f"message {number}")
            await anyio.sleep(1)
        assert len(people.world.times_of(nobody())) - tried <= 100 / (LAST_RETRY / 2) + 1


@pytest.mark.parametrize("seed", range(5))
async def test_whatever_breaks_messages_arrive_once_in_order_and_none_is_handed_over_twice_at_a_time(
    people, seed: int
) -> None:
    async with people:
        chance = Random(seed)
        alice, bob = await people.start("Alice"), await people.start("Bob")
        await introduce(alice.app, bob.app)
        written: dict[str, list[str]] = {"Alice": [], "Bob": []}

        async def write(app: App, author: str, reader: str) -> None:
            for number in range(80):
                written[author].append((await app.messages.send(reader, f"{number} of {author}")).id)
                await anyio.sleep(chance.expovariate(2))

        async def interfere() -> None:
            while True:
                await anyio.sleep(chance.expovariate(1 / 4))
                match chance.randrange(3):
                    case 0:
                        people.world.break_streams(alice.node, bob.node)
                    case 1:
                        people.world.cut(alice.node, bob.node)
                        await anyio.sleep(chance.expovariate(1 / 20))
                        people.world.heal(alice.node, bob.node)
                    case _:
                        chance.choice((alice, bob)).node.go_offline()
                        await anyio.sleep(chance.expovariate(1 / 5))
                        alice.node.come_online()
                        bob.node.come_online()

        async with anyio.create_task_group() as meddling:
            meddling.start_soon(interfere)
            async with anyio.create_task_group() as writing:
                writing.start_soon(write, alice.app, "Alice", "Bob")
                writing.start_soon(write, bob.app, "Bob", "Alice")
            meddling.cancel_scope.cancel()
        people.world.heal(alice.node, bob.node)
        alice.node.come_online()
        bob.node.come_online()
        await anyio.sleep(HOUR)
        for reader, author, name in ((bob, alice, "Alice"), (alice, bob, "Bob")):
            theirs = [m.id for m in await reader.app.messages.history(name, 1000) if m.author is not None]
            assert theirs == written[name]
            assert not author.watch.in_flight
            assert (await author.app.status.get()).outbox.waiting == 0


async def test_who_comes_and_goes_at_once_is_not_dialled_in_a_tight_loop(people) -> None:
    async with people:
        alice, bob = await people.start("Alice"), await people.start("Bob")
        await introduce(alice.app, bob.app)

        def cut_off(peer: PeerId, reachable: bool) -> None:
            if reachable:
                people.world.break_streams(alice.node, bob.node)

        alice.watch.on_reached = cut_off
        people.world.break_streams(alice.node, bob.node)
        began = len(people.world.times)
        await alice.app.messages.send("Bob", "hold still")
        await anyio.sleep(HOUR)
        assert len(people.world.times) - began < 2 * HOUR / (LAST_RETRY / 2) + 40


async def test_a_peer_whose_vault_is_full_is_asked_again_later_and_not_in_a_tight_loop(people) -> None:
    async with people:
        alice, bob = await people.start("Alice"), await people.start("Bob")
        await introduce(alice.app, bob.app)
        await anyio.sleep(60)
        bob.disk.full = True
        sent = await alice.app.messages.send("Bob", "make room")
        handed = alice.watch.sends
        await anyio.sleep(HOUR)
        assert alice.watch.sends - handed <= HOUR / 60 + 10
        bob.disk.full = False
        await anyio.sleep(300)
        assert (await alice.app.messages.get(sent.id)).state is MessageState.DELIVERED


async def test_a_lost_envelope_takes_those_behind_it_along_in_order(people) -> None:
    async with people:
        alice, bob = await people.start("Alice"), await people.start("Bob")
        await introduce(alice.app, bob.app)
        await anyio.sleep(60)
        people.world.cut(alice.node, bob.node)
        sent = [await alice.app.messages.send("Bob", f"message {number}") for number in range(20)]
        await anyio.sleep(1)
        people.world.break_streams(alice.node, bob.node)
        people.world.heal(alice.node, bob.node)
        await arrived(bob.app, sent[-1].id)
        assert [m.id for m in await bob.app.messages.history("Alice")] == [m.id for m in sent]
        assert Outcome.LOST in {report.outcome for report in alice.watch.reports}
