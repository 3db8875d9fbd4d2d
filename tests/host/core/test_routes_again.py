"""A contact that may have lost our routes is told them again, but not as often as it likes."""

import pytest
from balchat_crypto_mls.engine import MlsEngine

from balchat_host.api.types import Route
from balchat_host.core import contacts, routes
from balchat_host.core.unit_of_work import OfferRoutes
from tests.support.simulator import Account, World

HOUR = 3600


@pytest.fixture
def two() -> tuple[World, Account, Account]:
    """Alice and Bob, contacts; Bob has been told how to reach Alice."""
    world = World(1, MlsEngine())
    alice, bob = world.account("Alice"), world.account("Bob")
    alice.add(bob)
    world.heal(alice, bob)
    bob.accept(alice)
    world.heal(alice, bob)
    way = Route(transport="x", address=b"here", device_id=alice.device_id)
    alice.change(lambda unit: routes.offer(unit, bob.peer, [way]))
    world.heal(alice, bob)
    return world, alice, bob


def asked_to_tell(alice: Account, bob: Account) -> bool:
    """Have Bob come as if he had lost Alice's routes; return whether he is told them again."""

    def come(unit) -> bool:
        routes.offer_again(unit, bob.peer)
        return OfferRoutes(peer=bob.peer) in unit.effects

    return alice.change(come)


def test_once_an_hour(two) -> None:
    world, alice, bob = two
    assert asked_to_tell(alice, bob)
    for _ in range(10):
        assert not asked_to_tell(alice, bob)
    world.pass_time(HOUR)
    assert asked_to_tell(alice, bob)


def test_what_is_told_again_is_what_was_told_before(two) -> None:
    world, alice, bob = two
    contact = alice.read(lambda tx: contacts.by_peer(tx, bob.peer))
    before = alice.read(lambda tx: routes.last_offer(tx, contact))
    asked_to_tell(alice, bob)
    assert alice.read(lambda tx: routes.last_offer(tx, contact)) is None
    way = Route(transport="x", address=b"here", device_id=alice.device_id)
    alice.change(lambda unit: routes.offer(unit, bob.peer, [way]))
    assert alice.read(lambda tx: routes.last_offer(tx, contact)) == before
    assert world.heal(alice, bob) is None
    assert bob.read(lambda tx: routes.known(tx, alice.peer, now=0)) == [way]


def test_nobody_is_told_who_is_blocked_or_no_contact(two) -> None:
    world, alice, bob = two
    stranger = world.account("Carol")
    assert not asked_to_tell(alice, stranger)
    alice.change(lambda unit: contacts.block(unit, "Bob"))
    assert not asked_to_tell(alice, bob)
