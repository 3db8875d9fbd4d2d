"""Key packages, and the Welcomes that answer them."""

from collections.abc import Callable
from typing import Final

import pytest

from balchat_host.api.errors import BadCredential, CryptoRejected, UnsupportedMls
from balchat_host.testing.crypto_kit.accounts import DAY, GROUP, HOUR, NOW, CryptoAccount, CryptoKitBase, Pair
from balchat_host.testing.crypto_kit.forging import bound_until, forged, keys_of

_LONGEST_DAYS: Final = 401
"""Days that a credential of others may still be valid for."""


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
        bob.engine.delete_group(bob.area, GROUP)
        assert bob.join(welcome).group_id == GROUP, "a Welcome that is refused uses nothing up"

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
        package, kept = bob.key_package(), bob.key_package()
        for _ in range(2):
            bob.engine.forget_key_package(bob.area, package)
        invitation = alice.found_with((bob.peer, package))
        with pytest.raises(CryptoRejected):
            bob.join(invitation.welcomes[0])
        assert bob.join(alice.found_with((bob.peer, kept), group_id=b"kept").welcomes[0]).group_id == b"kept"

    def test_a_key_package_tells_nobodys_clock(self, account: Callable[[], CryptoAccount]) -> None:
        alice, bob = account(), account()
        now = NOW + 1234
        for lifetime, unit in ((HOUR, HOUR), (10 * DAY, DAY)):
            package = bob.key_package(lifetime=lifetime, now=now)
            for at in (now, now + lifetime):
                assert at.to_bytes(8) not in package
            not_after = alice.found_with((bob.peer, package), group_id=b"%d" % lifetime, now=now).not_after
            assert not_after % unit == 0
            early = now + lifetime - not_after
            assert 0 <= early < DAY if unit == DAY else -HOUR < early <= 0

    def test_a_key_package_stays_until_it_is_used(self, account: Callable[[], CryptoAccount]) -> None:
        """Its Welcome may be on its way for longer than others are to use it."""
        alice, bob = account(), account()
        package = bob.key_package()
        welcome = alice.found_with((bob.peer, package)).welcomes[0]
        for now in (NOW + DAY, NOW - DAY):  # a clock may be set back
            bob.key_package(now=now)
        assert bob.join(welcome).group_id == GROUP

    def test_a_key_package_that_was_used_leaves_nothing_behind(self, account: Callable[[], CryptoAccount]) -> None:
        alice, bob = account(), account()
        before = set(bob.area.rows)
        package = bob.key_package()
        keys = [value for key, value in bob.area.rows.items() if key not in before and value]
        bob.join(alice.found_with((bob.peer, package)).welcomes[0])
        kept = list(bob.area.rows.values())
        assert not any(key in value for key in keys for value in kept), "its private half is to be deleted"

    def test_a_key_package_that_is_not_right(self, account: Callable[[], CryptoAccount]) -> None:
        alice, carol, mallory = account(), account(), account()
        before = dict(alice.area.rows)
        with pytest.raises(BadCredential):
            alice.found_with((carol.peer, mallory.key_package()))
        with pytest.raises(CryptoRejected):
            alice.found_with((carol.peer, b"garbage"))
        with pytest.raises(CryptoRejected):
            alice.found_with((carol.peer, carol.key_package()), now=NOW + 2 * HOUR)
        package = carol.key_package()
        for malformed in (b"", package + b"\0", package[:-1], package * 2):
            with pytest.raises(CryptoRejected):
                alice.found_with((carol.peer, malformed))
        for at in (slice(4, 6), slice(6, 8)):  # the version, and the cipher suite
            other = bytearray(package)
            other[at] = b"\x7f\x7f"
            with pytest.raises(UnsupportedMls):
                alice.found_with((carol.peer, bytes(other)))
        assert alice.area.rows == before

    def test_a_key_that_the_identity_has_not_bound_is_refused(self, account: Callable[[], CryptoAccount]) -> None:
        """Whoever has seen a credential could put it beside a key of their own."""
        alice, bob = account(), account()
        before = dict(alice.area.rows)
        with pytest.raises(BadCredential):
            alice.found_with((bob.peer, forged(bob.key_package())))
        with pytest.raises(BadCredential):
            alice.found_with((alice.peer, forged(alice.sibling().key_package())))
        assert alice.area.rows == before

    def test_a_credential_is_good_for_its_time(self, account: Callable[[], CryptoAccount]) -> None:
        alice, bob = account(), account()
        package = bob.key_package()
        for days in (-1, _LONGEST_DAYS + 1):
            with pytest.raises(BadCredential):
                alice.found_with((bob.peer, forged(package, bound_until(bob, NOW + days * DAY))))
        for days in (0, _LONGEST_DAYS):
            invitation = alice.found_with(
                (bob.peer, forged(package, bound_until(bob, NOW + days * DAY))), group_id=b"%d" % days
            )
            assert len(invitation.welcomes) == 1

    def test_a_credential_is_renewed_in_time(self, account: Callable[[], CryptoAccount]) -> None:
        alice, bob = account(), account()
        for years in range(1, 4):
            now = NOW + years * _LONGEST_DAYS * DAY
            invitation = alice.found_with((bob.peer, bob.key_package(now=now)), group_id=b"%d" % years, now=now)
            assert bob.join(invitation.welcomes[0]).founder == alice.device

    def test_each_key_package_has_keys_of_its_own(self, account: Callable[[], CryptoAccount]) -> None:
        bob = account()
        packages = [bob.key_package(), bob.engine.key_package(bob.area, lifetime=HOUR, now=NOW, last_resort=True)]
        packages += [bob.key_package(), bob.sibling().key_package()]
        keys = [key for package in packages for key in keys_of(package)]
        assert len(set(keys)) == len(keys), "who learns the key of one could open what answers another"
