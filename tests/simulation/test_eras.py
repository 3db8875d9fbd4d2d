"""Conversations heal: they go from one MLS group to the next, and nothing of what is said is lost by it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from balchat_crypto_mls.engine import MlsEngine

from balchat_host.api.errors import CryptoRejected
from balchat_host.api.transport import Verdict
from balchat_host.core import alarms, housekeeping, inbox, up_time
from balchat_host.core.contacts import find
from balchat_host.core.delivery import outgoing
from balchat_host.core.envelope import Envelope, Kind
from balchat_host.core.eras import contact_key_packages, keeping, schedule
from tests.support.consistency import check_consistency
from tests.support.simulator import Account, World

if TYPE_CHECKING:
    from balchat_host.core.rows import Era

HOUR = 3600
DAY = 24 * HOUR
NEVER = 2**62
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


def renew(one: Account, other: Account, *, then_crash: bool = False) -> None:
    one.change(lambda unit: schedule.renew(unit, find(unit.tx, other.peer.octets.hex())), then_crash=then_crash)


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


@pytest.mark.parametrize("seed", range(12))
def test_both_found_at_once_and_everything_goes_wrong_and_nothing_is_lost(seed: int) -> None:
    world, alice, bob = contacts(seed)
    for _ in range(6):
        healed(world, alice, bob)
        world.pass_time(HOUR)
        for one, other in ((alice, bob), (bob, alice)):
            if world.random.random() < 0.8:
                renew(one, other)
            one.write(other, f"{world.random.random()}")
        for _ in range(world.random.randrange(30)):
            world.misbehave(*world.random.sample((alice, bob), 2))
            if world.random.random() < 0.1:
                one, other = world.random.sample((alice, bob), 2)
                one.write(other, f"{world.random.random()}")
    healed(world, alice, bob)
    world.check(alice, bob)
    world.check(bob, alice)


def welcome_of(one: Account, other: Account) -> bytes:
    """Return the envelope with the Welcome that waits for somebody."""
    found = one.read(lambda tx: outgoing.pending(tx, other.peer, after=0, now=NEVER, limit=99)).outgoing
    (welcome,) = [each.envelope for each in found if Envelope.decode(each.envelope).kind is Kind.ERA]
    return welcome


def take(reader: Account, source: Account | None, envelope: bytes) -> Verdict:
    peer = source.peer if source else None
    return reader.change(lambda unit: inbox.receive(unit, peer, [envelope]))[0].verdict


@pytest.mark.parametrize(("days", "opens"), [(5, True), (91, False)])
def test_a_welcome_that_is_held_back_opens_for_as_long_as_its_key_package_is_valid(days: int, *, opens: bool) -> None:
    world, alice, bob = contacts()
    healed(world, alice, bob)
    renew(alice, bob)
    welcome = welcome_of(alice, bob)
    world.pass_time(days * DAY)
    bob.change(housekeeping.tidy)
    before = held(bob)
    assert take(bob, None, welcome) is Verdict.COMMITTED  # a relay deletes it either way
    assert (held(bob) != before) is opens
    healed(world, alice, bob)
    talk(world, alice, bob, "later")


def test_a_key_package_opens_one_era_only_and_its_private_half_goes_with_that() -> None:
    world, alice, bob = contacts()
    healed(world, alice, bob)
    renew(alice, bob)
    welcome = welcome_of(alice, bob)
    reference = ENGINE.welcome_reference(Envelope.decode(welcome).payload)

    def private_halves() -> int:
        return bob.read(lambda tx: sum(reference in key for key, _ in tx.area("crypto").scan()))

    assert private_halves()
    assert take(bob, alice, welcome) is Verdict.COMMITTED
    assert private_halves() == 0
    bob.change(lambda unit: unit.tx.execute("DELETE FROM received"))
    assert take(bob, alice, welcome) is Verdict.IGNORED
    assert len(held(bob)) == 2


def test_key_packages_that_were_given_before_one_that_is_used_go_seventy_two_hours_up_later() -> None:
    world, alice, bob = contacts()
    healed(world, alice, bob)

    def given() -> set[object]:
        return {row[0] for row in bob.read(lambda tx: tx.query("SELECT id FROM own_key_package"))}

    first = given()
    world.pass_time(10 * DAY)
    healed(world, alice, bob)
    talk(world, alice, bob, "so that there is use")
    assert first & given(), "one of the first message is left"
    renew(alice, bob)
    healed(world, alice, bob)
    pass_hours(world, 60, alice, bob)
    assert first & given()
    world.pass_time(20 * DAY)  # nobody is up
    pass_hours(world, 1, alice, bob)
    assert first & given()
    pass_hours(world, 20, alice, bob)
    assert not first & given()


def test_a_welcome_that_answers_a_key_package_of_somebody_else_s_or_comes_from_somebody_blocked_is_ignored() -> None:
    world, alice, bob = contacts()
    carol = world.account("Carol")
    healed(world, alice, bob)
    renew(alice, bob)
    welcome = welcome_of(alice, bob)
    assert take(bob, carol, welcome) is Verdict.IGNORED
    bob.block(alice, blocked=True)
    assert take(bob, alice, welcome) is Verdict.IGNORED
    assert len(held(bob)) == 1
    bob.block(alice, blocked=False)
    assert take(bob, alice, welcome) is Verdict.COMMITTED
    assert len(held(bob)) == 2


def test_eras_in_a_row_are_bounded_in_number_and_in_an_hour() -> None:
    world, alice, bob = contacts()
    healed(world, alice, bob)
    verdicts: list[Verdict] = []
    for _ in range(20):
        given = bob.change(lambda unit: contact_key_packages.make(unit, find(unit.tx, alice.peer.octets.hex())))[0]
        founded = alice.change(
            lambda unit, given=given: unit.engine.found(
                unit.keys, unit.entropy(16), [(bob.peer, given)], knows=(), now=unit.seconds
            )
        )
        verdicts.append(take(bob, alice, Envelope(kind=Kind.ERA, payload=founded.welcomes[0]).encode()))
    assert verdicts == [Verdict.COMMITTED] * 12 + [Verdict.REFUSED] * 8
    assert len(held(bob)) <= 5
    bob.read(lambda tx: check_consistency(tx, ENGINE))


def test_what_is_too_far_ahead_is_refused_for_an_hour_and_leads_to_another_era() -> None:
    world, alice, bob = contacts()
    before = healed(world, alice, bob)
    world.pass_time(HOUR)

    def lose_many(unit) -> None:
        era = keeping.sending(unit.tx, find(unit.tx, alice.peer.octets.hex()).conversation)
        for _ in range(1025):
            keeping.encrypt(unit, era, b"lost at a relay")

    bob.change(lose_many)
    bob.write(alice, "far ahead")
    world.connect(bob, alice)
    assert world.deliver(bob, alice) is Verdict.REFUSED
    assert healed(world, alice, bob) != before
    talk(world, alice, bob, "on we go")


def test_an_era_that_the_other_side_cannot_open_is_given_up_and_another_one_is_founded(monkeypatch) -> None:
    world, alice, bob = contacts()
    before = healed(world, alice, bob)
    world.pass_time(HOUR)
    renew(alice, bob)

    def rejected(*_: object, **__: object) -> None:
        raise CryptoRejected(problem="it does not open")

    with monkeypatch.context() as poisoned:
        poisoned.setattr(MlsEngine, "join", rejected)
        world.connect(alice, bob)
        assert world.deliver(alice, bob) is Verdict.REFUSED
    pass_hours(world, 3, alice, bob)
    assert healed(world, alice, bob) != before
    talk(world, alice, bob, "mended")


def test_somebody_who_was_away_for_three_months_is_talked_with_as_if_nothing_had_been() -> None:
    world, alice, bob = contacts()
    healed(world, alice, bob)
    alice.write(bob, "where are you?")
    for _ in range(95):
        world.pass_time(DAY)
        alice.change(housekeeping.tidy)
    before = sending(alice, bob).era_id
    talk(world, alice, bob, "back again")
    assert healed(world, alice, bob) != before
    talk(world, alice, bob, "in another era")


def test_who_goes_on_from_a_backup_has_no_key_package_and_goes_on_healing() -> None:
    world, alice, bob = contacts()
    healed(world, alice, bob)
    backup = bob.back_up()
    world.pass_time(8 * DAY)
    healed(world, alice, bob)
    bob.restore(backup)
    assert rows_of(bob, "own_key_package", "contact_key_package", "era") == [0, 0, 0]
    world.heal(alice, bob)
    talk(world, alice, bob, "restored")
    before = healed(world, alice, bob)
    world.pass_time(8 * DAY)
    assert healed(world, alice, bob) != before


def test_who_lost_everything_and_asks_is_heard_at_once_and_both_agree_on_an_era() -> None:
    world, alice, bob = contacts()
    healed(world, alice, bob)
    for one, other in ((alice, bob), (bob, alice)):
        one.write(other, "before")
        one.remove(other)
        one.add(other)
        world.heal(alice, bob)
        other.write(one, "after")
        world.heal(alice, bob)
        assert [message.text for message in one.history(other) if message.author][-1] == "after"
        healed(world, alice, bob)


@pytest.mark.parametrize("crash", ["before", "after"])
def test_a_death_at_each_commit_of_a_renewal(crash: str) -> None:
    at = 0
    while True:
        world, alice, bob = contacts()
        before = healed(world, alice, bob)
        alice.write(bob, "on its way meanwhile")
        if at == 0:
            renew(alice, bob, then_crash=True)
        renew(alice, bob)
        commits = 0
        for _ in range(12):
            world.pass_time(90)
            for author, reader in ((alice, bob), (bob, alice)):
                world.connect(author, reader)
                while world.deliver(author, reader, crash=crash if commits == at else None) is not None:
                    commits += 1
        assert healed(world, alice, bob) != before
        world.check(alice, bob)
        talk(world, alice, bob, "on we go")
        if commits <= at:
            break
        at += 1
    assert at >= 5, "a message, a Welcome, opened twice, KeyPackages"


def test_an_era_is_kept_until_all_that_was_stored_for_us_has_been_read_but_not_for_ever() -> None:
    world, alice, bob = contacts()
    healed(world, alice, bob)
    alice.change(lambda unit: up_time.set_storing(unit, ["relay", "stick"]))
    renew(alice, bob)
    healed(world, alice, bob)
    followed_at = world.now
    pass_hours(world, 80, alice, bob)
    assert (len(held(alice)), len(held(bob))) == (2, 1)
    alice.change(lambda unit: up_time.on_read(unit, "relay", since=world.now))
    pass_hours(world, 1, alice)
    assert len(held(alice)) == 2, "nobody has looked at the stick"
    alice.change(lambda unit: up_time.on_read(unit, "stick", since=followed_at - 10 * HOUR * 1000))
    pass_hours(world, 1, alice)
    assert len(held(alice)) == 2, "it was looked at before that"
    alice.change(lambda unit: up_time.on_read(unit, "stick", since=world.now))
    pass_hours(world, 1, alice)
    assert len(held(alice)) == 1
    renew(alice, bob)
    healed(world, alice, bob)
    world.pass_time(30 * DAY)
    alice.change(housekeeping.tidy)
    assert len(held(alice)) == 1


def test_where_nobody_gives_key_packages_first_contact_sets_the_conversation_up_again_and_says_so_once() -> None:
    """His balchat speaks, and never gives any."""
    world, alice, bob = contacts()
    alice.change(lambda unit: unit.tx.execute("DELETE FROM contact_key_package"))
    renew(alice, bob)
    alice.change(lambda unit: unit.tx.execute("DELETE FROM payload"))  # nobody hears it
    asked: list[int] = []
    for day in range(40):
        world.pass_time(DAY)
        bob.change(lambda unit: unit.tx.execute("UPDATE renewal SET given_at = ?", (world.now,)))
        bob.write(alice, f"day {day}")
        world.connect(bob, alice)
        while world.deliver(bob, alice) is not None:
            pass
        alice.change(lambda unit: unit.tx.execute("DELETE FROM contact_key_package"))
        alice.change(housekeeping.tidy)
        asked.append(alice.read(lambda tx: len(tx.query("SELECT 1 FROM payload WHERE purpose = 6"))))
    assert asked.index(1) == 13, "after fourteen days"
    assert [alarm.kind for alarm in alice.read(lambda tx: alarms.of(tx, find(tx, bob.peer.octets.hex())))] == [
        "set-up-again"
    ]
