"""Whatever two people did to each other before: once both want to talk, they can."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest
from balchat_crypto_mls.engine import MlsEngine

from balchat_host.api.transport import Latency, Outcome, SendReport, Verdict
from balchat_host.api.types import Route
from balchat_host.api.views import ContactState, MessageState
from balchat_host.core import content, housekeeping, inbox, key_package_pool, routes
from balchat_host.core.contacts import find
from balchat_host.core.delivery import outgoing, queue, reports
from balchat_host.core.envelope import Envelope, Kind
from balchat_host.core.eras import keeping
from balchat_host.core.rows import Purpose
from balchat_host.testing.waiting import until_true
from tests.support.simulator import Account, World

if TYPE_CHECKING:
    from balchat_host.api.frontend import App

DAY = 24 * 3600
SEEDS = range(int(os.environ.get("BALCHAT_SIMULATION_SEEDS", "25")))
ENGINE = MlsEngine()


def contacts() -> tuple[World, Account, Account]:
    """Return Alice and Bob, who are contacts and have talked."""
    world = World(1, ENGINE)
    alice, bob = world.account("Alice"), world.account("Bob")
    alice.add(bob)
    world.heal(alice, bob)
    bob.accept(alice)
    world.heal(alice, bob)
    bob.write(alice, "hello")
    alice.write(bob, "hello yourself")
    world.heal(alice, bob)
    return world, alice, bob


def pass_days(world: World, days: int, *accounts: Account) -> None:
    for _ in range(days):
        world.pass_time(DAY)
        for each in accounts:
            each.change(housekeeping.tidy)


def assert_they_talk(world: World, alice: Account, bob: Account) -> None:
    alice.write(bob, "can you hear me?")
    world.heal(alice, bob)
    bob.write(alice, "and you me?")
    world.heal(alice, bob)
    for reader, author, text in ((bob, alice, "can you hear me?"), (alice, bob, "and you me?")):
        assert text in [message.text for message in reader.history(author) if message.author is not None]
        assert {message.state for message in author.history(reader) if message.text == text} == {"delivered"}


@pytest.mark.parametrize("days", [0, 29, 40, 300])
def test_who_asked_while_they_were_blocked_is_met_when_they_are_unblocked(days: int) -> None:
    """They were told that their request is here, so they wait, and hold no other group with us."""
    world, alice, bob = contacts()
    alice.block(bob, blocked=True)
    bob.remove(alice)
    bob.add(alice)
    world.heal(alice, bob)
    pass_days(world, days, alice, bob)
    alice.block(bob, blocked=False)
    assert_they_talk(world, alice, bob)


@pytest.mark.parametrize("days", [0, 29, 40, 300])
@pytest.mark.parametrize("asks", [True, False])
def test_who_was_blocked_when_they_asked_hears_nothing_and_is_met_when_they_are_unblocked(
    days: int, asks: bool
) -> None:
    world = World(1, ENGINE)
    alice, bob = world.account("Alice"), world.account("Bob")
    bob.add(alice)
    world.heal(alice, bob)
    alice.block_request(bob)
    world.heal(alice, bob)
    if asks:
        bob.remove(alice)
        bob.add(alice)
        world.heal(alice, bob)
    bob.write(alice, "answer me")
    world.heal(alice, bob)
    pass_days(world, days, alice, bob)
    world.heal(alice, bob)
    assert not alice.asked_by(bob)
    contact = alice.contact(bob)
    assert contact is not None
    assert contact.blocked
    assert [message for message in alice.history(bob) if message.author] == []
    waiting = bob.contact(alice)
    assert waiting is not None
    assert waiting.state is not ContactState.ACTIVE
    alice.block(bob, blocked=False)
    assert_they_talk(world, alice, bob)


def test_who_was_blocked_when_they_asked_may_ask_again_once_they_are_removed() -> None:
    world = World(1, ENGINE)
    alice, bob = world.account("Alice"), world.account("Bob")
    bob.add(alice)
    world.heal(alice, bob)
    alice.block_request(bob)
    alice.remove(bob)
    bob.remove(alice)
    bob.add(alice)
    world.heal(alice, bob)
    alice.accept(bob)
    assert_they_talk(world, alice, bob)


def test_what_waited_for_somebody_who_lost_us_while_they_were_blocked_arrives() -> None:
    world, alice, bob = contacts()
    alice.write(bob, "in a group that Bob is about to lose")
    alice.block(bob, blocked=True)
    bob.remove(alice)
    bob.add(alice)
    bob.write(alice, "before anybody said yes")
    world.heal(alice, bob)
    alice.block(bob, blocked=False)
    world.heal(alice, bob)
    assert [message.text for message in bob.history(alice) if message.author] == [
        "in a group that Bob is about to lose"
    ]
    assert [message.text for message in alice.history(bob) if message.author][-1] == "before anybody said yes"


def test_a_group_in_which_nothing_was_heard_yet_is_not_deleted_as_one_that_lost() -> None:
    """Whoever asks again holds no other."""
    world, alice, bob = contacts()
    alice.remove(bob)
    alice.add(bob)
    for _ in range(2):  # for a KeyPackage, and for contact
        world.connect(alice, bob)
        world.deliver(alice, bob)
    world.connect(bob, alice)
    world.deliver(bob, alice)
    pass_days(world, 100, alice, bob)
    assert_they_talk(world, alice, bob)


@pytest.mark.parametrize("first", ["who lost it", "who has it"])
def test_who_lost_a_group_asks_whom_they_hear_speaking_in_it(first: str) -> None:
    world, alice, bob = contacts()
    alice.change(lambda unit: keeping.forget_all(unit, find(unit.tx, "Bob").conversation))
    bob.write(alice, "are you there?")
    world.heal(alice, bob)
    assert_they_talk(world, *((alice, bob) if first == "who lost it" else (bob, alice)))
    assert "are you there?" in [message.text for message in alice.history(bob)]


def test_what_is_said_in_a_group_that_was_lost_arrives_though_its_reader_writes_nothing() -> None:
    """Its author goes on in the new group once they hear the reader's balchat there."""
    world, alice, bob = contacts()
    for number in range(6):
        alice.change(lambda unit: keeping.forget_all(unit, find(unit.tx, "Bob").conversation))
        sent = bob.write(alice, f"{number}")
        for _ in range(2):  # what is ignored does not count as movement
            world.heal(alice, bob)
        assert [message.state for message in bob.history(alice) if message.id == sent.id] == ["delivered"]
        world.pass_time(3600)


def test_who_makes_one_group_after_another_and_hears_nothing_of_ours_piles_up_nothing() -> None:
    world, alice, bob = contacts()

    def accepted(unit) -> bytes:
        alices = find(unit.tx, "Alice")
        era = keeping.sending(unit.tx, alices.conversation)
        assert era is not None
        return keeping.encrypt(unit, era, queue.control_content(unit, alices, content.ACCEPTED, b"")[0])

    def ask_and_speak() -> None:
        bob.remove(alice)
        bob.add(alice)
        for author, reader in ((bob, alice), (alice, bob), (bob, alice)):  # for a KeyPackage, and for contact
            world.connect(author, reader)
            world.deliver(author, reader)
        # They speak in it although they have not heard us there.
        envelope = Envelope(kind=Kind.MLS_MESSAGE, payload=bob.change(accepted)).encode()
        (answer,) = alice.change(lambda unit: inbox.receive(unit, bob.peer, [envelope]))
        assert answer.verdict is Verdict.COMMITTED

    for _ in range(20):
        ask_and_speak()
        world.lose(alice, bob)
        world.pass_time(600)
    alice.change(housekeeping.tidy)
    assert len(alice.read(lambda tx: tx.query("SELECT id FROM payload"))) < 10
    world.heal(alice, bob)
    assert_they_talk(world, alice, bob)


def test_nobody_is_asked_more_than_once_an_hour_for_what_they_say_in_groups_that_are_not_here() -> None:
    world, alice, bob = contacts()
    asked = 0

    def refused() -> list[tuple[SendReport, Latency]]:
        """Tell of each request for a KeyPackage that Bob refuses for good to give one."""
        ways = "FROM delivery JOIN payload ON payload.id = delivery.payload WHERE purpose = ?"
        wanted = alice.read(lambda tx: tx.query(f"SELECT ticket {ways}", (Purpose.KEY_PACKAGE_REQUEST,)))
        return [(SendReport(ticket=row[0], outcome=Outcome.REFUSED, reason="x"), Latency.INTERACTIVE) for row in wanted]

    for number in range(240):
        bob.write(alice, f"{number}")
        *_, said = bob.read(
            lambda tx, now=world.now: outgoing.pending(tx, alice.peer, after=0, now=now, limit=999)
        ).outgoing
        alice.change(lambda unit: keeping.forget_all(unit, find(unit.tx, "Bob").conversation))
        answers = alice.change(lambda unit, e=said.envelope: inbox.receive(unit, bob.peer, [e]))
        assert [answer.verdict for answer in answers] == [Verdict.IGNORED]
        answers = refused()
        asked += len(answers)
        alice.change(lambda unit, answers=answers: reports.apply_reports(unit, answers))
        world.pass_time(60)
    assert asked == 4


def test_who_asks_although_we_could_talk_is_told_again_how_to_reach_us() -> None:
    """They have lost what we told them, and may only ever find us by a relay."""
    world, alice, bob = contacts()
    ways = [Route(transport="relay", address=b"where Alice is found", device_id=alice.device_id)]
    alice.change(lambda unit: routes.offer(unit, bob.peer, ways))
    for _ in range(2):
        world.heal(alice, bob)
        assert bob.read(lambda tx: routes.known(tx, alice.peer, now=world.now // 1000)) == ways
        bob.remove(alice)
        bob.add(alice)


def test_of_routes_that_nobody_has_fetched_only_the_newest_wait() -> None:
    world, alice, bob = contacts()
    for number in range(5):
        ways = [Route(transport="relay", address=bytes([number]), device_id=alice.device_id)]
        alice.change(lambda unit, ways=ways: routes.offer(unit, bob.peer, ways))
    waiting = alice.read(lambda tx: outgoing.pending(tx, bob.peer, after=0, now=world.now, limit=9)).outgoing
    assert len(waiting) == 1
    world.heal(alice, bob)
    assert bob.read(lambda tx: routes.known(tx, alice.peer, now=world.now // 1000)) == ways


class Boxes:
    """What each of two left for the other at a relay. It keeps what it is given for ever, and hands it out late."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._boxes: dict[str, list[bytes]] = {}

    def act_at_random(self, author: Account, reader: Account) -> None:
        now = self._world.now
        pending = author.read(lambda tx: outgoing.to_store(tx, reader.peer, queued_until=now, now=now, limit=3))
        if pending.wants_key_package:
            cards = reader.change(lambda unit: key_package_pool.refill(unit, 1))
            card = self._world.random.choice([*cards.single_use, cards.last_resort])
            envelope = Envelope(kind=Kind.KEY_PACKAGE, payload=card).encode()
            author.change(lambda unit: inbox.receive(unit, reader.peer, [envelope]))
        for each in pending.outgoing:
            self._boxes.setdefault(reader.name, []).append(each.envelope)
            stored = [(SendReport(ticket=each.ticket, outcome=Outcome.STORED), Latency.STORE_AND_FORWARD)]
            author.change(lambda unit, stored=stored: reports.apply_reports(unit, stored))
        if (kept := self._boxes.get(author.name)) and self._world.random.random() < 0.7:
            envelope = self._world.random.choice(kept)
            author.change(lambda unit: inbox.receive(unit, None, [envelope]))


@pytest.mark.parametrize("relayed", [False, True], ids=["directly", "by a relay too"])
@pytest.mark.parametrize("seed", SEEDS)
def test_whatever_two_did_to_each_other_they_meet_once_both_want_to(seed: int, *, relayed: bool) -> None:
    world = World(seed, ENGINE)
    alice, bob = world.account("Alice"), world.account("Bob")
    boxes = Boxes(world)
    for _ in range(60):
        one, other = (alice, bob) if world.random.random() < 0.5 else (bob, alice)
        act_at_random(world, one, other)
        for _ in range(world.random.randrange(8)):
            ways = (one, other) if world.random.random() < 0.5 else (other, one)
            if relayed and world.random.random() < 0.5:
                boxes.act_at_random(*ways)
            else:
                world.misbehave(*ways)
        if world.random.random() < 0.1:
            pass_days(world, world.random.choice([1, 8, 31, 100]), alice, bob)
    for one, other in ((alice, bob), (bob, alice)):
        contact = one.contact(other)
        if contact is None:
            one.add(other)
        elif contact.blocked:
            one.block(other, blocked=False)
    world.heal(alice, bob)
    assert_they_talk(world, alice, bob)


def act_at_random(world: World, one: Account, other: Account) -> None:
    contact = one.contact(other)
    if contact is None:
        if one.asked_by(other) and world.random.random() < 0.5:
            one.reject(other) if world.random.random() < 0.5 else one.accept(other)
        elif world.random.random() < 0.5:
            one.add(other)
    else:
        match world.random.choices(("write", "block", "remove"), weights=(5, 3, 1))[0]:
            case "write":
                if not contact.blocked:
                    one.write(other, "something")
            case "block":
                one.block(other, blocked=not contact.blocked)
            case _:
                one.remove(other)


@pytest.mark.anyio
async def test_two_accounts_meet_after_one_asked_while_the_other_had_blocked_them(people) -> None:
    async with people:
        alice, bob = await people.start("Alice"), await people.start("Bob")
        await alice.app.contacts.add(bob.code, "Bob")
        await until_true(bob.app, bob.app.requests.list, patience=DAY)
        await bob.app.requests.accept("Alice")
        await until_true(alice.app, lambda: is_active(alice.app), patience=DAY)
        await alice.app.contacts.block("Bob")
        await bob.app.contacts.remove("Alice")
        await bob.app.contacts.add(alice.code, "Alice")
        await until_true(bob.app, lambda: is_requested(bob.app), patience=DAY)
        await alice.app.contacts.unblock("Bob")
        sent = [await alice.app.messages.send("Bob", "from Alice"), await bob.app.messages.send("Alice", "from Bob")]
        await until_true(alice.app, lambda: is_delivered(alice.app, sent[0].id), patience=DAY)
        await until_true(bob.app, lambda: is_delivered(bob.app, sent[1].id), patience=DAY)
        assert await alice.app.requests.list() == []


async def is_active(app: App) -> bool:
    return [contact.state for contact in await app.contacts.list()] == [ContactState.ACTIVE]


async def is_requested(app: App) -> bool:
    return [contact.state for contact in await app.contacts.list()] == [ContactState.REQUESTED]


async def is_delivered(app: App, message_id: str) -> bool:
    return (await app.messages.get(message_id)).state is MessageState.DELIVERED
