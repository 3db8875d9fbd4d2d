"""What becomes of the area: units that are undone, and rows that are put back."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

import pytest

from balchat_host.api.crypto import CryptoEngine
from balchat_host.api.errors import BadInput, VaultRolledBack
from balchat_host.testing.crypto_kit.accounts import GROUP, NOW, CryptoAccount, CryptoKitBase, Pair, PrivateArea

T = TypeVar("T")


class DiskTests(CryptoKitBase):
    """What becomes of the area: units that are undone, and rows that are put back."""

    def test_a_transaction_that_is_rolled_back_takes_the_engine_along(self, pair: Pair) -> None:
        alice, bob = pair
        message = alice.encrypt(b"x")
        before = dict(bob.area.rows)
        bob.decrypt(message)
        bob.area.rows = dict(before)
        assert bob.read(message) == b"x"

    def test_a_group_whose_founding_is_rolled_back_was_never_there(self, account: Callable[[], CryptoAccount]) -> None:
        alice, bob, carol = account(), account(), account()
        before = [dict(each.area.rows) for each in (alice, bob)]
        bob.join(alice.found(bob))
        assert bob.members() == alice.members() == [alice.device, bob.device]
        for each, rows in zip((alice, bob), before, strict=True):
            each.area.rows = rows
            assert each.engine.groups(each.area) == []
        carol.join(alice.found(carol))
        assert carol.members() == alice.members() == [alice.device, carol.device]
        assert carol.read(alice.encrypt(b"x")) == b"x"

    def test_an_identity_that_is_rolled_back_was_never_there(self, account: Callable[[], CryptoAccount]) -> None:
        alice, bob = account(), account()
        assert bob.join(alice.found(bob)).group_id == GROUP
        before = dict(bob.area.rows)
        seed = bob.engine.identity_seed(bob.area).reveal()
        bob.engine.become_device(bob.area, b"another device..", now=NOW)
        bob.area.rows = before
        assert bob.read(alice.encrypt(b"x")) == b"x"
        assert alice.decrypt(bob.encrypt(b"y")).sender == bob.device
        assert bob.engine.identity_seed(bob.area).reveal() == seed
        bob.area.rows = {}
        with pytest.raises(BadInput):
            bob.engine.identity_seed(bob.area)
        bob.engine.create_identity(bob.area, bob.device_id, now=NOW)
        assert bob.engine.identity_seed(bob.area).reveal() != seed

    def test_everything_lies_in_the_area(self, account: Callable[[], CryptoAccount]) -> None:
        """A vault's units run on a thread of its own, and in another process after each start."""
        alice, bob = account(), account()

        def elsewhere(act: Callable[[], T]) -> T:
            """Do something on another thread, with areas that have the same rows."""
            for each in (alice, bob):
                each.area = PrivateArea(each.area.rows)
            with ThreadPoolExecutor(1) as thread:
                return thread.submit(act).result()

        package = elsewhere(bob.key_package)
        welcome = elsewhere(lambda: alice.found_with((bob.peer, package))).welcomes[0]
        assert elsewhere(lambda: bob.join(welcome)).group_id == GROUP
        for sender, reader in ((alice, bob), (bob, alice)) * 2:
            message = elsewhere(lambda sender=sender: sender.encrypt(b"x"))
            assert elsewhere(lambda reader=reader, message=message: reader.read(message)) == b"x"
        assert elsewhere(alice.members) == elsewhere(bob.members) == [alice.device, bob.device]
        assert elsewhere(lambda: bob.engine.groups(bob.area)) == [GROUP]

    @pytest.mark.parametrize("now", [1_000_000_000, 4_000_000_000])
    def test_nothing_depends_on_this_machines_clock(self, engine: CryptoEngine, now: int) -> None:
        alice, bob = (CryptoAccount(engine, made=now) for _ in range(2))
        invitation = alice.found_with((bob.peer, bob.key_package(now=now)), now=now)
        assert bob.join(invitation.welcomes[0]).group_id == GROUP
        assert bob.read(alice.encrypt(b"x")) == b"x"

    def test_a_row_put_back_is_noticed(self, pair: Pair) -> None:
        alice, bob = pair
        old = [dict(each.area.rows) for each in pair]
        first, *_ = messages = [alice.encrypt(b"%d" % number) for number in range(3)]
        for message in messages:
            bob.read(message)
        for each, before, act in (
            (alice, old[0], lambda: alice.encrypt(b"with used keys")),
            (bob, old[1], lambda: bob.read(first)),
        ):
            new = dict(each.area.rows)
            changed = [key for key in new if key in before and new[key] != before[key]]
            assert changed
            # Were they all put back, nothing within could tell.
            for key in changed if len(changed) > 1 else []:
                for rows in (new | {key: before[key]}, {kept: row for kept, row in new.items() if kept != key}):
                    each.area.rows = rows
                    with pytest.raises(VaultRolledBack):
                        act()
