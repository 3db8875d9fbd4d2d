"""What an engine refuses, and that it leaves nothing behind."""

from collections.abc import Callable

import pytest

from balchat_host.api.errors import CryptoRejected
from balchat_host.testing.crypto_kit.accounts import GROUP, CryptoAccount, CryptoKitBase, Pair


class RefusalsTests(CryptoKitBase):
    """What an engine refuses, and that it leaves nothing behind."""

    def test_what_is_refused_changes_nothing(self, account: Callable[[], CryptoAccount], pair: Pair) -> None:
        alice, bob = pair
        message = alice.encrypt(b"x")
        bob.decrypt(message)
        stranger = account()
        other = account()
        other.join(stranger.found(other, b"elsewhere"))
        elsewhere = stranger.encrypt(b"x", b"elsewhere")
        before = dict(bob.area.rows)
        for refused in (
            b"",
            b"garbage",
            message,
            message[:-1],
            elsewhere,
            alice.found(bob, b"more"),
            bob.key_package(),
        ):
            with pytest.raises(CryptoRejected):
                bob.decrypt(refused)
        for refused in (b"", b"garbage", message, stranger.found(other, b"theirs")):
            with pytest.raises(CryptoRejected):
                bob.join(refused)
        assert {key: row for key, row in bob.area.rows.items() if key in before} == before

    def test_what_is_for_another_group_is_refused_whatever_follows_its_header(self, pair: Pair) -> None:
        alice, bob = pair
        message = alice.encrypt(b"x")
        alice.found(bob, b"another")
        another = alice.encrypt(b"x", b"another")
        before = dict(bob.area.rows)
        for refused in (
            another,
            another[:-1],
            *(each + bytes(n) for each in (another, message, b"") for n in (1, 1 << 20)),
        ):
            with pytest.raises(CryptoRejected):
                bob.decrypt(refused)
        assert {key: row for key, row in bob.area.rows.items() if key in before} == before
        assert bob.read(message) == b"x"

    def test_a_group_of_more_members_than_allowed(self, account: Callable[[], CryptoAccount]) -> None:
        alice, bob, carol = account(), account(), account()
        _, welcome = alice.invite(bob, carol).welcomes
        before = dict(carol.area.rows)
        with pytest.raises(CryptoRejected):
            carol.join(welcome, max_members=2)
        assert carol.area.rows == before
        assert carol.join(welcome, max_members=3).group_id == GROUP

    def test_a_forgery_uses_up_no_key(self, pair: Pair) -> None:
        alice, bob = pair
        message = alice.encrypt(b"the real one")
        for forged in (message + b"\0", b"\0" + message, message * 2, message[1:]):
            with pytest.raises(CryptoRejected):
                bob.decrypt(forged)
        for at in range(0, len(message), 7):
            forged = bytearray(message)
            forged[at] ^= 1
            with pytest.raises(CryptoRejected):
                bob.decrypt(bytes(forged))
        assert bob.read(message) == b"the real one"
