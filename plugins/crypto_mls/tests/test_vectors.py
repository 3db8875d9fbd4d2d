"""Credentials, era ids, known eras and sealed Welcomes as the test vectors have them (docs/spec)."""

import json
from pathlib import Path

import pytest
from balchat_common.x_wing import OpeningKey
from balchat_crypto_mls import known_eras, signatures
from balchat_crypto_mls.credential import Credential
from balchat_crypto_mls.sealing import SealedWelcome
from hypothesis import given
from hypothesis import strategies as st

from balchat_host.api.errors import BadCredential, CryptoRejected
from tests.support.hostile_peer import era_id

HERE = Path(__file__).parent / "vectors"
CREDENTIALS = json.loads((HERE / "credentials.json").read_text())
KNOWN = json.loads((HERE / "known-eras.json").read_text())
SEALED = json.loads((HERE / "sealed-welcomes.json").read_text())
SEED, MLS_KEY = (bytes.fromhex(CREDENTIALS[name]) for name in ("identity_seed", "signature_key"))
OPENING_KEY = OpeningKey(bytes.fromhex(SEALED["opening_key"]))
GOOD_CREDENTIAL = bytes.fromhex(CREDENTIALS["valid"][0]["credential"])
GOOD_WELCOME = bytes.fromhex(SEALED["valid"]["sealed_welcome"])


@pytest.mark.parametrize("vector", CREDENTIALS["valid"])
def test_credentials_are_written_and_read_as_the_vectors_say(vector):
    assert signatures.peer_id(SEED).octets.hex() == CREDENTIALS["peer_id"]
    device_id, octets = bytes.fromhex(vector["device_id"]), bytes.fromhex(vector["credential"])
    made = Credential.issue(SEED, device_id, MLS_KEY, not_after=vector["not_after"])
    assert made.encode() == octets
    assert Credential.decode(octets) == made
    made.check(MLS_KEY)
    assert made.device.peer.octets.hex() == CREDENTIALS["peer_id"]
    assert made.device.device_id == device_id


def name_of(vector) -> str:
    return vector["what"]


@pytest.mark.parametrize("vector", CREDENTIALS["invalid"], ids=name_of)
def test_a_wrong_credential_is_refused_for_its_own_reason(vector):
    with pytest.raises(BadCredential) as caught:
        Credential.decode(bytes.fromhex(vector["credential"])).check(MLS_KEY)
    assert caught.value.fields["problem"] == vector["problem"]


@pytest.mark.parametrize("vector", json.loads((HERE / "era-ids.json").read_text()))
def test_an_era_id_is_what_the_vector_says_and_what_a_hand_made_group_has(vector):
    """`test_hostile_octets` shows that the engine joins such a group under the same id."""
    assert era_id(bytes.fromhex(vector["exporter_secret"])).hex() == vector["era_id"]


@pytest.mark.parametrize("vector", KNOWN["valid"], ids=name_of)
def test_known_eras_are_written_and_read_as_the_vectors_say(vector):
    known, octets = tuple(map(bytes.fromhex, vector["known"])), bytes.fromhex(vector["extension"])
    assert known_eras.extension_of(known[::-1]).data == octets
    assert known_eras.decode(octets) == known


@pytest.mark.parametrize("vector", KNOWN["invalid"], ids=name_of)
def test_wrong_known_eras_are_refused_for_their_own_reason(vector):
    with pytest.raises(CryptoRejected) as caught:
        known_eras.decode(bytes.fromhex(vector["extension"]))
    assert caught.value.fields["problem"] == vector["problem"]


def test_a_sealed_welcome_is_read_as_the_vector_says():
    vector = SEALED["valid"]
    assert OPENING_KEY.sealing_key.octets.hex() == SEALED["sealing_key"]
    sealed = SealedWelcome.decode(GOOD_WELCOME)
    assert (sealed.reference.hex(), sealed.unseal(OPENING_KEY).hex()) == (vector["reference"], vector["welcome"])
    assert sealed.encode() == GOOD_WELCOME


@pytest.mark.parametrize("vector", SEALED["invalid"], ids=name_of)
def test_a_wrong_sealed_welcome_is_refused_for_its_own_reason(vector):
    with pytest.raises(CryptoRejected) as caught:
        SealedWelcome.decode(bytes.fromhex(vector["sealed_welcome"])).unseal(OPENING_KEY)
    assert caught.value.fields["problem"] == vector["problem"]


@pytest.mark.fuzz
@given(st.binary(max_size=200) | st.binary(min_size=117, max_size=117).map(lambda rest: b"\x02" + rest[1:]))
def test_octets_that_nobody_signed_are_no_credential(octets):
    with pytest.raises(BadCredential):
        Credential.decode(octets).check(MLS_KEY)


@pytest.mark.fuzz
@given(st.integers(0, len(GOOD_CREDENTIAL) - 1), st.integers(1, 255))
def test_a_credential_with_one_octet_changed_is_refused(at, change):
    changed = bytearray(GOOD_CREDENTIAL)
    changed[at] ^= change
    with pytest.raises(BadCredential):
        Credential.decode(bytes(changed)).check(MLS_KEY)


@pytest.mark.fuzz
@given(st.binary(max_size=600) | st.lists(st.binary(min_size=16, max_size=16), max_size=34).map(b"".join))
def test_known_eras_have_one_encoding(octets):
    try:
        known = known_eras.decode(octets)
    except CryptoRejected:
        return
    assert known_eras.extension_of(known).data == octets


@pytest.mark.fuzz
@given(st.binary(max_size=200) | st.integers(0, len(GOOD_WELCOME) - 1).map(lambda at: GOOD_WELCOME[:at]))
def test_octets_that_nobody_sealed_are_no_sealed_welcome(octets):
    with pytest.raises(CryptoRejected):
        SealedWelcome.decode(octets).unseal(OPENING_KEY)


@pytest.mark.fuzz
@given(st.integers(0, len(GOOD_WELCOME) - 1), st.integers(1, 255))
def test_a_sealed_welcome_with_one_octet_changed_is_refused(at, change):
    changed = bytearray(GOOD_WELCOME)
    changed[at] ^= change
    with pytest.raises(CryptoRejected):
        SealedWelcome.decode(bytes(changed)).unseal(OPENING_KEY)
