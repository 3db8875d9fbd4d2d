"""The identity of an account."""

from collections.abc import Callable
from secrets import token_bytes

import pytest

from balchat_host.api.errors import BadCredential, BadInput
from balchat_host.api.types import Secret
from balchat_host.testing.crypto_kit.accounts import NOW, CryptoAccount, CryptoKitBase
from balchat_host.testing.virtual_network import onion_of


class IdentityTests(CryptoKitBase):
    """The identity of an account."""

    def test_an_identity_is_made_once(self, account: Callable[[], CryptoAccount]) -> None:
        alice = account()
        assert alice.peer != account().peer
        with pytest.raises(BadInput):
            alice.engine.create_identity(alice.area, alice.device_id, now=NOW)

    def test_the_seed_stays_hidden(self, account: Callable[[], CryptoAccount]) -> None:
        alice = account()
        seed = alice.engine.identity_seed(alice.area)
        assert len(seed.reveal()) == 32  # noqa: PLR2004  # RFC 8032
        assert seed.reveal().hex() not in repr(seed)

    def test_a_signature_counts_for_one_use(self, account: Callable[[], CryptoAccount]) -> None:
        alice, bob = account(), account()
        engine = alice.engine
        signature = engine.sign(alice.area, domain="one", message=b"m")
        engine.verify(alice.peer, domain="one", message=b"m", signature=signature)
        for peer, domain, message in ((bob.peer, "one", b"m"), (alice.peer, "two", b"m"), (alice.peer, "one", b"n")):
            with pytest.raises(BadCredential):
                engine.verify(peer, domain=domain, message=message, signature=signature)
        for domain in ("", "a\0b", "ä"):
            with pytest.raises(BadInput):
                engine.sign(alice.area, domain=domain, message=b"m")

    def test_each_account_of_an_engine_has_a_key_of_its_own(self, account: Callable[[], CryptoAccount]) -> None:
        for each in (account(), account()):
            assert onion_of(each.engine.identity_seed(each.area)).octets == each.peer.octets
            signature = each.engine.sign(each.area, domain="one", message=b"m")
            each.engine.verify(each.peer, domain="one", message=b"m", signature=signature)

    def test_an_onion_signs_for_one_use(self, account: Callable[[], CryptoAccount]) -> None:
        engine = account().engine
        seed, other = (Secret(token_bytes(32)) for _ in range(2))
        onion = engine.onion_key(seed)
        assert onion == onion_of(seed)
        signature = engine.sign_as_onion(seed, domain="one", message=b"m")
        engine.verify(onion, domain="one", message=b"m", signature=signature)
        for signer, domain, message in (
            (engine.onion_key(other), "one", b"m"),
            (onion, "two", b"m"),
            (onion, "one", b"n"),
        ):
            with pytest.raises(BadCredential):
                engine.verify(signer, domain=domain, message=message, signature=signature)
        for domain in ("", "a\0b", "ä"):
            with pytest.raises(BadInput):
                engine.sign_as_onion(seed, domain=domain, message=b"m")
