"""What becomes of the area: units that are undone, and rows that are put back."""

from collections.abc import Callable

import pytest

from balchat_host.api.errors import VaultRolledBack
from balchat_host.testing.crypto_kit.accounts import CryptoAccount, CryptoKitBase, Pair


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

    def test_a_row_put_back_is_noticed(self, pair: Pair) -> None:
        alice, bob = pair
        old = dict(alice.area.rows)
        for number in range(3):
            bob.read(alice.encrypt(b"%d" % number))
        new = dict(alice.area.rows)
        changed = [key for key in new if key in old and new[key] != old[key]]
        assert changed
        for key in changed:
            # Were they all put back, nothing within could tell.
            if len(changed) > 1:
                alice.area.rows = new | {key: old[key]}
                with pytest.raises(VaultRolledBack):
                    alice.encrypt(b"with used keys")
