"""Many seeded worlds: whatever the network does, what was written arrives once, in order, and both sides say so."""

import os
from random import Random

import pytest
from balchat_crypto_mls.engine import MlsEngine

from balchat_host.api.transport import Latency, Outcome, SendReport
from balchat_host.api.views import ContactState
from balchat_host.core.delivery import outgoing, reports
from tests.support.simulator import Account, World

SEEDS = range(int(os.environ.get("BALCHAT_SIMULATION_SEEDS", "25")))
ENGINE = MlsEngine()


@pytest.mark.parametrize("seed", SEEDS)
def test_whatever_happens_between_two_accounts_nothing_is_lost_or_doubled(seed: int) -> None:
    world = World(seed, ENGINE)
    alice, bob = world.account("Alice"), world.account("Bob")
    act_at_random(world, alice, bob, steps=250)
    for one, other in ((alice, bob), (bob, alice)):
        if one.contact(other) is None:
            one.add(other)
    world.heal(alice, bob)
    for one, other in ((alice, bob), (bob, alice)):
        if one.asked_by(other):
            one.accept(other)
    world.heal(alice, bob)
    world.check(alice, bob)
    world.check(bob, alice)


@pytest.mark.parametrize("seed", SEEDS)
def test_both_adding_each_other_at_any_moment_end_in_one_conversation(seed: int) -> None:
    world = World(seed, ENGINE)
    alice, bob = world.account("Alice"), world.account("Bob")
    alice.add(bob)
    for _ in range(world.random.randrange(12)):
        world.misbehave(alice, bob)
    bob.add(alice)
    alice.write(bob, "first of Alice")
    for _ in range(world.random.randrange(30)):
        world.misbehave(*either_way(world.random, alice, bob))
    bob.write(alice, "first of Bob")
    world.heal(alice, bob)
    world.check(alice, bob)
    world.check(bob, alice)
    one, other = alice.contact(bob), bob.contact(alice)
    assert one is not None
    assert other is not None
    assert one.conversation == other.conversation


@pytest.mark.parametrize("seed", SEEDS)
def test_after_one_side_removed_the_other_and_asked_again_both_can_talk(seed: int) -> None:
    world = World(seed, ENGINE)
    alice, bob = world.account("Alice"), world.account("Bob")
    become_contacts(world, alice, bob)
    act_at_random(world, alice, bob, steps=world.random.randrange(40))
    bob.remove(alice)
    for _ in range(world.random.randrange(20)):
        world.misbehave(*either_way(world.random, alice, bob))
    bob.add(alice)
    for _ in range(world.random.randrange(20)):
        world.misbehave(*either_way(world.random, alice, bob))
    world.heal(alice, bob)
    alice.write(bob, "are you there again?")
    bob.write(alice, "yes")
    world.heal(alice, bob)
    for history in (alice.history(bob), bob.history(alice)):
        texts = [m.text for m in history]
        assert (texts.count("are you there again?"), texts.count("yes")) == (1, 1)
    assert [m.state for m in alice.history(bob) if m.text == "are you there again?"] == ["delivered"]


def test_what_was_written_before_a_contact_that_lost_us_asked_again_arrives_in_the_newer_group() -> None:
    world = World(1, ENGINE)
    alice, bob = world.account("Alice"), world.account("Bob")
    bob.add(alice)
    world.heal(alice, bob)
    alice.accept(bob)
    alice.write(bob, "in a group that Bob is about to lose")
    bob.remove(alice)
    bob.add(alice)
    world.heal(alice, bob)
    world.check(alice, bob)
    world.check(bob, alice)


def test_a_contact_that_lost_us_asked_again_and_says_nothing_gets_what_we_write() -> None:
    world = World(1, ENGINE)
    alice, bob = world.account("Alice"), world.account("Bob")
    become_contacts(world, alice, bob)
    bob.write(alice, "hello")
    world.heal(alice, bob)
    bob.remove(alice)
    bob.add(alice)
    world.heal(alice, bob)
    alice.write(bob, "are you there?")
    world.heal(alice, bob)
    assert [message.text for message in bob.history(alice)] == ["are you there?"]


def test_a_request_that_was_stored_and_is_then_refused_as_unusable_begins_again() -> None:
    world = World(1, ENGINE)
    alice, bob = world.account("Alice"), world.account("Bob")
    alice.add(bob)
    world.connect(alice, bob)
    world.deliver(alice, bob)  # Bob gives a key package
    (request,) = alice.read(lambda tx: outgoing.pending(tx, bob.peer, after=0, now=world.now, limit=10)).outgoing
    for latency, outcome in ((Latency.STORE_AND_FORWARD, Outcome.STORED), (Latency.INTERACTIVE, Outcome.REFUSED)):
        report = SendReport(ticket=request.ticket, outcome=outcome, reason="crypto-rejected")
        alice.change(lambda unit, report=report, latency=latency: reports.apply_reports(unit, [(report, latency)]))
    world.heal(alice, bob)
    bob.accept(alice)
    world.heal(alice, bob)
    world.check(alice, bob)


@pytest.mark.parametrize("seed", SEEDS)
def test_who_turned_a_request_down_can_still_ask_later(seed: int) -> None:
    world = World(seed, ENGINE)
    alice, bob = world.account("Alice"), world.account("Bob")
    alice.add(bob)
    alice.write(bob, "written before anybody said yes")
    world.heal(alice, bob)
    bob.reject(alice)
    for _ in range(world.random.randrange(20)):
        world.misbehave(alice, bob)
    bob.add(alice)
    for _ in range(world.random.randrange(20)):
        world.misbehave(*either_way(world.random, alice, bob))
    bob.write(alice, "I thought better of it")
    world.heal(alice, bob)
    world.check(alice, bob)
    world.check(bob, alice)


@pytest.mark.parametrize("seed", SEEDS)
def test_what_was_sent_to_somebody_who_blocked_us_comes_in_after_they_unblock(seed: int) -> None:
    world = World(seed, ENGINE)
    alice, bob = world.account("Alice"), world.account("Bob")
    become_contacts(world, alice, bob)
    bob.block(alice, blocked=True)
    for number in range(5):
        alice.write(bob, f"unheard {number}")
        for _ in range(world.random.randrange(6)):
            world.misbehave(alice, bob)
    world.heal(alice, bob)
    assert {m.state for m in alice.history(bob)} == {"sent"}, "nothing tells the sender that anybody has it"
    bob.block(alice, blocked=False)
    world.heal(alice, bob)
    world.check(alice, bob)


def become_contacts(world: World, alice: Account, bob: Account) -> None:
    alice.add(bob)
    world.heal(alice, bob)
    bob.accept(alice)
    world.heal(alice, bob)


def act_at_random(world: World, alice: Account, bob: Account, *, steps: int) -> None:
    for step in range(steps):
        one, other = either_way(world.random, alice, bob)
        contact = one.contact(other)
        if contact is None:
            if one.asked_by(other):
                if world.random.random() < 0.2:
                    one.accept(other)
            elif world.random.random() < 0.1:
                one.add(other)
        elif world.random.random() < (0.25 if contact.state is ContactState.ACTIVE else 0.05):
            one.write(other, f"{one.name} writes at step {step}")
        world.misbehave(one, other)


def either_way(random: Random, one: Account, other: Account) -> tuple[Account, Account]:
    return (one, other) if random.random() < 0.5 else (other, one)
