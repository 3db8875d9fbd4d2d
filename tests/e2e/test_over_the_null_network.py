"""Whole accounts over the null network: what two people and a stranger see, in seconds and without tor."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from balchat_host.api.transport import Outcome
from balchat_host.api.types import PeerId
from tests.support.null_town import NullTown, befriend, call, came, identity_onion, talk

if TYPE_CHECKING:
    from tests.support.people import Person

pytestmark = pytest.mark.slow


@pytest.fixture
def friends(null_town: NullTown) -> tuple[Person, Person]:
    """Two people who are up, and contacts of each other."""
    alice, bob = null_town.person("Alice"), null_town.person("Bob")
    for person in (alice, bob):
        person.up()
        person.wait_online()
    befriend(alice, bob)
    return alice, bob


def test_two_people_meet_talk_and_talk_again_after_each_was_away(friends: tuple[Person, Person]) -> None:
    alice, bob = friends
    talk(alice, bob, "hello")
    for away, there in ((alice, bob), (bob, alice)):
        away.kill()
        waiting = there.send(away.name, f"while {away.name} was away")
        assert waiting["state"] in {"queued", "sent"}
        away.up()
        away.events.until(came(f"while {away.name} was away"))
        talk(alice, bob, f"{away.name} is back")


def test_an_onion_answers_while_its_account_is_up_and_no_longer(null_town: NullTown) -> None:
    alice = null_town.person("Alice")
    onion = identity_onion(alice)
    assert not null_town.answers(onion)
    assert onion in null_town.onions_of(alice, do=alice.up)
    alice.kill()
    assert null_town.onions() == set()
    alice.up()
    alice.wait_online()
    assert null_town.answers(onion)
    alice.down()
    assert null_town.onions() == set()


def test_what_a_stranger_sends_becomes_neither_message_nor_contact(
    null_town: NullTown, friends: tuple[Person, Person]
) -> None:
    alice, bob = friends
    onion = identity_onion(alice)
    outcome = null_town.knock(PeerId(onion.octets), onion, b"\x01" + bytes(100))
    assert outcome in {Outcome.LOST, Outcome.REFUSED, None}
    assert [contact["name"] for contact in alice.ask("contacts", "list")] == ["Bob"]
    assert alice.history("Bob") == []
    talk(alice, bob, "undisturbed")


def test_both_go_on_from_backups_and_find_each_other(null_town: NullTown, friends: tuple[Person, Person]) -> None:
    alice, bob = friends
    talk(alice, bob, "before the backups")
    again: list[Person] = []
    for person in (alice, bob):
        person.ask("backup", str(null_town.folder / f"of {person.name}"))
        person.down()
    for person in (alice, bob):
        new = null_town.person(f"New{person.name}", account=False)
        new.passphrase = person.passphrase
        new.ask("restore", str(null_town.folder / f"of {person.name}"), unlock=True)
        new.name = person.name
        again.append(new)
    for person in again:
        person.up()
        person.wait_online()
    talk(*again, "after the backups")


def test_one_goes_on_from_a_backup_while_the_other_is_away(null_town: NullTown, friends: tuple[Person, Person]) -> None:
    alice, bob = friends
    talk(alice, bob, "before the backup")
    alice.ask("backup", str(null_town.folder / "backup"))
    alice.down()
    bob.down()
    new = null_town.person("NewAlice", account=False)
    new.passphrase = alice.passphrase
    new.ask("restore", str(null_town.folder / "backup"), unlock=True)
    new.name = "Alice"
    new.up()
    waiting = new.send("Bob", "from my new machine")
    bob.up()
    bob.events.until(came("from my new machine"))
    assert waiting["text"] in [message["text"] for message in new.history("Bob")]
    talk(new, bob, "after the backup")


def test_two_who_removed_each_other_can_meet_again(friends: tuple[Person, Person]) -> None:
    alice, bob = friends
    for person, other in ((alice, bob), (bob, alice)):
        call(person, "contacts.remove", contact=other.name)
    befriend(alice, bob)
    talk(alice, bob, "again")
