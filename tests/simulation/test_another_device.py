"""An account that goes on from a backup is another device: it takes the place of the one that its contacts knew."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest
from balchat_crypto_mls.engine import MlsEngine

from balchat_host.api.events import DEVICE, ContactChanged
from balchat_host.api.transport import Verdict
from balchat_host.api.types import Route
from balchat_host.core import account, contacts, inbox, key_package_pool, routes
from balchat_host.core.delivery import outgoing
from balchat_host.core.envelope import Envelope, Kind
from balchat_host.core.first_contact import asking
from tests.support.simulator import Account, World

if TYPE_CHECKING:
    from balchat_host.api.crypto import Joined
    from balchat_host.api.storage import KeyValueArea
    from balchat_host.testing.sqlite_transaction import SqliteUnits

FORMER = Route(transport="relay", address=b"where the former device looked")
NEW = Route(transport="relay", address=b"where the new one looks")


class Two:
    """Alice and Bob, contacts. Bob knows a route to Alice, and there is a backup of hers of this moment."""

    def __init__(self) -> None:
        self.world = World(1, MlsEngine())
        self.alice, self.bob = self.world.account("Alice"), self.world.account("Bob")
        self.alice.add(self.bob)
        self.world.heal(self.alice, self.bob)
        self.bob.accept(self.alice)
        self.heal()
        self.tell(FORMER)
        self.heal()
        self.backup: SqliteUnits = self.alice.back_up()

    def heal(self) -> None:
        self.world.heal(self.alice, self.bob)

    def restore(self) -> None:
        """Have Alice go on from the backup, and look for envelopes somewhere else."""
        self.alice.restore(self.backup)
        self.tell(NEW)

    def tell(self, route: Route) -> None:
        """Have Alice tell Bob how to reach her, as soon as she can."""
        named = replace(route, device_id=self.alice.device_id)
        self.alice.change(lambda unit: routes.offer(unit, self.bob.peer, [named]))

    def bring(self, author: Account, reader: Account) -> None:
        """Bring over what waits for one of them."""
        self.world.connect(author, reader)
        while self.world.deliver(author, reader) is not None:
            pass

    def ask(self) -> None:
        """Have Alice's request come to Bob, and nothing more."""
        self.bring(self.alice, self.bob)  # for a KeyPackage
        self.bring(self.bob, self.alice)
        self.bring(self.alice, self.bob)

    def ask_with(self, key_package: bytes, route: Route) -> list[bytes]:
        """Have Alice ask again with a KeyPackage that she claimed; return her request, which goes nowhere."""
        self.alice.remove(self.bob)
        self.alice.add(self.bob)
        self.tell(route)
        assert self.alice.change(lambda unit: asking.on_claimed_key_package(unit, self.bob.peer, key_package))
        return [each for each in self.waiting() if Envelope.decode(each).kind is Kind.CONTACT_REQUEST]

    def waiting(self) -> list[bytes]:
        """Return the envelopes that wait for Bob at Alice's."""
        now = self.world.now
        found = self.alice.read(lambda tx: outgoing.pending(tx, self.bob.peer, after=0, now=now, limit=100))
        return [each.envelope for each in found.outgoing]

    def known_devices(self) -> list[bytes]:
        """Return the ids of Alice's devices as Bob knows them."""
        known = (
            "SELECT device_id FROM device JOIN contact ON contact.peer = device.peer"
            " WHERE device.peer <> (SELECT peer FROM account)"
        )
        return [bytes(row[0]) for row in self.bob.read(lambda tx: tx.query(known))]

    def known_routes(self) -> list[Route]:
        """Return Alice's routes as Bob knows them, whichever device they lead to."""
        known = self.bob.read(lambda tx: routes.known(tx, self.alice.peer, now=self.world.now // 1000))
        return [replace(route, device_id=None) for route in known]


def device_id(who: Account) -> bytes:
    return who.read(account.load).device_id


def texts(who: Account, other: Account) -> list[str]:
    return [message.text or "" for message in who.history(other)]


def test_contacts_know_each_other_s_devices() -> None:
    two = Two()
    assert two.known_devices() == [device_id(two.alice)]
    assert two.known_routes() == [FORMER]


@pytest.mark.parametrize("written", ["before", "after"])
def test_everything_that_waited_for_the_former_device_comes_to_the_new_one_once(written: str) -> None:
    two = Two()
    if written == "before":
        two.bob.write(two.alice, "one")
        two.bob.write(two.alice, "two")
    two.restore()
    if written == "after":
        two.bob.write(two.alice, "one")
        two.bob.write(two.alice, "two")
    two.heal()
    assert texts(two.alice, two.bob) == ["one", "two"]
    assert two.known_devices() == [device_id(two.alice)]
    assert two.known_routes() == [NEW]
    two.alice.write(two.bob, "three")
    two.bob.write(two.alice, "four")
    two.heal()
    for one, other in ((two.alice, two.bob), (two.bob, two.alice)):
        assert sorted(texts(one, other)) == ["four", "one", "three", "two"]
    two.world.check(two.bob, two.alice)


def test_people_are_told_once_that_a_contact_goes_on_with_another_device() -> None:
    two = Two()
    two.bob.write(two.alice, "Hello?")
    two.heal()
    assert told_of_another_device(two.bob) == 0
    two.restore()
    two.heal()
    two.alice.write(two.bob, "Here I am.")
    two.heal()
    assert told_of_another_device(two.bob) == 1
    assert told_of_another_device(two.alice) == 0


def told_of_another_device(who: Account) -> int:
    """Return how often front ends were told that a contact uses another device."""
    bodies = who.read(lambda tx: tx.query("SELECT body FROM event WHERE type = ?", (ContactChanged.type,)))
    return sum(DEVICE in json.loads(str(body))["changed"] for (body,) in bodies)


def test_what_the_new_device_has_is_not_sent_there_again() -> None:
    two = Two()
    two.restore()
    two.heal()
    assert two.bob.read(lambda tx: tx.query("SELECT 1 FROM delivery")) == []


def test_what_the_former_device_said_last_is_read_and_its_routes_are_not_used() -> None:
    two = Two()
    two.alice.write(two.bob, "my last words")
    two.tell(Route(transport="relay", address=b"of the former device, said late"))
    late = two.waiting()
    assert len(late) == 2
    two.restore()
    two.heal()
    answers = two.bob.change(lambda unit: inbox.receive(unit, None, late))
    assert {answer.verdict for answer in answers} == {Verdict.COMMITTED}
    assert texts(two.bob, two.alice) == ["my last words"]
    assert two.known_devices() == [device_id(two.alice)]
    assert two.known_routes() == [NEW]


def test_a_request_of_the_new_device_takes_the_place_of_one_that_waits() -> None:
    world = World(1, MlsEngine())
    alice, bob = world.account("Alice"), world.account("Bob")
    alice.add(bob)
    backup = alice.back_up()
    world.heal(alice, bob)
    assert bob.asked_by(alice)
    alice.restore(backup)
    world.heal(alice, bob)
    bob.accept(alice)
    bob.write(alice, "welcome back")
    world.heal(alice, bob)
    assert texts(alice, bob) == ["welcome back"]
    number = bob.read(lambda tx: contacts.find(tx, "Alice").id)
    known = bob.read(lambda tx: tx.query("SELECT device_id FROM device WHERE peer = ?", (number,)))
    assert known == [(device_id(alice),)]


def test_a_blocked_contact_s_new_device_is_used_once_they_are_unblocked() -> None:
    two = Two()
    two.bob.block(two.alice, blocked=True)
    two.restore()
    two.heal()
    former = two.known_devices()
    assert former != [device_id(two.alice)]
    assert two.known_routes() == [FORMER]
    two.bob.block(two.alice, blocked=False)
    two.bob.write(two.alice, "sorry")
    two.heal()
    assert two.known_devices() == [device_id(two.alice)]
    assert texts(two.alice, two.bob) == ["sorry"]


def test_what_the_former_device_says_in_a_group_of_its_own_does_not_bring_it_back() -> None:
    """Bob has heard neither of the two in the group that it asked with: the later request counts."""
    two = Two()
    two.alice.remove(two.bob)
    two.alice.add(two.bob)
    two.ask()
    two.bring(two.bob, two.alice)
    two.alice.write(two.bob, "late")
    late = two.waiting()
    two.restore()
    two.world.pass_time(60)
    two.ask()
    assert two.known_devices() == [device_id(two.alice)]
    answers = two.bob.change(lambda unit: inbox.receive(unit, two.alice.peer, late))
    assert {answer.verdict for answer in answers} == {Verdict.COMMITTED}
    assert two.known_devices() == [device_id(two.alice)]
    two.bob.write(two.alice, "welcome back")
    two.heal()
    assert two.known_devices() == [device_id(two.alice)]
    assert texts(two.alice, two.bob) == ["welcome back"]
    assert texts(two.bob, two.alice) == ["late", "welcome back"]


@pytest.mark.parametrize("former_device", [True, False])
@pytest.mark.parametrize("kept_back", [600, 7200])
def test_a_request_that_comes_after_a_later_one_brings_nothing_back(*, former_device: bool, kept_back: int) -> None:
    """Whoever keeps it back could have what is meant for Alice go to where she was."""
    two = Two()
    claimed = two.bob.change(lambda unit: key_package_pool.refill(unit, 2)).single_use
    (late,) = two.ask_with(claimed[0], FORMER)
    if former_device:
        two.world.pass_time(7200)
        two.restore()
    else:
        two.world.pass_time(kept_back)
        (newer,) = two.ask_with(claimed[1], NEW)
        two.bob.change(lambda unit: inbox.receive(unit, None, [newer]))
    two.heal()
    (answer,) = two.bob.change(lambda unit: inbox.receive(unit, None, [late]))
    assert answer.verdict is Verdict.COMMITTED
    assert two.known_devices() == [device_id(two.alice)]
    assert two.known_routes() == [NEW]
    two.bob.write(two.alice, "still there?")
    two.heal()
    assert texts(two.alice, two.bob) == ["still there?"]
    two.world.check(two.bob, two.alice)


class SameEra(MlsEngine):
    """Gives each group that is joined one and the same era id, as a founder might bring about who computes for
    years."""

    def join(self, state: KeyValueArea, welcome: bytes, *, max_members: int) -> Joined:
        return replace(super().join(state, welcome, max_members=max_members), era_id=bytes(16))


def test_of_two_groups_with_one_era_id_the_second_is_refused_and_nothing_else_is_harmed() -> None:
    world = World(1, SameEra())
    alice = world.account("Alice")
    asked: list[Account] = []
    for name in ("Bob", "Carol"):
        asked.append(world.account(name))
        asked[-1].add(alice)
        for author, reader in ((asked[-1], alice), (alice, asked[-1]), (asked[-1], alice)):
            world.connect(author, reader)
            while world.deliver(author, reader) is not None:
                pass
    bob, carol = asked
    assert alice.asked_by(bob)
    assert not alice.asked_by(carol)
