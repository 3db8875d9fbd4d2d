"""What the engine does beyond the contract's kit: credentials, retention, limits, rows put back."""

import dataclasses

import pytest
from balchat_crypto_mls import signatures
from balchat_crypto_mls.credential import CREDENTIAL_TYPE, MAX_LIFETIME, Credential
from balchat_crypto_mls.keyring import Keyring
from balchat_crypto_mls.plugin import balchat_crypto_engines
from mls_rs_py import (
    BasicCredential,
    Client,
    CustomCredential,
    InMemoryGroupStateStorage,
    InMemoryKeyPackageStorage,
    KeyPackage,
    Limits,
    ReInitProposal,
    SignatureKeyPair,
)

from balchat_host.api.errors import BadCredential, BadInput, CryptoRejected, VaultRolledBack

DAY = 24 * 3600


def impostor(credential, pair: SignatureKeyPair, **options) -> Client:
    """A client of mls-rs that does not play by balchat's rules."""
    return Client(
        credential,
        pair,
        identity_provider=AnyIdentity(),
        group_state_storage=InMemoryGroupStateStorage(),
        key_package_storage=InMemoryKeyPackageStorage(),
        **options,
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


def credential(alice, pair: SignatureKeyPair, until: int, **changes) -> CustomCredential:
    seed = alice.identity_seed().reveal()
    made = Credential.issue(seed, pair.public_key, not_after=until)
    return CustomCredential(CREDENTIAL_TYPE, dataclasses.replace(made, **changes).encode())


def test_expired_key_packages_go_by_themselves(account, now):
    alice = account()
    alice.key_package(lifetime=3600, now=now)
    rows = len(alice.area.rows)
    alice.key_package(lifetime=3600, now=now + 40 * DAY)
    assert len(alice.area.rows) == rows


def test_key_packages_that_are_expired_or_live_too_long(account, pair, now):
    alice, _ = pair
    carol = account()
    key_package = carol.key_package(lifetime=3600, now=now)
    with pytest.raises(CryptoRejected):
        alice.add(b"group", [(carol.peer, key_package)], now=now + 3601)
    with pytest.raises(BadInput):
        carol.key_package(lifetime=91 * DAY, now=now)
    keys = SignatureKeyPair.generate()
    client = impostor(
        credential(carol, keys, now + DAY), keys, limits=Limits(max_key_package_lifetime=10**9), clock=lambda: now
    )
    eternal = client.generate_key_package(lifetime=10**8).to_bytes()
    with pytest.raises(CryptoRejected):
        alice.add(b"group", [(carol.peer, eternal)], now=now)


BAD_CREDENTIALS = {
    "another kind": lambda carol, keys, now: BasicCredential(carol.peer.octets),
    "another length": lambda carol, keys, now: CustomCredential(CREDENTIAL_TYPE, carol.peer.octets),
    "another key": lambda carol, keys, now: credential(carol, SignatureKeyPair.generate(), now + DAY),
    "another date": lambda carol, keys, now: credential(carol, keys, now + DAY, not_after=now + 2 * DAY),
    "no signature": lambda carol, keys, now: credential(carol, keys, now + DAY, signature=bytes(64)),
    "expired": lambda carol, keys, now: credential(carol, keys, now - 1),
    "valid too long": lambda carol, keys, now: credential(carol, keys, now + MAX_LIFETIME + 2 * DAY),
}

OUT_OF_DATE = {"expired", "valid too long"}


@pytest.mark.parametrize("problem", BAD_CREDENTIALS)
def test_a_credential_that_is_not_bound_gets_nowhere(account, pair, now, problem):
    alice, _ = pair
    carol, keys = account(), SignatureKeyPair.generate()
    false = impostor(BAD_CREDENTIALS[problem](carol, keys, now), keys, clock=lambda: now)
    # As one to be added.
    before = dict(alice.area.rows)
    with pytest.raises(BadCredential):
        alice.add(b"group", [(carol.peer, false.generate_key_package().to_bytes())], now=now)
    assert alice.area.rows == before
    # As one who adds us; a credential of another kind cannot even be in one group with ours.
    if problem == "another kind":
        return
    group = false.create_group(b"trap")
    key_package = KeyPackage.from_bytes(alice.key_package(lifetime=3600, now=now))
    welcome = group.commit(add=[key_package]).welcomes[0]
    if problem in OUT_OF_DATE:
        # What others have let in depends on nobody's clock.
        assert alice.join(welcome, now=now, max_members=3) == b"trap"
        return
    before = dict(alice.area.rows)
    with pytest.raises(BadCredential):
        alice.join(welcome, now=now, max_members=3)
    assert alice.area.rows == before


def test_a_false_member_whom_a_member_adds(account, pair, now):
    """Bob has gone over to the enemy, and adds a leaf in Carol's name."""
    alice, bob = pair
    carol, keys = account(), SignatureKeyPair.generate()
    false = impostor(credential(carol, keys, now + DAY, signature=bytes(64)), keys, clock=lambda: now)
    keyring = Keyring.load(bob.area)
    theirs = impostor(keyring.mls_credential, keyring.mls_key_pair, clock=lambda: now)
    group = theirs.create_group(b"other")
    key_package = KeyPackage.from_bytes(alice.key_package(lifetime=3600, now=now))
    commit = group.commit(add=[key_package])
    group.apply_pending_commit()
    alice.join(commit.welcomes[0], now=now, max_members=3)
    before = dict(alice.area.rows)
    with pytest.raises(BadCredential):
        alice.process(group.commit(add=[false.generate_key_package()]).message, now=now)
    assert alice.area.rows == before


def test_proposals_alone_are_not_taken(account, now):
    alice, bob = account(), account()
    keyring = Keyring.load(bob.area)
    bobs = impostor(keyring.mls_credential, keyring.mls_key_pair, clock=lambda: now)
    group = bobs.create_group(b"group")
    commit = group.commit(add=[KeyPackage.from_bytes(alice.key_package(lifetime=3600, now=now))])
    group.apply_pending_commit()
    alice.join(commit.welcomes[0], now=now, max_members=3)
    with pytest.raises(CryptoRejected):
        alice.process(group.propose_update(), now=now)
    alice.encrypt(b"group", b"not held up")
    with pytest.raises(CryptoRejected):
        alice.process(group.group_info(), now=now)


def test_nobody_comes_in_from_outside(account, now):
    alice, bob, carol = account(), account(), account()
    keyring = Keyring.load(bob.area)
    group = impostor(keyring.mls_credential, keyring.mls_key_pair, clock=lambda: now).create_group(b"group")
    commit = group.commit(add=[KeyPackage.from_bytes(alice.key_package(lifetime=3600, now=now))])
    group.apply_pending_commit()
    alice.join(commit.welcomes[0], now=now, max_members=3)
    keyring = Keyring.load(carol.area)
    carols = impostor(keyring.mls_credential, keyring.mls_key_pair, clock=lambda: now)
    _, external = carols.external_commit(group.group_info(allow_external_commit=True))
    with pytest.raises(CryptoRejected):
        alice.process(external, now=now)


COMMITS = {
    "new group extensions": {"extensions": []},
    "a key of an epoch before": {"resumption_psks": [1]},
    "a key from elsewhere": {"psks": [b"id"]},
    "the end of the group": {"reinit": ReInitProposal(group_id=b"next")},
}


class AnyKey:
    """Knows every pre-shared key."""

    def get(self, psk_id):
        return bytes(32)


@pytest.mark.parametrize("problem", COMMITS)
def test_a_commit_that_does_more_than_add_remove_and_update_is_not_taken(account, now, problem):
    alice, bob = account(), account()
    keyring = Keyring.load(bob.area)
    bobs = impostor(keyring.mls_credential, keyring.mls_key_pair, psk_storage=AnyKey(), clock=lambda: now)
    group = bobs.create_group(b"group")
    welcome = group.commit(add=[KeyPackage.from_bytes(alice.key_package(lifetime=3600, now=now))]).welcomes[0]
    group.apply_pending_commit()
    alice.join(welcome, now=now, max_members=3)
    before = dict(alice.area.rows)
    with pytest.raises(CryptoRejected):
        alice.process(group.commit(**COMMITS[problem]).message, now=now)
    assert alice.area.rows == before
    group.clear_pending_commit()
    assert alice.process(group.commit().message, now=now).epoch == 2
    group.apply_pending_commit()
    assert group.process(alice.encrypt(b"group", b"not held up"), now=now).data == b"not held up"


def test_the_seed_is_the_peer_ids(account):
    alice = account()
    seed = alice.identity_seed()
    assert signatures.peer_id(seed.reveal()) == alice.identity() == alice.peer
    assert seed.reveal().hex() not in repr(seed)
    assert "…" in repr(Keyring.load(alice.area))


def test_a_credential_is_renewed_in_time(pair, now):
    alice, bob = pair
    old = Keyring.load(alice.area).credential
    waiting = alice.key_package(lifetime=3600, now=now)
    later = now + MAX_LIFETIME // 2 + DAY
    commit = alice.update(b"group", now=later)
    alice.apply_pending_commit(b"group", now=later)
    bob.process(commit, now=later)
    assert later + MAX_LIFETIME - 30 * DAY < Keyring.load(alice.area).credential.not_after > old.not_after
    assert bob.process(alice.encrypt(b"group", b"by the new key"), now=later).sender == alice.peer
    # A key package from before still works, by the key that it was made with.
    bob.create_group(b"second", now=now)
    alice.join(bob.add(b"second", [(alice.peer, waiting)], now=now).welcome, now=later, max_members=3)
    bob.apply_pending_commit(b"second", now=now)
    assert bob.process(alice.encrypt(b"second", b"by the old one"), now=later).sender == alice.peer


def test_a_credential_made_by_a_clock_that_was_ahead_is_renewed(account, now):
    alice, bob = account(), account()
    for ahead in (40 * DAY, 3650 * DAY):
        alice.key_package(lifetime=3600, now=now + ahead)
        bob.create_group(b"%d" % ahead, now=now)
        bob.add(b"%d" % ahead, [(alice.peer, alice.key_package(lifetime=3600, now=now))], now=now)
        kept = Keyring.load(alice.area).credential
        alice.key_package(lifetime=3600, now=now - 600)
        assert Keyring.load(alice.area).credential == kept


def test_five_past_epochs_are_kept(pair, now):
    alice, bob = pair
    messages = [alice.encrypt(b"group", b"%d" % number) for number in range(3)]
    for _ in range(5):
        commit = alice.update(b"group", now=now)
        alice.apply_pending_commit(b"group", now=now)
        bob.process(commit, now=now)
    assert bob.process(messages[1], now=now).epoch == 1
    assert bob.process(messages[0], now=now).data == b"0"
    size = len(bob.area.rows)
    commit = alice.update(b"group", now=now)
    alice.apply_pending_commit(b"group", now=now)
    bob.process(commit, now=now)
    assert len(bob.area.rows) == size
    with pytest.raises(CryptoRejected):
        bob.process(messages[2], now=now)


def test_a_row_put_back_is_noticed(pair, now):
    alice, bob = pair
    commit = alice.update(b"group", now=now)
    old = dict(alice.area.rows)
    alice.apply_pending_commit(b"group", now=now)
    bob.process(commit, now=now)
    alice.encrypt(b"group", b"one more")
    alice.process(bob.encrypt(b"group", b"x"), now=now)
    new = dict(alice.area.rows)
    changed = [key for key in new if key in old and new[key] != old[key]]
    assert changed
    for key in changed:
        alice.area.rows = new | {key: old[key]}
        with pytest.raises(VaultRolledBack):
            alice.encrypt(b"group", b"with used keys")
    for key in [key for key in new if key[:1] == b"g"]:
        alice.area.rows = {each: row for each, row in new.items() if each != key}
        late = bob.encrypt(b"group", b"y")
        if key.endswith((b"s", b"t")):
            with pytest.raises(VaultRolledBack):
                alice.process(late, now=now)


def test_only_a_commit_writes_the_tree(pair, now):
    alice, bob = pair
    before = dict(alice.area.rows)
    bob.process(alice.encrypt(b"group", b"x"), now=now)
    alice.process(bob.encrypt(b"group", b"y"), now=now)
    changed = {key for key, row in alice.area.rows.items() if row != before.get(key)}
    assert changed == {b"g\x05groups", b"v\x05group"}
    alice.update(b"group", now=now)
    alice.apply_pending_commit(b"group", now=now)
    assert alice.area.rows[b"g\x05groupt"] != before[b"g\x05groupt"]


def test_a_past_epoch_put_back_is_noticed(pair, now):
    alice, bob = pair
    messages = [alice.encrypt(b"group", b"%d" % number) for number in range(2)]
    commit = alice.update(b"group", now=now)
    bob.process(commit, now=now)
    old = dict(bob.area.rows)
    bob.process(messages[0], now=now)
    epoch_rows = [key for key in old if key[:1] == b"g" and not key.endswith((b"s", b"t"))]
    bob.area.rows |= {key: old[key] for key in epoch_rows}
    with pytest.raises(VaultRolledBack):
        bob.process(messages[0], now=now)


def test_a_deleted_group_put_back_is_noticed(pair):
    alice, _ = pair
    rows = dict(alice.area.rows)
    alice.delete_group(b"group")
    assert alice.groups() == []
    alice.delete_group(b"group")
    alice.area.rows |= {key: row for key, row in rows.items() if key[:1] == b"g"}
    with pytest.raises(VaultRolledBack):
        alice.encrypt(b"group", b"x")


def test_groups_do_not_mix(account, now):
    alice = account()
    for group_id in (b"", b"a", b"ab", b"\x01a"):
        alice.create_group(group_id, now=now)
    assert set(alice.groups()) == {b"", b"a", b"ab", b"\x01a"}
    alice.delete_group(b"a")
    assert set(alice.groups()) == {b"", b"ab", b"\x01a"}
    for absent in (b"a", b"x"):
        with pytest.raises(BadInput):
            alice.encrypt(absent, b"x")
    with pytest.raises(BadInput):
        alice.create_group(b"ab", now=now)
    with pytest.raises((BadInput, CryptoRejected)):
        alice.create_group(bytes(256), now=now)


def test_a_hostile_sender_costs_little(pair, now):
    alice, bob = pair
    size = sum(len(row) for row in bob.area.rows.values())
    for _ in range(4):
        for _ in range(900):
            last = alice.encrypt(b"group", b"")
        bob.process(last, now=now)
    assert sum(len(row) for row in bob.area.rows.values()) - size < 60_000


def test_registration():
    (descriptor,) = balchat_crypto_engines()
    assert descriptor.name == "crypto_mls"
    assert descriptor.factory(descriptor.settings()).__class__.__name__ == "MlsEngine"
