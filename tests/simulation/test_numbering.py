"""The numbers of what we write: each once in its series, which goes on over eras and ends with the device."""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

import pytest
from balchat_crypto_mls.engine import MlsEngine

from balchat_host.core.content import Sequence
from tests.support.simulator import Account, World

if TYPE_CHECKING:
    from balchat_host.api.storage import ReadTransaction


@pytest.fixture
def world() -> World:
    return World(1, MlsEngine())


def friends(world: World) -> tuple[Account, Account]:
    alice, bob = world.account("Alice"), world.account("Bob")
    alice.add(bob)
    world.heal(alice, bob)
    bob.accept(alice)
    world.heal(alice, bob)
    return alice, bob


def numbers(reader: Account, author: Account) -> list[Sequence]:
    """Return the numbers of what came of an author, in the order in which it came."""

    def look(tx: ReadTransaction) -> list[Sequence]:
        found = tx.query(
            "SELECT series, sequence FROM message JOIN peer ON peer.id = author WHERE account_key = ? ORDER BY seq",
            (author.peer.octets,),
        )
        return [Sequence(series=cast("bytes", series), number=cast("int", number)) for series, number in found]

    return reader.read(look)


def test_what_was_written_before_they_accept_and_after_is_one_series(world: World) -> None:
    alice, bob = world.account("Alice"), world.account("Bob")
    alice.add(bob)
    alice.write(bob, "before there is any era")
    world.heal(alice, bob)
    alice.write(bob, "before anybody accepts")
    bob.accept(alice)
    world.heal(alice, bob)
    alice.write(bob, "after")
    world.heal(alice, bob)
    came = numbers(bob, alice)
    assert [each.number for each in came] == [1, 2, 3]
    assert len({each.series for each in came}) == 1
    assert len(came[0].series) == 8


def test_another_era_changes_no_series(world: World) -> None:
    alice, bob = friends(world)
    alice.write(bob, "in the first era")
    world.heal(alice, bob)
    bob.remove(alice)
    bob.add(alice)
    world.heal(alice, bob)
    alice.write(bob, "in the second")
    world.heal(alice, bob)
    assert [each.number for each in numbers(alice, alice)] == [1, 2]
    assert len({each.series for each in numbers(alice, alice)}) == 1


def test_a_number_is_given_out_once_whatever_becomes_of_the_messages(world: World) -> None:
    alice, bob = friends(world)
    alice.write(bob, "one")
    alice.write(bob, "two")
    alice.change(lambda unit: unit.tx.execute("DELETE FROM message"))
    alice.write(bob, "three")
    assert [each.number for each in numbers(alice, alice)] == [3]


def test_each_conversation_has_a_series_of_its_own(world: World) -> None:
    alice, bob = friends(world)
    carol = world.account("Carol")
    alice.add(carol)
    alice.write(bob, "to Bob")
    alice.write(carol, "to Carol")
    written = numbers(alice, alice)
    assert [each.number for each in written] == [1, 1]
    assert written[0].series != written[1].series


def test_who_goes_on_from_a_backup_begins_another_series(world: World) -> None:
    alice, bob = friends(world)
    alice.write(bob, "before the backup")
    backup = alice.back_up()
    alice.write(bob, "which the backup does not know")
    world.heal(alice, bob)
    alice.restore(backup)
    world.heal(alice, bob)
    alice.write(bob, "after it")
    world.heal(alice, bob)
    first, second, third = numbers(bob, alice)
    assert (first.number, second.number, third.number) == (1, 2, 1)
    assert first.series == second.series != third.series
    assert [message.missing_before for message in bob.history(alice)] == [0, 0, 0]
