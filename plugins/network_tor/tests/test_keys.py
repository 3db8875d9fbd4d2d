"""An Ed25519 seed becomes what tor takes. The vector is test 1 of RFC 8032, section 7.1."""

from base64 import b64decode

from balchat_network_tor.keys import expanded_key, onion_of

from balchat_host.api.types import Secret

SEED = Secret(bytes.fromhex("9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60"))
PUBLIC = bytes.fromhex("d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a")
SCALAR = bytes.fromhex("307c83864f2833cb427a2ef1c00a013cfdff2768d980c0a3a520f006904de94f")


def test_the_expanded_key_is_that_of_rfc_8032() -> None:
    blob = b64decode(expanded_key(SEED).reveal())
    assert len(blob) == 64
    assert blob[:32] == SCALAR


def test_the_public_half_is_that_of_rfc_8032() -> None:
    assert onion_of(SEED).octets == PUBLIC


def test_a_key_is_not_shown() -> None:
    assert repr(expanded_key(SEED)) == "Secret(…)"
