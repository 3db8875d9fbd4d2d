"""Who goes on from a backup: nothing is ever encrypted in a group from before, and the conversations go on."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest
from balchat_crypto_mls.engine import MlsEngine
from balchat_crypto_mls.keyring import Keyring

from balchat_host.api.events import AccountRestored
from balchat_host.api.transport import Verdict
from balchat_host.api.views import ContactState
from balchat_host.core import after_restore, event_log, housekeeping, inbox, key_package_pool
from balchat_host.core.delivery import outgoing
from balchat_host.core.envelope import Envelope, Kind
from balchat_host.core.first_contact import asking, requests
from balchat_host.core.rows import Purpose
from balchat_host.core.unit_of_work import crypto_area
from tests.support.simulator import Account, World

if TYPE_CHECKING:
    from collections.abc import Callable

    from balchat_host.api.storage import KeyValueArea
    from balchat_host.core.unit_of_work import UnitOfWork
    from balchat_host.testing.sqlite_transaction import SqliteUnits

SEEDS = range(int(os.environ.get("BALCHAT_SIMULATION_SEEDS", "25")))
HOUR = 3600
DAY = 24 * HOUR


class WatchedEngine(MlsEngine):
    """Remembers in which groups somebody encrypted."""

    def __init__(self) -> None:
        self.encrypted: list[tuple[bytes, bytes]] = []
        """By whom (the identity's row), and in which group."""

    def encrypt(self, state: KeyValueArea, group_id: bytes, data: bytes) -> bytes:
        self.encrypted.append((Keyring.load(state).peer.octets, group_id))
        return super().encrypt(state, group_id, data)

    def groups_of(self, account: Account) -> set[bytes]:
        """Return the groups in which an account has encrypted so far."""
        return {group for peer, group in self.encrypted if peer == account.peer.octets}


class Two:
    """Alice and Bob, contacts; Alice has a backup of the present moment."""

    def __init__(self, seed: int = 1) -> None:
        self.engine = WatchedEngine()
        self.world = World(seed, self.engine)
        self.alice, self.bob = self.world.account("Alice"), self.world.account("Bob")
        self.alice.add(self.bob)
        self.world.heal(self.alice, self.bob)
        self.bob.accept(self.alice)
        self.world.heal(self.alice, self.bob)

    def restore_alice(self, backup: SqliteUnits, *, crashes: int = 0) -> set[bytes]:
        """Have Alice go on from a backup; return the groups from before."""
        used = self.engine.groups_of(self.alice)
        self.alice.restore(backup, crashes=crashes)
        self.engine.encrypted.clear()
        return used

    def heal(self) -> None:
        self.world.heal(self.alice, self.bob)


def texts(account: Account, other: Account) -> list[str | None]:
    return [message.text for message in account.history(other)]


def test_both_talk_again_in_the_same_conversation() -> None:
    two = Two()
    two.alice.write(two.bob, "before the backup")
    two.heal()
    before = two.alice.contact(two.bob)
    backup = two.alice.back_up()
    two.alice.write(two.bob, "after the backup")
    two.heal()
    used = two.restore_alice(backup)
    two.alice.write(two.bob, "from the copy")
    two.bob.write(two.alice, "to the copy")
    two.heal()
    assert texts(two.alice, two.bob) == ["before the backup", "from the copy", "to the copy"]
    assert texts(two.bob, two.alice) == ["before the backup", "after the backup", "to the copy", "from the copy"]
    assert not used & two.engine.groups_of(two.alice), "a group from before was encrypted in"
    after = two.alice.contact(two.bob)
    assert before is not None
    assert after is not None
    assert after.conversation == before.conversation
    assert (after.state, after.reason) == (ContactState.ACTIVE, None)
    assert {message.state for message in two.alice.history(two.bob) if message.author is None} == {"delivered"}
    assert not two.bob.asked_by(two.alice), "the contact's owner is asked nothing"


def test_what_the_other_side_had_queued_in_the_lost_group_arrives() -> None:
    two = Two()
    backup = two.alice.back_up()
    two.bob.write(two.alice, "queued while Alice's machine died")
    two.restore_alice(backup)
    two.heal()
    assert texts(two.alice, two.bob) == ["queued while Alice's machine died"]
    assert [message.state for message in two.bob.history(two.alice)] == ["delivered"]


def test_what_was_only_queued_in_the_backup_leaves_once() -> None:
    two = Two()
    two.alice.write(two.bob, "delivered by the first life")
    backup = two.alice.back_up()  # it waits in the copy's outbox, too
    two.heal()
    two.restore_alice(backup)
    two.heal()
    assert texts(two.bob, two.alice) == ["delivered by the first life"]
    assert [message.state for message in two.alice.history(two.bob)] == ["delivered"]


def test_the_owner_is_told_and_contacts_show_why() -> None:
    two = Two()
    backup = two.alice.back_up()
    two.world.pass_time(DAY)
    newest = two.alice.read(event_log.newest)
    two.restore_alice(backup)
    contact = two.alice.contact(two.bob)
    assert contact is not None
    assert (contact.state, contact.reason) == (ContactState.ADDING, "restored")
    events, _ = two.alice.read(lambda tx: event_log.read(tx, after=newest, limit=10, now=0))
    (told,) = [event for event in events if isinstance(event, AccountRestored)]
    assert told.contacts == 1
    assert told.at - told.copied_at == DAY * 1000


def test_whoever_follows_by_cursor_misses_nothing_after_a_restore() -> None:
    two = Two()
    backup = two.alice.back_up()
    for number in range(20):
        two.alice.write(two.bob, f"unknown to the copy {number}")
    read_up_to = two.alice.read(event_log.newest)
    two.restore_alice(backup)
    two.alice.write(two.bob, "from the copy")
    start = two.alice.read(lambda tx: event_log.start(tx, after=read_up_to, subscriber=None))
    events, _ = two.alice.read(lambda tx: event_log.read(tx, after=start, limit=100, now=0))
    assert [event.type for event in events if event.type != "contact.changed"] == ["account.restored", "message.added"]


def test_a_kill_before_the_first_unit_is_committed_leaves_the_mark() -> None:
    two = Two()
    backup = two.alice.back_up()
    two.alice.write(two.bob, "after the backup")
    two.heal()
    used = two.restore_alice(backup, crashes=3)
    two.alice.write(two.bob, "from the copy")
    two.heal()
    assert texts(two.bob, two.alice) == ["after the backup", "from the copy"]
    assert not used & two.engine.groups_of(two.alice)


def test_a_vault_that_is_no_copy_is_left_alone() -> None:
    two = Two()
    assert two.alice.change(after_restore.resume) is False
    two.alice.write(two.bob, "as ever")
    two.heal()
    assert texts(two.bob, two.alice) == ["as ever"]


def test_a_backup_leaves_its_origin_as_it_is() -> None:
    two = Two()
    two.alice.back_up()
    assert two.alice.change(after_restore.resume) is False


def test_contacts_are_asked_one_after_the_other_the_latest_conversation_first() -> None:
    world = World(1, MlsEngine())
    alice = world.account("Alice")
    others = [world.account(f"Contact {number}") for number in range(12)]
    for other in others:
        alice.add(other)
        world.heal(alice, other)
        other.accept(alice)
        world.heal(alice, other)
    alice.write(others[7], "the newest")
    alice.restore(alice.back_up())
    due = {other.name: first_try(world, alice, other) for other in others}
    assert min(due, key=lambda name: due[name]) == "Contact 7"
    gaps = sorted(due.values())
    assert gaps[0] >= world.now
    assert len(set(gaps)) == len(gaps)
    assert gaps[-1] - gaps[0] > 10 * after_restore.ASKED_APART, "they are not asked all at once"
    assert gaps[-1] - world.now <= 12 * after_restore.ASKED_APART


def test_whoever_has_something_to_say_is_asked_before_its_turn() -> None:
    world = World(1, MlsEngine())
    alice = world.account("Alice")
    others = [world.account(f"Contact {number}") for number in range(9)]
    for other in others:
        alice.add(other)
        world.heal(alice, other)
        other.accept(alice)
        world.heal(alice, other)
    late, hears, rest = others[0], others[1], others[2]
    hears.write(alice, "in the group that is lost")
    now = world.now
    (sent,) = hears.read(lambda tx: outgoing.pending(tx, alice.peer, after=0, now=now, limit=9)).outgoing
    alice.restore(alice.back_up())
    alice.write(late, "I am back")
    assert receive(alice, hears, sent.envelope) is Verdict.IGNORED
    assert first_try(world, alice, late) == first_try(world, alice, hears) == world.now
    assert first_try(world, alice, rest) > world.now


def first_try(world: World, account: Account, other: Account) -> int:
    pending = account.read(lambda tx: outgoing.pending(tx, other.peer, after=0, now=world.now, limit=9))
    return world.now if pending.outgoing else pending.look_again or 0


def test_two_who_both_go_on_from_backups_talk_again() -> None:
    two = Two()
    two.alice.write(two.bob, "one")
    two.bob.write(two.alice, "two")
    two.heal()
    backups = two.alice.back_up(), two.bob.back_up()
    two.alice.write(two.bob, "lost with both")
    two.heal()
    used = two.engine.groups_of(two.alice) | two.engine.groups_of(two.bob)
    two.alice.restore(backups[0])
    two.bob.restore(backups[1])
    two.engine.encrypted.clear()
    two.alice.write(two.bob, "three")
    two.bob.write(two.alice, "four")
    two.heal()
    for one, other in ((two.alice, two.bob), (two.bob, two.alice)):
        assert sorted(text or "" for text in texts(one, other)) == ["four", "one", "three", "two"]
        assert not used & two.engine.groups_of(one)


def test_a_key_package_that_was_used_since_the_backup_opens_nothing_in_the_copy() -> None:
    world = World(1, MlsEngine())
    alice, bob = world.account("Alice"), world.account("Bob")
    (key_package,) = alice.change(lambda unit: inbox.receive(unit, bob.peer, [KEY_PACKAGE_REQUEST]))[0].replies
    backup = alice.back_up()
    bob.add(alice)
    bob.change(lambda unit: inbox.receive(unit, alice.peer, [key_package]))
    (request,) = bob.read(lambda tx: outgoing.pending(tx, alice.peer, after=0, now=world.now, limit=9)).outgoing
    assert receive(alice, bob, request.envelope) is Verdict.COMMITTED
    alice.restore(backup)
    assert receive(alice, bob, request.envelope) is Verdict.REFUSED
    assert not alice.asked_by(bob)
    world.heal(alice, bob)
    assert alice.asked_by(bob), "who was refused asks with another one"


KEY_PACKAGE_REQUEST = Envelope(kind=Kind.KEY_PACKAGE_REQUEST, payload=b"").encode()


def receive(reader: Account, author: Account, envelope: bytes) -> Verdict:
    (disposition,) = reader.change(lambda unit: inbox.receive(unit, author.peer, [envelope]))
    return disposition.verdict


def test_a_request_that_waited_in_the_backup_can_be_accepted_or_turned_down() -> None:
    world = World(1, MlsEngine())
    alice, bob, carol = world.account("Alice"), world.account("Bob"), world.account("Carol")
    for other in (bob, carol):
        other.add(alice, "hello")
        world.heal(alice, other)
    backup = alice.back_up()
    alice.accept(bob)  # the first life has answered in the group that came with the request
    world.heal(alice, bob)
    alice.restore(backup)
    assert alice.read(requests.count) == 2
    alice.accept(bob)
    alice.reject(carol)
    bob.write(alice, "there you are")
    world.heal(alice, bob)
    world.heal(alice, carol)
    assert texts(alice, bob) == ["there you are"]
    assert alice.contact(carol) is None


def test_somebody_whom_we_had_only_asked_is_asked_again() -> None:
    world = World(1, MlsEngine())
    alice, bob = world.account("Alice"), world.account("Bob")
    alice.add(bob)
    alice.write(bob, "written before the first word of Bob's")
    world.heal(alice, bob)
    backup = alice.back_up()
    bob.accept(alice)
    world.heal(alice, bob)
    alice.restore(backup)
    world.heal(alice, bob)
    world.check(alice, bob)


def test_who_was_blocked_is_not_asked_before_they_are_unblocked() -> None:
    two = Two()
    two.alice.block(two.bob, blocked=True)
    two.alice.restore(two.alice.back_up())
    two.world.pass_time(DAY)
    now = two.world.now
    waiting = two.alice.read(lambda tx: outgoing.pending(tx, two.bob.peer, after=0, now=now, limit=9))
    assert not waiting.outgoing
    two.alice.block(two.bob, blocked=False)
    two.alice.write(two.bob, "again")
    two.heal()
    assert texts(two.bob, two.alice)[-1] == "again"


def test_a_contact_who_does_not_answer_is_asked_for_half_a_year_from_the_restore_on() -> None:
    two = Two()
    two.world.pass_time(400 * DAY)
    two.alice.restore(two.alice.back_up())
    assert waits_for(two.alice) == [Purpose.KEY_PACKAGE_REQUEST]
    # Another KeyPackage is wanted when the one that they asked with is out of date, for half a year.
    for days, wanted in ((31, True), (200, False)):
        two.alice.change(found_era_with(two.bob))
        assert waits_for(two.alice) == [Purpose.CONTACT_REQUEST]
        two.world.pass_time(days * DAY)
        two.alice.change(housekeeping.tidy)
        assert (Purpose.KEY_PACKAGE_REQUEST in waits_for(two.alice)) is wanted


def waits_for(account: Account) -> list[Purpose]:
    return [Purpose(row[0]) for row in account.read(lambda tx: tx.query("SELECT purpose FROM payload ORDER BY id"))]


def found_era_with(other: Account) -> Callable[[UnitOfWork], None]:
    """Give a KeyPackage of theirs, as fresh as they come, to somebody who wants one."""
    key_package = other.change(lambda unit: key_package_pool.refill(unit, 1)).single_use[0]
    return lambda unit: asking.on_key_package(unit, other.peer, key_package)


def test_one_backup_on_two_machines_uses_no_key_twice() -> None:
    two = Two()
    backup = two.alice.back_up()
    lives: list[set[bytes]] = []
    for name in ("one machine", "another machine"):
        two.restore_alice(backup)
        two.alice.write(two.bob, f"from {name}")
        two.heal()
        lives.append(two.engine.groups_of(two.alice))
    assert not lives[0] & lives[1]
    assert texts(two.bob, two.alice) == ["from one machine", "from another machine"]


def test_a_message_of_a_group_that_is_lost_is_passed_over_not_refused() -> None:
    two = Two()
    backup = two.alice.back_up()
    two.bob.write(two.alice, "in the lost group")
    now = two.world.now
    (sent,) = two.bob.read(lambda tx: outgoing.pending(tx, two.alice.peer, after=0, now=now, limit=9)).outgoing
    two.alice.restore(backup)
    assert receive(two.alice, two.bob, sent.envelope) is Verdict.IGNORED
    assert two.alice.read(lambda tx: two.engine.groups(crypto_area(tx))) == []


@pytest.mark.parametrize("seed", SEEDS)
def test_whatever_the_network_does_nothing_is_encrypted_in_a_group_from_before(seed: int) -> None:
    two = Two(seed)
    world, alice, bob = two.world, two.alice, two.bob
    backup = None
    used: set[bytes] = set()
    for number in range(120):
        one, other = (alice, bob) if world.random.random() < 0.5 else (bob, alice)
        world.misbehave(one, other)
        if world.random.random() < 0.1:
            one.write(other, f"{one.name} {number}")
        if number == 40:
            backup = alice.back_up()
        if number == 80:
            assert backup is not None
            used = two.restore_alice(backup)
    alice.write(bob, "last of Alice")
    bob.write(alice, "last of Bob")
    world.heal(alice, bob)
    assert not used & two.engine.groups_of(alice)
    for account, other in ((alice, bob), (bob, alice)):
        found = texts(account, other)
        assert len(found) == len(set(found)), "nothing is shown twice"
        assert {"last of Alice", "last of Bob"} <= set(found)
    kept = [message for message in alice.history(bob) if message.author is None]
    assert {message.state for message in kept} == {"delivered"}
    assert {message.text for message in kept} <= set(texts(bob, alice)), "nothing that the copy shows as sent is lost"
    waiting = bob.read(outgoing.view)
    assert waiting.waiting == 0, "Bob's side comes to rest"
