"""What waits for a contact who uses another era is encrypted again in portions, and still comes in order."""

import pytest
from balchat_crypto_mls.engine import MlsEngine

from balchat_host.core import contacts
from balchat_host.core.delivery import outgoing, queue
from balchat_host.core.eras import keeping
from balchat_host.core.unit_of_work import EncryptWaiting, UnitOfWork
from balchat_host.testing.waiting import until_true
from tests.support.simulator import Account, World

WRITTEN = 3 * queue.PORTION


def moved() -> tuple[World, Account, Account]:
    """Return Alice and Bob, who has asked again with another era while much waited for him."""
    world = World(1, MlsEngine())
    alice, bob = world.account("Alice"), world.account("Bob")
    alice.add(bob)
    world.heal(alice, bob)
    bob.accept(alice)
    world.heal(alice, bob)
    for number in range(WRITTEN):
        alice.write(bob, f"{number}")
    move(world, alice, bob)
    return world, alice, bob


def move(world: World, alice: Account, bob: Account) -> None:
    """Have Bob, who has lost what he had, ask with another era."""
    bob.remove(alice)
    bob.add(alice)
    for _ in range(2):
        world.connect(bob, alice)
        world.deliver(bob, alice)
    world.connect(alice, bob)
    while world.deliver(alice, bob) is not None:
        pass
    world.connect(bob, alice)  # hearing from Bob in the newer era, Alice moves
    world.deliver(bob, alice)


def unencrypted(tx) -> int:
    return tx.query("SELECT count(*) FROM payload WHERE ciphertext IS NULL")[0][0]


def more(account: Account, other: Account) -> bool:
    """Encrypt another portion; say whether there is yet another."""

    def encrypt(unit: UnitOfWork) -> bool:
        conversation = contacts.find(unit.tx, other.name).conversation.id
        queue.encrypt_more(unit, conversation)
        return EncryptWaiting(conversation=conversation) in unit.effects

    return account.change(encrypt)


def sends_in(account: Account, other: Account) -> bytes:
    era = account.read(lambda tx: keeping.sending(tx, contacts.find(tx, other.name).conversation))
    assert era is not None
    return era.mls_group_id


def test_one_unit_encrypts_no_more_than_a_portion() -> None:
    _, alice, bob = moved()
    left = alice.read(unencrypted)
    assert left >= WRITTEN - queue.PORTION
    assert more(alice, bob)
    assert alice.read(unencrypted) == left - queue.PORTION
    assert not more(alice, bob)
    assert alice.read(unencrypted) == 0


def test_who_moves_again_before_all_is_encrypted_gets_it_in_order() -> None:
    world, alice, bob = moved()
    move(world, alice, bob)
    world.heal(alice, bob)
    world.check(alice, bob)
    while more(alice, bob):
        world.heal(alice, bob)
    world.heal(alice, bob)
    world.check(alice, bob)


def test_what_is_written_meanwhile_overtakes_nothing() -> None:
    world, alice, bob = moved()
    for number in range(WRITTEN, WRITTEN + 3):
        alice.write(bob, f"{number}")
    world.connect(alice, bob)
    while world.deliver(alice, bob) is not None:
        pass
    while more(alice, bob):
        alice.write(bob, "still later")
    world.heal(alice, bob)
    world.check(alice, bob)
    assert sends_in(alice, bob) == sends_in(bob, alice)
    assert alice.read(outgoing.view).waiting == 0


def test_what_is_left_by_a_kill_is_encrypted_later() -> None:
    world, alice, bob = moved()
    assert alice.read(unencrypted) > 0
    world.heal(alice, bob)
    world.check(alice, bob)


@pytest.mark.anyio
async def test_an_account_encrypts_all_that_was_written_before_anybody_said_yes(people) -> None:
    async with people:
        alice, bob = await people.start("Alice"), await people.start("Bob")
        await alice.app.contacts.add(bob.code, "Bob")
        for number in range(WRITTEN):
            await alice.app.messages.send("Bob", f"{number}")
        await until_true(bob.app, bob.app.requests.list, patience=24 * 3600)
        await bob.app.requests.accept("Alice")

        async def has_all() -> bool:
            return len(await bob.app.messages.history("Alice", limit=1000)) == WRITTEN

        await until_true(bob.app, has_all, patience=24 * 3600)
        texts = [message.text for message in await bob.app.messages.history("Alice", limit=1000)]
        assert texts == [f"{number}" for number in range(WRITTEN)]
