"""Whole accounts of which never two need be there at once: what is stored for them, and what may go wrong with it."""

from __future__ import annotations

from contextlib import aclosing
from typing import TYPE_CHECKING

import anyio
import pytest

from balchat_host.api.events import MessageAdded
from balchat_host.api.views import ContactState, MessageState
from balchat_host.core import contacts
from balchat_host.testing.app_kit import nobody
from balchat_host.testing.waiting import until_true
from tests.support.virtual_relay import VirtualRelay

if TYPE_CHECKING:
    from balchat_host.api.frontend import App
    from balchat_host.api.views import MessageView

pytestmark = pytest.mark.anyio

HOUR = 3600.0
DAY = 24 * HOUR


@pytest.fixture
def relay(people) -> VirtualRelay:
    relay = VirtualRelay()
    people.more = [relay.setup]
    return relay


async def becomes(app: App, message_id: str, state: MessageState) -> MessageView:
    async def so() -> bool:
        return (await app.messages.get(message_id)).state is state

    await until_true(app, so, patience=3 * DAY)
    return await app.messages.get(message_id)


async def texts(app: App, contact: str) -> list[str | None]:
    return [message.text for message in await app.messages.history(contact) if message.author is not None]


async def hears(app: App, contact: str, *expected: str) -> None:
    """Wait until these, and nothing else, have come from a contact, in this order."""

    async def so() -> bool:
        return len(await texts(app, contact)) >= len(expected)

    await until_true(app, so, patience=3 * DAY)
    assert await texts(app, contact) == list(expected)


async def has_contact(app: App, name: str, state: ContactState) -> None:
    async def so() -> bool:
        return [contact.state for contact in await app.contacts.list() if contact.name == name] == [state]

    await until_true(app, so, patience=3 * DAY)


async def nothing_waits(app: App, *, relayed: int | None = None) -> None:
    """Wait until everything has left us, and so much of it is not confirmed."""

    async def so() -> bool:
        outbox = (await app.status.get()).outbox
        return not outbox.waiting and relayed in (None, outbox.relayed)

    await until_true(app, so, patience=3 * DAY)


async def was_asked(app: App) -> None:
    async def so() -> bool:
        return bool(await app.requests.list())

    await until_true(app, so, patience=3 * DAY)


async def friends(people, *, direct: bool = True):
    """Make Alice and Bob, who are contacts and have told each other their routes; neither is up."""
    alice, bob = [await people.make(name, direct=direct) for name in ("Alice", "Bob")]
    async with alice.up() as a, bob.up() as b:
        await a.contacts.add(bob.code, "Bob")
        await was_asked(b)
        await b.requests.accept("Alice")
        await has_contact(a, "Bob", ContactState.ACTIVE)
        await anyio.sleep(2 * HOUR)  # virtual time, in which they give each other KeyPackages
        # What each says reaches the other directly, or it is told so; then nothing waits anywhere.
        for app in (a, b):
            await nothing_waits(app, relayed=0)
    return alice, bob


@pytest.mark.parametrize("direct", [True, False], ids=["both", "relay only"])
async def test_who_is_away_gets_it_once_and_in_order_and_the_author_learns_of_it(people, relay, direct: bool) -> None:
    async with people:
        alice, bob = await friends(people, direct=direct)
        async with alice.up() as a:
            sent = [await a.messages.send("Bob", f"{number}") for number in range(5)]
            for each in sent:
                assert (await becomes(a, each.id, MessageState.RELAYED)).reason is None
            assert (await a.status.get()).outbox.relayed == 5
        async with bob.up() as b:
            await hears(b, "Alice", "0", "1", "2", "3", "4")
            await nothing_waits(b)
        async with alice.up() as a:
            for each in sent:
                await becomes(a, each.id, MessageState.DELIVERED)
            assert (await a.status.get()).outbox.relayed == 0
        async with bob.up() as b:
            assert await texts(b, "Alice") == ["0", "1", "2", "3", "4"]
        assert relay.waiting == []


async def test_how_a_contact_is_reached_is_told_from_what_they_named(people, relay) -> None:
    async with people:
        alice, _ = await friends(people)
        async with alice.up() as a:
            info = await a.contacts.info("Bob")
        direct, stored = info.routes
        assert (direct.direct, direct.device, direct.until) == (True, info.devices[0], None)
        assert direct.onion is not None
        assert direct.onion != info.contact.onion, "their device has an onion of its own"
        assert (stored.direct, stored.transport, stored.onion) == (False, "virtual_relay", None)


async def test_first_contact_between_people_who_never_meet(people, relay) -> None:
    async with people:
        alice, bob = [await people.make(name) for name in ("Alice", "Bob")]
        async with bob.up():
            with anyio.fail_after(HOUR):
                while bob.peer not in relay.cards:
                    await relay.changed.next_ring().wait()
        async with alice.up() as a:
            await a.contacts.add(bob.peer.onion, "Bob", "It is me")
            await has_contact(a, "Bob", ContactState.REQUESTED)
            early = await a.messages.send("Bob", "written before the answer")
        await answer(alice, bob, early)


async def answer(alice, bob, early: MessageView) -> None:
    """Have Bob find the request of Alice, who wrote to him early, and accept it; then each hears the other."""
    async with bob.up() as b:
        await was_asked(b)
        (request,) = await b.requests.list()
        assert (request.name, request.introduction) == ("Alice", "It is me")
        await b.requests.accept("Alice")
        welcome = await b.messages.send("Alice", "welcome")
        await becomes(b, welcome.id, MessageState.RELAYED)
    async with alice.up() as a:
        await has_contact(a, "Bob", ContactState.ACTIVE)
        await hears(a, "Bob", "welcome")
        await becomes(a, early.id, MessageState.RELAYED)
    async with bob.up() as b:
        await hears(b, "Alice", "written before the answer")
        await becomes(b, welcome.id, MessageState.DELIVERED)


async def strangers(people, relay):
    """Make Alice, and Bob, who has been there once and left cards; then Alice asked him by his onion alone."""
    alice, bob = [await people.make(name) for name in ("Alice", "Bob")]
    await leaves_cards(bob, relay)
    async with alice.up() as a:
        await a.contacts.add(bob.peer.onion, "Bob", "It is me")
        await has_contact(a, "Bob", ContactState.REQUESTED)
    return alice, bob


async def leaves_cards(someone, relay) -> None:
    """Be there for a moment."""
    relay.cards.pop(someone.peer, None)
    async with someone.up():
        with anyio.fail_after(HOUR):
            while someone.peer not in relay.cards:
                await relay.changed.next_ring().wait()


async def reason_becomes(app: App, name: str, reason: str | None) -> None:
    async def so() -> bool:
        return [contact.reason for contact in await app.contacts.list() if contact.name == name] == [reason]

    await until_true(app, so, patience=3 * DAY)


async def test_who_is_found_nowhere_is_said_so_and_why(people, relay) -> None:
    async with people:
        alice, bob = [await people.make(name) for name in ("Alice", "Bob")]
        async with alice.up() as a:
            await a.contacts.add(bob.peer.onion, "Bob")
            await reason_becomes(a, "Bob", "no-key-package")
            relay.gone = True
            await reason_becomes(a, "Bob", "relay-unreachable")
            relay.gone = False
            await reason_becomes(a, "Bob", "no-key-package")
            assert [contact.reason for contact in await a.contacts.list()] == ["no-key-package"]
        await leaves_cards(bob, relay)
        async with alice.up() as a:
            await has_contact(a, "Bob", ContactState.REQUESTED)
            await reason_becomes(a, "Bob", None)
            await a.contacts.add(nobody(1).onion, "Nobody")
            await reason_becomes(a, "Nobody", "no-key-package")
            await a.contacts.block("Nobody")
            await reason_becomes(a, "Nobody", None)


async def test_a_request_that_was_found_too_late_is_made_again(people, relay) -> None:
    async with people:
        alice, bob = await strangers(people, relay)
        async with alice.up() as a:
            early = await a.messages.send("Bob", "written before the answer")
        await anyio.sleep(31 * DAY)  # virtual time: Bob's card is no good any more
        async with bob.up() as b:
            await anyio.sleep(HOUR)
            assert await b.requests.list() == []
        async with alice.up() as a:
            await has_contact(a, "Bob", ContactState.REQUESTED)
            await anyio.sleep(HOUR)
            assert len(relay.waiting) == 1
        await answer(alice, bob, early)


async def test_who_never_answers_is_asked_once_a_month_and_for_half_a_year(people, relay) -> None:
    async with people:
        alice, bob = await strangers(people, relay)
        asked: list[int] = []
        for _ in range(12):
            await leaves_cards(bob, relay)
            async with alice.up() as a:
                await anyio.sleep(HOUR)
                assert [contact.state for contact in await a.contacts.list()] == [ContactState.REQUESTED]
            async with bob.up() as b:
                await anyio.sleep(60)
                asked += [request.received_at for request in await b.requests.list()]
            await anyio.sleep(15 * DAY)  # virtual time
        assert 5 <= len(set(asked)) <= 6


async def test_a_box_that_its_owner_has_left_is_given_up_for_another(people, relay) -> None:
    async with people:
        alice, bob = [await people.make(name) for name in ("Alice", "Bob")]
        await leaves_cards(bob, relay)
        relay.refusals[relay.address(bob.peer, None)] = "denied", None
        async with alice.up() as a:
            await a.contacts.add(bob.peer.onion, "Bob", "It is me")
            await anyio.sleep(60)  # virtual time
            assert [contact.state for contact in await a.contacts.list()] == [ContactState.ADDING]
            assert relay.waiting == []
            relay.refusals.clear()
            await has_contact(a, "Bob", ContactState.REQUESTED)
            assert len(relay.waiting) == 1


async def test_what_is_answered_directly_goes_nowhere_else(people, relay) -> None:
    async with people:
        alice, bob = await friends(people)
        stored = relay.stored
        async with alice.up() as a, bob.up() as b:
            sent = await a.messages.send("Bob", "hello")
            await becomes(a, sent.id, MessageState.DELIVERED)
            await hears(b, "Alice", "hello")
            await anyio.sleep(HOUR)  # virtual time: whatever could still be stored would be by now
        assert relay.stored == stored


async def test_without_a_direct_answer_it_is_stored_too_and_comes_once(people, relay) -> None:
    async with people:
        alice, bob = await friends(people)
        async with alice.up() as a, bob.up() as b:
            first = await a.messages.send("Bob", "one")
            await becomes(a, first.id, MessageState.DELIVERED)
            # The network swallows everything between them, and both believe that the stream stands.
            people.world.cut(alice.node, bob.node)
            began = anyio.current_time()
            second = await a.messages.send("Bob", "two")
            await becomes(a, second.id, MessageState.RELAYED)
            assert 7.9 < anyio.current_time() - began < 20
            await hears(b, "Alice", "one", "two")
            await becomes(a, second.id, MessageState.DELIVERED)
            people.world.heal(alice.node, bob.node)
            third = await a.messages.send("Bob", "three")
            await becomes(a, third.id, MessageState.DELIVERED)
            assert await texts(b, "Alice") == ["one", "two", "three"]


async def test_a_relay_that_refuses_is_asked_again_when_it_said_and_the_author_sees_why(people, relay) -> None:
    async with people:
        alice, _bob = await friends(people)
        async with alice.up() as a:
            relay.refusal = "relay-full", 600.0
            sent = await a.messages.send("Bob", "hello")

            async def explained() -> bool:
                return (await a.messages.get(sent.id)).reason == "relay-full"

            await until_true(a, explained, patience=3 * DAY)
            assert (await a.messages.get(sent.id)).state is MessageState.QUEUED
            refused_at = anyio.current_time()
            relay.refusal = None
            relayed = await becomes(a, sent.id, MessageState.RELAYED)
            assert 590 <= anyio.current_time() - refused_at <= 620
            assert relayed.reason is None


async def test_what_waits_behind_a_refusal_makes_nobody_wait_longer_than_the_relay_said(people, relay) -> None:
    async with people:
        alice, _bob = await friends(people)
        async with alice.up() as a:
            relay.refusal = "too-many-requests", 5.0
            sent = [await a.messages.send("Bob", f"{number}") for number in range(3)]
            await anyio.sleep(HOUR)  # virtual time
            lifted_at = anyio.current_time()
            relay.refusal = None
            for each in sent:
                await becomes(a, each.id, MessageState.RELAYED)
            assert anyio.current_time() - lifted_at <= 10


async def test_why_a_message_could_not_be_stored_again_is_said_no_more_once_it_is(people, relay) -> None:
    async with people:
        alice, _bob = await friends(people)
        async with alice.up() as a:
            sent = await a.messages.send("Bob", "hello")
            await becomes(a, sent.id, MessageState.RELAYED)
            relay.lose_everything()
            relay.refusal = "relay-full", 600.0

            async def says(reason: str | None) -> None:
                async def so() -> bool:
                    return (await a.messages.get(sent.id)).reason == reason

                await until_true(a, so, patience=3 * DAY)
                assert (await a.messages.get(sent.id)).state is MessageState.RELAYED

            await says("relay-full")
            relay.refusal = None
            await says(None)
            assert len(relay.waiting) == 1


async def test_what_a_relay_loses_is_stored_again_after_a_day_and_comes_once(people, relay) -> None:
    async with people:
        alice, bob = await friends(people)
        async with alice.up() as a:
            sent = await a.messages.send("Bob", "hello")
            await becomes(a, sent.id, MessageState.RELAYED)
            relay.lose_everything()
            await anyio.sleep(26 * HOUR)  # virtual time
            assert len(relay.waiting) == 1
            async with bob.up() as b:
                await becomes(a, sent.id, MessageState.DELIVERED)
                assert await texts(b, "Alice") == ["hello"]


async def test_whoever_moves_to_another_relay_gets_there_what_the_old_one_had(people, relay) -> None:
    async with people:
        alice, bob = await friends(people)
        async with alice.up() as a:
            sent = await a.messages.send("Bob", "hello")
            await becomes(a, sent.id, MessageState.RELAYED)
        relay.lose_everything()
        async with bob.up() as b:
            relay.move(bob.peer)
            moved = await b.messages.send("Alice", "I am at another relay now")
            await becomes(b, moved.id, MessageState.RELAYED)
        async with alice.up() as a:
            await hears(a, "Bob", "I am at another relay now")
            with anyio.fail_after(HOUR):
                while not relay.waiting:
                    await relay.changed.next_ring().wait()
        async with bob.up() as b:
            await hears(b, "Alice", "hello")


async def test_what_was_being_stored_while_they_moved_is_not_overtaken_at_the_new_place(people, relay) -> None:
    async with people:
        alice, bob = await friends(people, direct=False)
        relay.stalled[relay.address(bob.peer, alice.peer)] = answer = anyio.Event()
        async with alice.up() as a, bob.up() as b:
            for text in ("1", "2", "3"):
                await a.messages.send("Bob", text)
                await anyio.wait_all_tasks_blocked()  # so that only the first one is being stored
            relay.move(bob.peer)
            await nothing_waits(b)
            await b.messages.send("Alice", "I am at another relay now")
            await hears(a, "Bob", "I am at another relay now")
            relay.hold(1)  # the old relay takes it, and Bob, who has left that, gets it late
            answer.set()
            await hears(b, "Alice", "1", "2", "3")
            relay.let_go()
            last = await a.messages.send("Bob", "4")
            await becomes(a, last.id, MessageState.DELIVERED)
            await hears(b, "Alice", "1", "2", "3", "4")


@pytest.mark.parametrize("answered", [True, False], ids=["before they moved", "after they moved"])
async def test_how_long_the_old_relay_made_us_wait_counts_no_more_for_whoever_moved(
    people, relay, answered: bool
) -> None:
    async with people:
        alice, bob = await friends(people, direct=False)
        old = relay.address(bob.peer, alice.peer)
        relay.refusals[old] = "relay-full", 6 * HOUR
        relay.stalled[old] = answer = anyio.Event()
        async with alice.up() as a:
            sent = await a.messages.send("Bob", "hello")
            if answered:
                answer.set()
            await anyio.sleep(60)  # virtual time
            async with bob.up() as b:
                relay.move(bob.peer)
                await b.messages.send("Alice", "I am at another relay now")
                await hears(a, "Bob", "I am at another relay now")
                answer.set()
                moved_at = anyio.current_time()
                await becomes(a, sent.id, MessageState.DELIVERED)
                assert anyio.current_time() - moved_at < 60


async def test_whoever_moves_all_the_time_has_us_ask_no_faster_where_we_are_refused(people, relay) -> None:
    async with people:
        alice, bob = await friends(people, direct=False)

        class Refusals(dict):
            """Wherever Bob moves to, there is no room for hours."""

            asked = 0

            def get(self, address, default):
                if address != relay.address(bob.peer, alice.peer):
                    return default
                self.asked += 1
                return "relay-full", 6 * HOUR

        async with alice.up() as a, bob.up() as b:
            relay.refusals = refusals = Refusals()
            await a.messages.send("Bob", "hello")
            for number in range(30):
                relay.move(bob.peer)
                await b.messages.send("Alice", f"{number}")
                await anyio.sleep(60)  # virtual time
            await hears(a, "Bob", *map(str, range(30)))
            assert 2 <= refusals.asked <= 8


async def test_what_is_withheld_is_noticed_when_a_later_one_arrives(people, relay) -> None:
    async with people:
        alice, bob = await friends(people)
        async with alice.up() as a:
            first = await a.messages.send("Bob", "first")
            await becomes(a, first.id, MessageState.RELAYED)
            relay.hold(1)
            held = await a.messages.send("Bob", "second")
            await becomes(a, held.id, MessageState.RELAYED)
            third = await a.messages.send("Bob", "third")
            await becomes(a, third.id, MessageState.RELAYED)
        async with bob.up() as b:
            await hears(b, "Alice", "first", "third")
            assert [message.missing_before for message in await b.messages.history("Alice")] == [0, 1]
            async with aclosing(_so_far(b)) as events:
                added = [event async for event in events if isinstance(event, MessageAdded)]
            assert [event.message.missing_before for event in added] == [0, 1]
            relay.let_go()
            await hears(b, "Alice", "first", "third", "second")
            assert [message.missing_before for message in await b.messages.history("Alice")] == [0, 0, 0]


async def _so_far(app: App):
    last = await app.events.cursor()
    async with aclosing(app.events.follow(after=0)) as events:
        async for event in events:
            yield event
            if event.cursor >= last:
                return


async def test_whoever_repeats_for_ever_makes_nothing_grow(people, relay) -> None:
    async with people:
        alice, bob = await friends(people)
        async with alice.up() as a:
            sent = await a.messages.send("Bob", "hello")
            await becomes(a, sent.id, MessageState.RELAYED)
        ((address, (envelope,)),) = [(address, box) for address, box in relay.boxes.items() if box]
        async with bob.up() as b:
            await hears(b, "Alice", "hello")
            before = relay.stored
            for _ in range(200):
                relay.put(address, envelope)
                await anyio.sleep(1)  # virtual time: Bob looks, and takes it once more
            # Two hundred copies are one message and, within the hour, no second answer.
            assert await texts(b, "Alice") == ["hello"]
            assert relay.stored - before <= 200 + 2


async def test_a_slow_relay_does_not_make_a_large_account_wait_for_one_contact_after_the_other(people, relay) -> None:
    async with people:
        alice = await people.make("Alice", direct=False)
        everybody = [nobody(number) for number in range(1, 101)]
        async with alice.up() as a:
            for number, each in enumerate(everybody):
                await a.contacts.add(each.onion, f"Contact {number}")
            # As if all had accepted long ago.
            await alice.runner.change(
                lambda unit: unit.tx.script("DELETE FROM payload; UPDATE first_contact SET phase = 'active';")
            )
        relay.users.clear()
        relay.making = 5.0
        async with alice.up():
            began = anyio.current_time()
            with anyio.fail_after(HOUR):
                while relay.users.get(alice.peer) != set(everybody):
                    await relay.changed.next_ring().wait()
            assert anyio.current_time() - began <= 5.0 * len(everybody) / 10


async def test_whoever_was_removed_before_a_kill_is_forgotten_at_the_next_start(people, relay) -> None:
    async with people:
        alice, bob = await friends(people)
        async with alice.up() as a:
            sent = await a.messages.send("Bob", "hello")
            await becomes(a, sent.id, MessageState.RELAYED)
        box = relay.address(bob.peer, alice.peer)
        assert relay.boxes[box]
        async with bob.up():
            # As a program that opens the vault alone does: nothing hears of it.
            await bob.unlocked().runner().change(lambda unit: contacts.remove(unit, "Alice"))
        async with bob.up():
            assert box not in relay.boxes


async def test_whoever_was_removed_leaves_nothing_behind(people, relay) -> None:
    async with people:
        alice, bob = await friends(people)
        async with alice.up() as a:
            sent = await a.messages.send("Bob", "hello")
            await becomes(a, sent.id, MessageState.RELAYED)
        async with bob.up() as b:
            await hears(b, "Alice", "hello")
            await b.contacts.remove("Alice")
            await anyio.sleep(60)  # virtual time
            assert relay.address(bob.peer, alice.peer) not in relay.boxes


@pytest.mark.parametrize("late", [True, False], ids=["moved too often", "stored a day ago"])
async def test_nobody_who_is_blocked_is_dialled_for_what_was_to_be_queued_again(people, relay, late: bool) -> None:
    """It would tell them when we are there."""
    async with people:
        alice, bob = await friends(people)
        async with alice.up() as a:
            sent = await a.messages.send("Bob", "hello")
            await becomes(a, sent.id, MessageState.RELAYED)
            await a.contacts.block("Bob")
            await anyio.sleep(HOUR)  # virtual time
            dialled = len(people.world.times_of(bob.peer))
            if late:
                defer = "INSERT INTO deferred_requeue (peer, reason) SELECT peer, 'routes' FROM contact"
                await alice.runner.change(lambda unit: unit.tx.execute(defer))
            await anyio.sleep(27 * HOUR)  # virtual time
            assert len(people.world.times_of(bob.peer)) == dialled
