"""Key packages, and the Welcomes that answer them."""

from collections.abc import Callable

import pytest

from balchat_host.api.errors import BadCredential, CryptoRejected
from balchat_host.testing.crypto_kit.accounts import GROUP, HOUR, NOW, CryptoAccount, CryptoKitBase, Pair


class WelcomesTests(CryptoKitBase):
    """Key packages, and the Welcomes that answer them."""

    def test_a_welcome_counts_once(self, account: Callable[[], CryptoAccount]) -> None:
        alice, bob = account(), account()
        welcome = alice.found(bob)
        bob.join(welcome)
        with pytest.raises(CryptoRejected):
            bob.join(welcome)
        bob.engine.delete_group(bob.area, GROUP)
        with pytest.raises(CryptoRejected):
            bob.join(welcome)

    def test_a_welcome_is_opened_by_the_key_package_that_it_names_and_by_no_other(
        self, account: Callable[[], CryptoAccount]
    ) -> None:
        alice, bob, carol = account(), account(), account()
        invitation = alice.invite(bob, carol)
        before = [dict(each.area.rows) for each in (bob, carol)]
        for welcome in (invitation.welcomes[1], invitation.welcomes[0][:-1], invitation.welcomes[0] + b"\0"):
            with pytest.raises(CryptoRejected):
                bob.join(welcome)
        forged = bytearray(invitation.welcomes[0])
        for at in range(0, len(forged), 41):
            forged[at] ^= 1
            with pytest.raises(CryptoRejected):
                bob.join(bytes(forged))
            forged[at] ^= 1
        assert [dict(each.area.rows) for each in (bob, carol)] == before
        assert bob.join(bytes(forged)).group_id == GROUP

    def test_a_welcome_to_a_group_that_is_here(self, account: Callable[[], CryptoAccount], pair: Pair) -> None:
        alice, bob = pair
        welcome = account().found(bob)
        with pytest.raises(CryptoRejected):
            bob.join(welcome)
        assert bob.read(alice.encrypt(b"x")) == b"x"

    def test_a_key_package_of_last_resort_answers_any_number_of_times(
        self, account: Callable[[], CryptoAccount]
    ) -> None:
        bob = account()
        package = bob.engine.key_package(bob.area, lifetime=HOUR, now=NOW, last_resort=True)
        for number in range(3):
            stranger, group_id = account(), bytes([number]) * 16
            invitation = stranger.found_with((bob.peer, package), group_id=group_id)
            assert bob.join(invitation.welcomes[0]).group_id == group_id
        bob.engine.forget_key_package(bob.area, package)
        stranger = account()
        invitation = stranger.found_with((bob.peer, package))
        with pytest.raises(CryptoRejected):
            bob.join(invitation.welcomes[0])

    def test_an_invitation_says_until_when_all_can_use_it(self, account: Callable[[], CryptoAccount]) -> None:
        alice, bob, carol = account(), account(), account()
        packages = [(bob.peer, bob.key_package(lifetime=2 * HOUR)), (carol.peer, carol.key_package(lifetime=HOUR))]
        assert alice.found_with(*packages).not_after == NOW + HOUR

    def test_a_forgotten_key_package(self, account: Callable[[], CryptoAccount]) -> None:
        alice, bob = account(), account()
        package = bob.key_package()
        bob.engine.forget_key_package(bob.area, package)
        invitation = alice.found_with((bob.peer, package))
        with pytest.raises(CryptoRejected):
            bob.join(invitation.welcomes[0])

    def test_a_key_package_that_is_not_right(self, account: Callable[[], CryptoAccount]) -> None:
        alice, carol, mallory = account(), account(), account()
        before = dict(alice.area.rows)
        with pytest.raises(BadCredential):
            alice.found_with((carol.peer, mallory.key_package()))
        with pytest.raises(CryptoRejected):
            alice.found_with((carol.peer, b"garbage"))
        with pytest.raises(CryptoRejected):
            alice.found_with((carol.peer, carol.key_package()), now=NOW + 2 * HOUR)
        assert alice.area.rows == before
