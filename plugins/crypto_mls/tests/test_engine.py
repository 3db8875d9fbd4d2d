"""What the engine does beyond the contract's kit: credentials, retention, limits, rows put back."""

import dataclasses
from typing import Any

import pytest
from balchat_common.x_wing import OpeningKey
from balchat_crypto_mls import known_eras, signatures
from balchat_crypto_mls.credential import CREDENTIAL_TYPE, MAX_LIFETIME, Credential
from balchat_crypto_mls.keyring import Keyring
from balchat_crypto_mls.plugin import balchat_crypto_engines
from balchat_crypto_mls.sealing import EXTENSION_TYPE
from mls_rs_py import (
    BasicCredential,
    Client,
    CommitOptions,
    CustomCredential,
    Extension,
    Group,
    InMemoryGroupStateStorage,
    InMemoryKeyPackageStorage,
    KeyPackage,
    Limits,
    SignatureKeyPair,
    WelcomeHeader,
)

from balchat_host.api.errors import BadCredential, BadInput, CryptoRejected, VaultRolledBack
from balchat_host.api.types import DeviceIdentity, PeerId
from balchat_host.testing.crypto_kit import NOW
from tests.support.commits import load
from tests.support.hostile_peer import seal_welcome

DAY = 24 * 3600


def impostor(credential, pair: SignatureKeyPair, **options) -> Client:
    """A client of mls-rs that does not play by balchat's rules."""
    return Client(
        credential,
        pair,
        identity_provider=AnyIdentity(),
        group_state_storage=InMemoryGroupStateStorage(),
        key_package_storage=InMemoryKeyPackageStorage(),
        **{"extension_types": [EXTENSION_TYPE, known_eras.EXTENSION_TYPE], "clock": lambda: NOW} | options,
    )


class AnyIdentity:
    """Accepts everybody."""

    def validate_member(self, signing_identity, timestamp, context):
        pass

    def validate_external_sender(self, signing_identity, timestamp):
        pass

    def identity(self, signing_identity):
        return getattr(signing_identity.credential, "data", b"basic")

    def valid_successor(self, predecessor, successor):
        return True

    def supported_types(self):
        return [1, CREDENTIAL_TYPE]


def credential(alice, pair: SignatureKeyPair, days: int, **changes) -> CustomCredential:
    """A credential that is valid for so many days more."""
    seed = alice.identity_seed().reveal()
    made = Credential.issue(seed, alice.device.device_id, pair.public_key, not_after=NOW // DAY + days)
    return CustomCredential(CREDENTIAL_TYPE, dataclasses.replace(made, **changes).encode())


def package_of(client: Client) -> KeyPackage:
    """A key package as ours are, of a client of the binding."""
    key = OpeningKey.generate().sealing_key
    return client.generate_key_package(extensions=[Extension(EXTENSION_TYPE, key.octets)])


def trap(client: Client, theirs: bytes, group_id: bytes = b"trap") -> tuple[Group, bytes]:
    """A group of a client of the binding with the owner of a key package, and the Welcome."""
    group = client.create_group(group_id, extensions=[known_eras.extension_of(())])
    made = group.commit(add=[KeyPackage.from_bytes(theirs)])
    group.apply_pending_commit()
    return group, seal_welcome(made.welcomes[0], theirs)


def test_expired_key_packages_go_by_themselves(account, now):
    alice = account()
    alice.key_package(lifetime=3600, now=now)
    rows = len(alice.area.rows)
    alice.key_package(lifetime=3600, now=now + 40 * DAY)
    assert len(alice.area.rows) == rows


def test_what_expires_is_found_without_looking_at_the_others(account, now):
    """Each is found by when it expires, and leaves nothing there when it is used or forgotten."""
    alice, bob = account(), account()
    rows = sorted(alice.area.rows)
    packages = [alice.key_package(lifetime=days * DAY, now=now) for days in (1, 2, 30, 60)]
    alice.forget_key_package(packages[1])
    (welcome,) = bob.found(b"group", [(alice.peer, packages[2])], now=now).welcomes
    alice.join(welcome, max_members=2)
    alice.delete_group(b"group")
    alice.area.read.clear()
    late = alice.key_package(lifetime=DAY, now=now + 40 * DAY)
    assert {key[:1] for key in alice.area.read} <= {b"a", b"x"}, "no other key package is read"
    for package in (packages[3], late):
        alice.forget_key_package(package)
    assert sorted(alice.area.rows) == rows


def test_key_packages_that_are_expired_or_live_too_long(account, now):
    alice, carol = account(), account()
    key_package = carol.key_package(lifetime=3600, now=now)
    with pytest.raises(CryptoRejected):
        alice.found(b"group", [(carol.peer, key_package)], now=now + 3601)
    with pytest.raises(BadInput):
        carol.key_package(lifetime=91 * DAY, now=now)
    keys = SignatureKeyPair.generate()
    client = impostor(credential(carol, keys, 1), keys, limits=Limits(max_key_package_lifetime=10**9))
    eternal = client.generate_key_package(lifetime=10**8).to_bytes()
    with pytest.raises(CryptoRejected):
        alice.found(b"group", [(carol.peer, eternal)], now=now)


BAD_CREDENTIALS = {
    "another kind": lambda carol, keys: BasicCredential(carol.peer.octets),
    "another key": lambda carol, keys: credential(carol, SignatureKeyPair.generate(), 1),
    "another date": lambda carol, keys: credential(carol, keys, 1, not_after=NOW // DAY + 2),
    "another device": lambda carol, keys: credential(
        carol, keys, 1, device=DeviceIdentity(peer=carol.peer, device_id=b"not that device.")
    ),
    "another account": lambda carol, keys: credential(
        carol, keys, 1, device=DeviceIdentity(peer=PeerId(bytes(32)), device_id=carol.device.device_id)
    ),
    "no signature": lambda carol, keys: credential(carol, keys, 1, signature=bytes(64)),
    "expired": lambda carol, keys: credential(carol, keys, -1),
    "valid too long": lambda carol, keys: credential(carol, keys, 402),
}

OUT_OF_DATE = {"expired", "valid too long"}


@pytest.mark.parametrize("problem", BAD_CREDENTIALS)
def test_a_credential_that_is_not_bound_gets_nowhere(account, now, problem):
    alice, carol, keys = account(), account(), SignatureKeyPair.generate()
    false = impostor(BAD_CREDENTIALS[problem](carol, keys), keys)
    # As one to be added.
    before = dict(alice.area.rows)
    with pytest.raises(BadCredential):
        alice.found(b"group", [(carol.peer, package_of(false).to_bytes())], now=now)
    assert alice.area.rows == before
    # As one who adds us; a credential of another kind cannot even be in one group with ours.
    if problem == "another kind":
        return
    _, welcome = trap(false, alice.key_package(lifetime=3600, now=now))
    if problem in OUT_OF_DATE:
        # What others have let in depends on nobody's clock.
        assert alice.join(welcome, max_members=3).group_id == b"trap"
        return
    before = dict(alice.area.rows)
    with pytest.raises(BadCredential):
        alice.join(welcome, max_members=3)
    assert alice.area.rows == before


@pytest.mark.parametrize("days", [0, 401])
def test_a_credential_that_is_barely_in_time_is_good_enough_to_be_added(account, now, days):
    alice, carol, keys = account(), account(), SignatureKeyPair.generate()
    package = package_of(impostor(credential(carol, keys, days), keys)).to_bytes()
    alice.found(b"group", [(carol.peer, package)], now=now)
    assert list(alice.members(b"group")) == [alice.device, carol.device]


@pytest.mark.parametrize("devices", [1, 8, 9])
def test_a_group_that_was_joined_has_at_most_eight_devices_of_an_account(account, now, devices):
    alice, carol = account(), account()
    keys = [SignatureKeyPair.generate() for _ in range(devices)]
    seed = carol.identity_seed().reveal()
    issued = [
        Credential.issue(seed, number.to_bytes(16), pair.public_key, not_after=NOW // DAY)
        for number, pair in enumerate(keys)
    ]
    first, *others = (
        impostor(CustomCredential(CREDENTIAL_TYPE, each.encode()), pair)
        for each, pair in zip(issued, keys, strict=True)
    )
    theirs = alice.key_package(lifetime=3600, now=now)
    group = first.create_group(b"group", extensions=[known_eras.extension_of(())])
    made = group.commit(
        add=[KeyPackage.from_bytes(theirs), *(package_of(each) for each in others)],
        options=CommitOptions(single_welcome_message=False),
    )
    reference = KeyPackage.from_bytes(theirs).reference
    (welcome,) = [
        each for each in made.welcomes if WelcomeHeader.from_bytes(each).key_package_references == [reference]
    ]
    welcome = seal_welcome(welcome, theirs)
    if devices > 8:
        with pytest.raises(CryptoRejected, match="8 devices"):
            alice.join(welcome, max_members=20)
    else:
        alice.join(welcome, max_members=20)
        assert len(alice.members(b"group")) == devices + 1


# -- one epoch


def by_hand(account, now) -> tuple[Any, Group]:
    """Alice, and a group with her of a member who plays by no rules."""
    alice, bob = account(), account()
    keyring = Keyring.load(bob.area)
    bobs = impostor(keyring.mls_credential, keyring.mls_key_pair)
    group, welcome = trap(bobs, alice.key_package(lifetime=3600, now=now), b"group")
    alice.join(welcome, max_members=3)
    return alice, group


MESSAGES = {
    "a commit": lambda group: group.commit().message,
    "a proposal": lambda group: group.propose_update(),
    "a GroupInfo": lambda group: group.group_info(),
}


@pytest.mark.parametrize("problem", MESSAGES)
def test_nothing_but_application_messages_is_taken(account, now, problem):
    alice, group = by_hand(account, now)
    before = dict(alice.area.rows)
    with pytest.raises(CryptoRejected, match="no application message" if problem != "a GroupInfo" else None):
        alice.decrypt(b"group", MESSAGES[problem](group))
    assert alice.area.rows == before
    group.clear_pending_commit()
    group.clear_proposal_cache()
    assert alice.decrypt(b"group", group.encrypt(b"not held up")).data == b"not held up"
    assert group.process(alice.encrypt(b"group", b"nor here")).data == b"nor here"


def test_a_message_of_another_epoch_is_not_taken(account, now):
    alice, group = by_hand(account, now)
    group.commit()
    group.apply_pending_commit()
    with pytest.raises(CryptoRejected, match="epoch"):
        alice.decrypt(b"group", group.encrypt(b"from epoch 2"))


def test_a_group_that_has_gone_on_is_not_joined(account, now):
    alice, carol = account(), account()
    keyring = Keyring.load(carol.area)
    group = impostor(keyring.mls_credential, keyring.mls_key_pair).create_group(
        b"group", extensions=[known_eras.extension_of(())]
    )
    group.commit()
    group.apply_pending_commit()
    theirs = alice.key_package(lifetime=3600, now=now)
    welcome = group.commit(add=[KeyPackage.from_bytes(theirs)]).welcomes[0]
    before = dict(alice.area.rows)
    with pytest.raises(CryptoRejected, match="first epoch"):
        alice.join(seal_welcome(welcome, theirs), max_members=3)
    assert alice.area.rows == before


def test_the_seed_is_the_peer_ids(account):
    alice = account()
    seed = alice.identity_seed()
    assert signatures.peer_id(seed.reveal()) == alice.peer
    assert seed.reveal().hex() not in repr(seed)
    assert "…" in repr(Keyring.load(alice.area))


def test_a_credential_is_renewed_in_time(pair, now):
    alice, bob = pair
    old = Keyring.load(alice.area).credential
    waiting = alice.key_package(lifetime=3600, now=now)
    later = now + (MAX_LIFETIME // 2 + 1) * DAY
    invitation = alice.found(b"second", [(bob.peer, bob.key_package(lifetime=3600, now=later))], now=later)
    new = Keyring.load(alice.area)
    assert 370 <= new.credential.days_left(now=later) <= 400
    assert new.credential.not_after > old.not_after
    assert new.credential.device == old.device
    bob.join(invitation.welcomes[0], max_members=2)
    assert bob.decrypt(b"second", alice.encrypt(b"second", b"by the new key")).sender == alice.device
    assert load(bob.area, b"second").member(0).signing_identity.signature_key == new.mls_key_pair.public_key
    # Groups and key packages from before still work, by the key that they were made with.
    assert bob.decrypt(b"group", alice.encrypt(b"group", b"by the old one")).sender == alice.device
    (welcome,) = bob.found(b"third", [(alice.peer, waiting)], now=now).welcomes
    alice.join(welcome, max_members=2)
    assert bob.decrypt(b"third", alice.encrypt(b"third", b"by the old one")).sender == alice.device


def test_what_cannot_be_founded_renews_nothing(account, now):
    alice, bob = account(), account()
    expired = bob.key_package(lifetime=3600, now=now)
    before = dict(alice.area.rows)
    with pytest.raises(CryptoRejected):
        alice.found(b"group", [(bob.peer, expired)], now=now + (MAX_LIFETIME // 2 + 1) * DAY)
    assert alice.area.rows == before


def test_a_credential_made_by_a_clock_that_was_ahead_is_renewed(account, now):
    alice, bob = account(), account()
    for ahead in (40 * DAY, 3650 * DAY):
        alice.key_package(lifetime=3600, now=now + ahead)
        bob.found(b"%d" % ahead, [(alice.peer, alice.key_package(lifetime=3600, now=now))], now=now)
        kept = Keyring.load(alice.area).credential
        alice.key_package(lifetime=3600, now=now - 600)
        assert Keyring.load(alice.area).credential == kept


def test_founding_leaves_no_commit_behind(pair):
    """Both are at one epoch, and either could make the next."""
    alice, bob = (load(each.area, b"group") for each in pair)
    assert not alice.has_pending_commit
    assert alice.epoch == bob.epoch == 1
    assert alice.epoch_authenticator == bob.epoch_authenticator
    assert alice.export_secret(b"x", b"y", 32) == bob.export_secret(b"x", b"y", 32)


def test_of_the_epoch_before_nothing_is_kept(pair):
    alice, bob = pair
    assert sorted(alice.area.rows) == sorted(bob.area.rows) == [b"a", b"g\x05groups", b"g\x05groupt", b"v\x05group"]


def test_sizes_are_those_of_the_specification(account, now):
    """docs/spec/mls.md, How much. A card at a relay has room for a KeyPackage of 2,560 octets."""
    alice, bob = account(), account()
    key_package = bob.key_package(lifetime=30 * DAY, now=now)
    assert len(key_package) == 1621
    assert len(bob.key_package(lifetime=30 * DAY, now=now, last_resort=True)) == 1624
    (welcome,) = alice.found(bytes(16), [(bob.peer, key_package)], now=now).welcomes
    assert len(welcome) == 2205


# -- the disk


def test_a_row_put_back_is_noticed(pair, now):
    alice, bob = pair
    old = dict(alice.area.rows)
    alice.encrypt(b"group", b"one more")
    alice.decrypt(b"group", bob.encrypt(b"group", b"x"))
    new = dict(alice.area.rows)
    changed = [key for key in new if key in old and new[key] != old[key]]
    assert changed == [b"g\x05groups", b"v\x05group"], "no message writes the tree"
    for key in changed:
        alice.area.rows = new | {key: old[key]}
        with pytest.raises(VaultRolledBack):
            alice.encrypt(b"group", b"with used keys")
    late = bob.encrypt(b"group", b"y")
    for key in [key for key in new if key[:1] == b"g"]:
        alice.area.rows = {each: row for each, row in new.items() if each != key}
        with pytest.raises(VaultRolledBack):
            alice.decrypt(b"group", late)


def test_a_deleted_group_put_back_is_noticed(pair):
    alice, _ = pair
    rows = dict(alice.area.rows)
    alice.delete_group(b"group")
    assert alice.groups() == []
    alice.delete_group(b"group")
    alice.area.rows |= {key: row for key, row in rows.items() if key[:1] == b"g"}
    with pytest.raises(VaultRolledBack):
        alice.encrypt(b"group", b"x")


def test_a_group_id_that_is_too_long(account, now):
    alice, bob = account(), account()
    with pytest.raises(BadInput):
        alice.found(bytes(256), [(bob.peer, bob.key_package(lifetime=3600, now=now))], now=now)


def test_a_hostile_sender_costs_little(pair, now):
    alice, bob = pair
    size = sum(len(row) for row in bob.area.rows.values())
    for _ in range(4):
        for _ in range(900):
            last = alice.encrypt(b"group", b"")
        bob.decrypt(b"group", last)
    assert sum(len(row) for row in bob.area.rows.values()) - size < 60_000


def test_registration():
    (descriptor,) = balchat_crypto_engines()
    assert descriptor.name == "crypto_mls"
    assert descriptor.factory(descriptor.settings()).__class__.__name__ == "MlsEngine"
