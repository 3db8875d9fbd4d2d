"""The identity of an account."""

from collections.abc import Callable
from secrets import token_bytes

import pytest
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from balchat_host.api.errors import BadCredential, BadInput
from balchat_host.api.types import OnionKey, PeerId, Secret
from balchat_host.testing.audit import confide
from balchat_host.testing.crypto_kit.accounts import NOW, CryptoAccount, CryptoKitBase
from balchat_host.testing.virtual_network import onion_of


def require_signed(signer: PeerId | OnionKey, signature: bytes, message: bytes) -> None:
    """Assert that other engines can verify a signature."""
    try:
        Ed25519PublicKey.from_public_bytes(signer.octets).verify(signature, message)
    except InvalidSignature:
        pytest.fail("other engines cannot verify it: it is to be Ed25519 over domain ‖ 0x00 ‖ message")


class IdentityTests(CryptoKitBase):
    """The identity of an account."""

    def test_an_identity_is_made_once(self, account: Callable[[], CryptoAccount]) -> None:
        alice = account()
        assert alice.peer != account().peer
        alike = [CryptoAccount(alice.engine, device_id=alice.device_id) for _ in range(2)]
        assert len({each.peer for each in (alice, *alike)}) == len(alike) + 1, "it is made of what others know"
        before = dict(alice.area.rows)
        with pytest.raises(BadInput):
            alice.engine.create_identity(alice.area, alice.device_id, now=NOW)
        assert alice.area.rows == before

    def test_the_seed_stays_hidden(self, account: Callable[[], CryptoAccount]) -> None:
        alice = account()
        seed = alice.engine.identity_seed(alice.area)
        assert len(seed.reveal()) == 32  # noqa: PLR2004  # RFC 8032
        for shown in (repr(seed), repr(alice.engine)):
            assert seed.reveal().hex() not in shown
            assert repr(seed.reveal())[2:-1] not in shown

    def test_a_signature_counts_for_one_use(self, account: Callable[[], CryptoAccount]) -> None:
        alice, bob = account(), account()
        engine = alice.engine
        signature = engine.sign(alice.area, domain="one", message=b"m")
        engine.verify(alice.peer, domain="one", message=b"m", signature=signature)
        for peer, domain, message in ((bob.peer, "one", b"m"), (alice.peer, "two", b"m"), (alice.peer, "one", b"n")):
            with pytest.raises(BadCredential):
                engine.verify(peer, domain=domain, message=message, signature=signature)
        for domain in ("", "a\0b", "ä", "a\nb", "a\x7f"):
            with pytest.raises(BadInput):
                engine.sign(alice.area, domain=domain, message=b"m")

    def test_a_signature_is_over_the_whole_of_domain_and_message(self, account: Callable[[], CryptoAccount]) -> None:
        alice = account()
        engine, long = alice.engine, b"m" * 100_000
        for domain, message, others in (
            ("one", b"m", [("on", b"em"), ("One", b"m"), ("one ", b"m"), ("one", b""), ("one", b"\0m")]),
            ("one", b"", [("one", b"m"), ("on", b"e")]),
            ("one" * 20 + "a", long, [("one" * 20 + "b", long), ("one" * 20 + "a", long[:-1] + b"n")]),
        ):
            signature = engine.sign(alice.area, domain=domain, message=message)
            require_signed(alice.peer, signature, domain.encode() + b"\0" + message)
            for other, said in others:
                with pytest.raises(BadCredential):
                    engine.verify(alice.peer, domain=other, message=said, signature=signature)

    def test_what_is_no_signature_is_refused(self, account: Callable[[], CryptoAccount]) -> None:
        alice = account()
        signature = alice.engine.sign(alice.area, domain="one", message=b"m")
        no_key = PeerId(b"\xff" * 32)
        for signer, refused in (
            *((alice.peer, octets) for octets in (b"", bytes(64), signature[:-1], signature + b"\0", signature * 2)),
            (no_key, signature),
        ):
            with pytest.raises(BadCredential):
                alice.engine.verify(signer, domain="one", message=b"m", signature=refused)

    def test_each_account_of_an_engine_has_a_key_of_its_own(self, account: Callable[[], CryptoAccount]) -> None:
        for each in (account(), account()):
            assert onion_of(each.engine.identity_seed(each.area)).octets == each.peer.octets
            signature = each.engine.sign(each.area, domain="one", message=b"m")
            each.engine.verify(each.peer, domain="one", message=b"m", signature=signature)

    def test_an_onion_signs_for_one_use(self, account: Callable[[], CryptoAccount]) -> None:
        engine = account().engine
        seed, other = (Secret(token_bytes(32)) for _ in range(2))
        confide("an onion service's key", seed.reveal())
        onion = engine.onion_key(seed)
        assert onion == onion_of(seed)
        signature = engine.sign_as_onion(seed, domain="one", message=b"m")
        engine.verify(onion, domain="one", message=b"m", signature=signature)
        require_signed(onion, signature, b"one\0m")
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
