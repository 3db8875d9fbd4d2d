"""Whole accounts over the null network: what two people and a stranger see, in seconds and without tor."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

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


def test_two_onions_answer_while_an_account_is_up_and_none_after(null_town: NullTown) -> None:
    alice = null_town.person("Alice")
    identity = identity_onion(alice)
    onions = null_town.onions_of(alice, do=alice.up)
    assert identity in onions
    assert len(onions) == 2
    alice.kill()
    assert null_town.onions() == set()
    # The same ones again: contacts who were away have them in their routes.
    assert null_town.onions_of(alice, do=alice.up) == onions
    alice.down()
    assert null_town.onions() == set()


def test_a_stranger_is_let_in_at_the_identity_onion_alone(null_town: NullTown, friends: tuple[Person, Person]) -> None:
    alice, bob = friends
    peer, identity = identity_onion(alice), identity_onion(alice)
    bob.kill()
    (device,) = null_town.onions() - {identity}
    assert null_town.knock(PeerId(peer.octets), identity)
    assert not null_town.knock(PeerId(peer.octets), device)
    assert [contact["name"] for contact in alice.ask("contacts", "list")] == ["Bob"]
    bob.up()
    talk(alice, bob, "undisturbed")


def test_contacts_find_each_other_where_the_identity_onion_is_gone(
    null_town: NullTown, friends: tuple[Person, Person]
) -> None:
    alice, bob = friends
    talk(alice, bob, "hello")
    null_town.hide(identity_onion(alice))
    bob.kill()
    bob.up()
    null_town.hide(identity_onion(bob))
    talk(bob, alice, "still here")


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
