"""Conversations heal: they go from one MLS group to the next, and nothing of what is said is lost by it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from balchat_crypto_mls.engine import MlsEngine

from balchat_host.core import housekeeping
from balchat_host.core.contacts import find
from balchat_host.core.eras import keeping, schedule
from tests.support.simulator import Account, World

if TYPE_CHECKING:
    from balchat_host.core.rows import Era

HOUR = 3600
DAY = 24 * HOUR
ENGINE = MlsEngine()


def contacts(seed: int = 1) -> tuple[World, Account, Account]:
    """Return two who are contacts and have talked, the one of the lower peer id first."""
    world = World(seed, ENGINE)
    alice, bob = world.account("Alice"), world.account("Bob")
    if bob.peer < alice.peer:
        alice, bob = bob, alice
    alice.add(bob)
    world.heal(alice, bob)
    bob.accept(alice)
    world.heal(alice, bob)
    talk(world, alice, bob, "hello")
    return world, alice, bob


def talk(world: World, alice: Account, bob: Account, text: str) -> None:
    alice.write(bob, f"{text} to you")
    bob.write(alice, f"{text} to you too")
    world.heal(alice, bob)
    world.check(alice, bob)
    world.check(bob, alice)


def sending(one: Account, other: Account) -> Era:
    found = one.read(lambda tx: keeping.sending(tx, find(tx, other.peer.octets.hex()).conversation))
    assert found is not None
    return found


def held(one: Account) -> set[bytes]:
    return {row[0] for row in one.read(lambda tx: tx.query("SELECT era_id FROM era"))}


def pass_hours(world: World, hours: int, *accounts: Account) -> None:
    for _ in range(hours):
        world.pass_time(HOUR)
        for each in accounts:
            each.change(housekeeping.tidy)


def renew(one: Account, other: Account) -> None:
    one.change(lambda unit: schedule.renew(unit, find(unit.tx, other.peer.octets.hex())))


def healed(world: World, alice: Account, bob: Account) -> bytes:
    """Let all become due that is, and settle; return the id of the era in which both send then."""
    for _ in range(3):
        pass_hours(world, 2, alice, bob)
        world.heal(alice, bob)
    assert sending(alice, bob).era_id == sending(bob, alice).era_id
    assert sending(alice, bob).confirmed
    assert sending(bob, alice).confirmed
    return sending(alice, bob).era_id


def rows_of(one: Account, *tables: str) -> list[int]:
    return [len(one.read(lambda tx, table=table: tx.query(f"SELECT 1 FROM {table}"))) for table in tables]


def test_a_week_later_both_send_in_another_era() -> None:
    world, alice, bob = contacts()
    before = healed(world, alice, bob)
    world.pass_time(6 * DAY)
    assert healed(world, alice, bob) == before
    world.pass_time(2 * DAY)
    assert healed(world, alice, bob) != before
    talk(world, alice, bob, "healed")


def test_a_conversation_that_is_not_used_is_renewed_once_a_month() -> None:
    world, alice, bob = contacts()
    world.pass_time(8 * DAY)
    before = healed(world, alice, bob)
    for _ in range(3):
        world.pass_time(9 * DAY)
        assert healed(world, alice, bob) == before
    world.pass_time(5 * DAY)
    assert healed(world, alice, bob) != before


def test_if_the_one_whose_turn_it_is_does_nothing_the_other_one_founds_a_day_later(monkeypatch) -> None:
    world, alice, bob = contacts()
    before = healed(world, alice, bob)
    ((due_at,),) = bob.read(lambda tx: tx.query("SELECT due_at FROM renewal"))
    world.pass_time((due_at - world.now) / 1000)
    monkeypatch.setattr(housekeeping, "_TASKS", ())  # Alice, whose turn it is, is asleep
    for days in (0, 1):
        assert sending(bob, alice).era_id == before
        world.pass_time(days * DAY)
        bob.change(schedule.tidy)
        world.heal(alice, bob)
    assert sending(bob, alice).era_id == sending(alice, bob).era_id != before


def test_week_after_week_nothing_grows_and_eras_go_after_seventy_two_hours_up() -> None:
    world, alice, bob = contacts()
    seen: set[bytes] = set()
    sizes: list[list[list[int]]] = []
    for week in range(16):
        seen.add(healed(world, alice, bob))
        talk(world, alice, bob, f"week {week}")
        pass_hours(world, 8 * 24, alice, bob)
        healed(world, alice, bob)
        tables = ("era", "own_key_package", "contact_key_package", "payload")
        sizes.append([rows_of(each, *tables) for each in (alice, bob)])
        pass_hours(world, 73, alice, bob)
        assert held(alice) == held(bob) == {sending(alice, bob).era_id}
    assert len(seen) >= 14
    assert sizes[-1] == sizes[4]
