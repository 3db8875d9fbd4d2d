"""What waits for a contact who uses another group is encrypted again in portions, and still comes in order."""

import pytest
from balchat_crypto_mls.engine import MlsEngine

from balchat_host.core import contacts, groups, outbox, requeue
from balchat_host.core.unit_of_work import EncryptWaiting, UnitOfWork
from balchat_host.testing.waiting import until_true
from tests.support.simulator import Account, World

WRITTEN = 3 * requeue.PORTION


def moved() -> tuple[World, Account, Account]:
    """Give Alice and Bob, who has asked again with another group while much waited for him."""
    world = World(1, MlsEngine())
    alice, bob = world.account("Alice"), world.account("Bob")
    alice.add(bob)
    world.heal(alice, bob)
    bob.accept(alice)
    world.heal(alice, bob)
    for number in range(WRITTEN):
        alice.write(bob, f"{number}")
    bob.remove(alice)
    bob.add(alice)
    for _ in range(2):
        world.connect(bob, alice)
        world.deliver(bob, alice)
    world.connect(alice, bob)
    while world.deliver(alice, bob) is not None:
        pass
    world.connect(bob, alice)  # hearing from Bob in the newer group, Alice moves
    world.deliver(bob, alice)
    return world, alice, bob


def unencrypted(tx) -> int:
    return tx.query("SELECT count(*) FROM outbox WHERE envelope IS NULL")[0][0]


def more(account: Account, other: Account) -> bool:
    """Encrypt another portion; say whether there is yet another."""

    def encrypt(unit: UnitOfWork) -> bool:
        requeue.encrypt_more(unit, other.peer)
        return EncryptWaiting(peer=other.peer) in unit.effects

    return account.change(encrypt)


def test_one_unit_encrypts_no_more_than_a_portion() -> None:
    _, alice, bob = moved()
    left = alice.read(unencrypted)
    assert left >= WRITTEN - requeue.PORTION
    assert more(alice, bob)
    assert alice.read(unencrypted) == left - requeue.PORTION
    assert not more(alice, bob)
    assert alice.read(unencrypted) == 0


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
    newest = alice.read(lambda tx: groups.sending_group(tx, contacts.find(tx, "Bob")))
    assert newest == bob.read(lambda tx: groups.sending_group(tx, contacts.find(tx, "Alice")))
    assert alice.read(outbox.view).waiting == 0


def test_what_is_left_by_a_kill_is_encrypted_later() -> None:
    world, alice, bob = moved()
    assert alice.read(unencrypted) > 0
    world.heal(alice, bob)
    world.check(alice, bob)


@pytest.mark.anyio
async def test_an_account_encrypts_all_that_was_written_before_anybody_said_yes(people) -> None:
    async with people:
        alice, bob = await people.start("Alice"), await people.start("Bob")
        await alice.app.add_contact(bob.code, "Bob")
        for number in range(WRITTEN):
            await alice.app.send("Bob", f"{number}")
        await until_true(bob.app, bob.app.requests, patience=24 * 3600)
        await bob.app.accept_request("Alice")

        async def has_all() -> bool:
            return len(await bob.app.history("Alice", limit=1000)) == WRITTEN

        await until_true(bob.app, has_all, patience=24 * 3600)
        texts = [message.text for message in await bob.app.history("Alice", limit=1000)]
        assert texts == [f"{number}" for number in range(WRITTEN)]
