"""Clocks that were wrong for a while and are right again: nothing that came of it may last for as long as that."""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING

import pytest
from balchat_crypto_mls.engine import MlsEngine

from balchat_host.api.transport import Latency, Outcome, SendReport
from balchat_host.api.views import ContactState
from balchat_host.core import housekeeping, inbox, key_package_pool
from balchat_host.core.delivery import outgoing, reports
from balchat_host.core.envelope import Envelope, Kind
from balchat_host.core.first_contact import answering
from tests.support.simulator import Account, World

if TYPE_CHECKING:
    from collections.abc import Callable

DAY = 24 * 3600
AHEAD = (40 * DAY, 3650 * DAY)
ENGINE = MlsEngine()
ASK = Envelope(kind=Kind.KEY_PACKAGE_REQUEST, payload=b"").encode()


def pair() -> tuple[World, Account, Account]:
    world = World(1, ENGINE)
    return world, world.account("Alice"), world.account("Bob")


def pass_days(world: World, days: int, one: Account, other: Account) -> None:
    """Let days go by in which both are up."""
    for _ in range(days * 4):
        world.heal(one, other)
        world.pass_time(DAY / 4)
        for each in (one, other):
            each.change(housekeeping.tidy)
    world.heal(one, other)


@pytest.mark.parametrize("ahead", AHEAD)
def test_a_key_package_made_by_a_clock_that_was_ahead_is_not_handed_out_for_ever(ahead: int) -> None:
    world, alice, bob = pair()
    world.pass_time(ahead)
    alice.change(lambda unit: inbox.receive(unit, bob.peer, [ASK]))
    world.pass_time(-ahead)
    bob.add(alice)
    pass_days(world, 3, alice, bob)
    assert alice.asked_by(bob)


@pytest.mark.parametrize("ahead", AHEAD)
def test_an_account_that_was_made_while_its_clock_was_ahead_can_be_added(ahead: int) -> None:
    world = World(1, ENGINE)
    world.pass_time(ahead)
    alice = world.account("Alice")
    world.pass_time(-ahead)
    bob = world.account("Bob")
    bob.add(alice)
    pass_days(world, 3, alice, bob)
    assert alice.asked_by(bob)


@pytest.mark.parametrize("ahead", AHEAD)
def test_what_waits_by_a_clock_that_was_ahead_leaves_once_it_is_right(ahead: int) -> None:
    world, alice, bob = pair()
    world.pass_time(ahead)
    bob.add(alice)
    useless = Envelope(kind=Kind.KEY_PACKAGE, payload=b"useless").encode()
    bob.change(lambda unit: inbox.receive(unit, alice.peer, [useless]))
    world.pass_time(-ahead)
    pass_days(world, 9, alice, bob)
    assert alice.asked_by(bob)


def test_who_is_told_to_wait_for_long_comes_again_within_two_weeks() -> None:
    world, alice, bob = pair()
    bob.add(alice)
    now = world.now
    (waiting,) = bob.read(lambda tx: outgoing.pending(tx, alice.peer, after=0, now=now, limit=9)).outgoing
    refused = SendReport(ticket=waiting.ticket, outcome=Outcome.REFUSED, reason="requests-full", retry_after=1e300)
    bob.change(lambda unit: reports.apply_reports(unit, [(refused, Latency.INTERACTIVE)]))
    pass_days(world, 15, alice, bob)
    assert alice.asked_by(bob)


@pytest.mark.parametrize("ahead", AHEAD)
def test_a_last_resort_made_by_a_clock_that_was_ahead_is_replaced(ahead: int) -> None:
    world, alice, _ = pair()
    world.pass_time(ahead)
    before = alice.change(lambda unit: key_package_pool.refill(unit, 0))
    world.pass_time(-ahead)
    after = alice.change(lambda unit: key_package_pool.refill(unit, 0))
    assert after.last_resort != before.last_resort
    assert 29 * DAY < after.not_after - world.now // 1000 <= 30 * DAY
    assert alice.change(lambda unit: key_package_pool.refill(unit, 0)) == after


def test_a_clock_that_is_set_back_a_little_has_no_key_package_replaced() -> None:
    """Whoever holds it may be about to use it."""
    world, alice, bob = pair()
    first = alice.change(
        lambda unit: (answering.on_key_package_request(unit, bob.peer), key_package_pool.refill(unit, 0))
    )
    world.pass_time(-600)
    assert (
        alice.change(lambda unit: (answering.on_key_package_request(unit, bob.peer), key_package_pool.refill(unit, 0)))
        == first
    )


def test_key_packages_made_by_a_clock_that_was_ahead_push_out_none_that_is_new() -> None:
    world, alice, bob = pair()
    world.pass_time(40 * DAY)
    for _ in range(300):
        stranger = world.random.randbytes(32)
        alice.change(
            lambda unit, s=stranger: unit.tx.execute(
                "INSERT INTO own_key_package (purpose, holder, key_package, made_at) VALUES ('handed', ?, ?, ?)",
                (s, unit.engine.key_package(unit.keys, lifetime=DAY, now=unit.seconds), unit.now),
            )
        )
    world.pass_time(-40 * DAY)
    bob.add(alice)
    world.heal(bob, alice)
    assert alice.asked_by(bob)


def test_what_was_stored_by_a_clock_that_was_ahead_is_stored_again() -> None:
    world, alice, bob = pair()
    bob.add(alice)
    world.heal(alice, bob)
    alice.accept(bob)
    world.heal(alice, bob)
    bob.write(alice, "kept by nobody")

    def to_store() -> list[int]:
        now = world.now
        found = bob.read(lambda tx: outgoing.to_store(tx, alice.peer, queued_until=now, now=now, limit=9))
        return [each.ticket for each in found.outgoing]

    world.pass_time(40 * DAY)
    (ticket,) = to_store()
    stored = SendReport(ticket=ticket, outcome=Outcome.STORED)
    bob.change(lambda unit: reports.apply_reports(unit, [(stored, Latency.STORE_AND_FORWARD)]))
    world.pass_time(-40 * DAY)
    bob.change(housekeeping.tidy)
    assert to_store() == [ticket]


@pytest.mark.parametrize("seed", range(12))
def test_whatever_their_clocks_were_two_meet_once_both_are_right(seed: int) -> None:
    world = World(seed, ENGINE)
    chance = world.random
    alice, bob = world.account("Alice"), world.account("Bob")
    right, offsets = world.now, defaultdict[str, int](int)

    def act(who: Account, what: Callable[[], object]) -> None:
        world.now = right + offsets[who.name] * 1000
        what()

    for _ in range(25):
        one, other = chance.sample((alice, bob), 2)
        if chance.random() < 0.25:
            offsets[one.name] = chance.choice((0, -365 * DAY, -40 * DAY, *AHEAD))
            act(one, lambda one=one: one.change(housekeeping.tidy))
        if one.contact(other) is None:
            meet = one.accept if one.asked_by(other) else one.add
            act(one, lambda meet=meet, other=other: meet(other))
        for author, reader in (chance.sample((alice, bob), 2) for _ in range(4)):
            act(author, lambda author=author, reader=reader: world.connect(author, reader))
            act(reader, lambda author=author, reader=reader: world.deliver(author, reader))
    world.now = right
    for one, other in ((alice, bob), (bob, alice)):
        if one.contact(other) is None:
            one.add(other)
    pass_days(world, 10, alice, bob)
    for one, other in ((alice, bob), (bob, alice)):
        contact = one.contact(other)
        assert contact is not None
        assert contact.state is ContactState.ACTIVE
