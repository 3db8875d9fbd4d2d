"""Devices: each account has one, with an id of its own; another one takes its place."""

from __future__ import annotations

import pytest
from balchat_crypto_mls.engine import MlsEngine

from balchat_host.api.types import DEVICE_ID_SIZE
from balchat_host.core import account, after_restore, peers
from tests.support.simulator import Account, World

OTHER = b"2" * DEVICE_ID_SIZE


@pytest.fixture
def world() -> World:
    return World(1, MlsEngine())


def device_id(who: Account) -> bytes:
    return who.read(account.load).device_id


def devices(who: Account, number: int) -> list[object]:
    return [row[0] for row in who.read(lambda tx: tx.query("SELECT device_id FROM device WHERE peer = ?", (number,)))]


def test_each_account_is_a_device_of_its_own(world: World) -> None:
    alice, bob = world.account("Alice"), world.account("Bob")
    assert len(device_id(alice)) == DEVICE_ID_SIZE
    assert device_id(alice) != device_id(bob)
    assert devices(alice, alice.read(account.load).number) == [device_id(alice)]


def test_who_goes_on_from_a_backup_is_another_device(world: World) -> None:
    alice = world.account("Alice")
    before = device_id(alice)
    alice.change(lambda unit: after_restore.mark(unit.tx, now=unit.now))
    assert device_id(alice) == before
    alice.change(after_restore.resume)
    assert device_id(alice) != before
    assert devices(alice, alice.read(account.load).number) == [device_id(alice)]


def test_what_waits_for_a_device_goes_to_the_one_that_takes_its_place(world: World) -> None:
    alice, bob = world.account("Alice"), world.account("Bob")
    alice.add(bob)
    world.heal(alice, bob)
    bob.accept(alice)
    world.heal(alice, bob)
    alice.write(bob, "wherever you are")
    number = alice.change(lambda unit: peers.know(unit, bob.peer))
    device = alice.change(lambda unit: peers.know_device(unit, number, OTHER))
    assert alice.change(lambda unit: peers.know_device(unit, number, OTHER)) == device
    assert alice.read(lambda tx: peers.device(tx, number)) == device
    assert devices(alice, number) == [OTHER]
    assert alice.read(lambda tx: tx.query("SELECT device FROM delivery")) == [(device,)]
