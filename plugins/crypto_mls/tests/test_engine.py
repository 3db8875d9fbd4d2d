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

from balchat_host.api.crypto import MembershipChange
from balchat_host.api.errors import BadCredential, BadInput, CryptoRejected, VaultRolledBack
from tests.support.commits import commit, load

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


def test_key_packages_that_are_expired_or_live_too_long(account, now):
    alice, carol = account(), account()
    key_package = carol.key_package(lifetime=3600, now=now)
    with pytest.raises(CryptoRejected):
        alice.found(b"group", [(carol.peer, key_package)], now=now + 3601)
    with pytest.raises(BadInput):
        carol.key_package(lifetime=91 * DAY, now=now)
    keys = SignatureKeyPair.generate()
    client = impostor(
        credential(carol, keys, now + DAY), keys, limits=Limits(max_key_package_lifetime=10**9), clock=lambda: now
    )
    eternal = client.generate_key_package(lifetime=10**8).to_bytes()
    with pytest.raises(CryptoRejected):
        alice.found(b"group", [(carol.peer, eternal)], now=now)


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
def test_a_credential_that_is_not_bound_gets_nowhere(account, now, problem):
    alice, carol, keys = account(), account(), SignatureKeyPair.generate()
    false = impostor(BAD_CREDENTIALS[problem](carol, keys, now), keys, clock=lambda: now)
    # As one to be added.
    before = dict(alice.area.rows)
    with pytest.raises(BadCredential):
        alice.found(b"group", [(carol.peer, false.generate_key_package().to_bytes())], now=now)
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
    made = group.commit(add=[key_package])
    group.apply_pending_commit()
    alice.join(made.welcomes[0], now=now, max_members=3)
    before = dict(alice.area.rows)
    with pytest.raises(BadCredential):
        alice.process(group.commit(add=[false.generate_key_package()]).message, now=now)
    assert alice.area.rows == before


def test_proposals_alone_are_not_taken(account, now):
    alice, bob = account(), account()
    keyring = Keyring.load(bob.area)
    bobs = impostor(keyring.mls_credential, keyring.mls_key_pair, clock=lambda: now)
    group = bobs.create_group(b"group")
    made = group.commit(add=[KeyPackage.from_bytes(alice.key_package(lifetime=3600, now=now))])
    group.apply_pending_commit()
    alice.join(made.welcomes[0], now=now, max_members=3)
    with pytest.raises(CryptoRejected):
        alice.process(group.propose_update(), now=now)
    alice.encrypt(b"group", b"not held up")
    with pytest.raises(CryptoRejected):
        alice.process(group.group_info(), now=now)


def test_nobody_comes_in_from_outside(account, now):
    alice, bob, carol = account(), account(), account()
    keyring = Keyring.load(bob.area)
    group = impostor(keyring.mls_credential, keyring.mls_key_pair, clock=lambda: now).create_group(b"group")
    made = group.commit(add=[KeyPackage.from_bytes(alice.key_package(lifetime=3600, now=now))])
    group.apply_pending_commit()
    alice.join(made.welcomes[0], now=now, max_members=3)
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
    assert signatures.peer_id(seed.reveal()) == alice.peer
    assert seed.reveal().hex() not in repr(seed)
    assert "…" in repr(Keyring.load(alice.area))


def test_a_credential_is_renewed_in_time(pair, now):
    alice, bob = pair
    old = Keyring.load(alice.area).credential
    waiting = alice.key_package(lifetime=3600, now=now)
    later = now + MAX_LIFETIME // 2 + DAY
    invitation = alice.found(b"second", [(bob.peer, bob.key_package(lifetime=3600, now=later))], now=later)
    new = Keyring.load(alice.area)
    assert later + MAX_LIFETIME - 30 * DAY < new.credential.not_after > old.not_after
    bob.join(invitation.welcome, now=later, max_members=2)
    assert bob.process(alice.encrypt(b"second", b"by the new key"), now=later).sender == alice.peer
    assert load(bob.area, b"second").member(0).signing_identity.signature_key == new.mls_key_pair.public_key
    # Groups and key packages from before still work, by the key that they were made with.
    assert bob.process(alice.encrypt(b"group", b"by the old one"), now=later).sender == alice.peer
    alice.join(bob.found(b"third", [(alice.peer, waiting)], now=now).welcome, now=later, max_members=2)
    assert bob.process(alice.encrypt(b"third", b"by the old one"), now=later).sender == alice.peer


def test_what_cannot_be_founded_renews_nothing(account, now):
    alice, bob = account(), account()
    expired = bob.key_package(lifetime=3600, now=now)
    before = dict(alice.area.rows)
    with pytest.raises(CryptoRejected):
        alice.found(b"group", [(bob.peer, expired)], now=now + MAX_LIFETIME // 2 + DAY)
    assert alice.area.rows == before


def test_a_member_may_bring_in_a_new_key(pair, now):
    """Ours does so with a new group only. Another program may with a Commit."""
    alice, bob = pair
    later = now + MAX_LIFETIME // 2 + DAY
    new = Keyring.fresh(alice.area, now=later)
    new.keep(alice.area)
    made = commit(alice.area, b"group", now=later, new_identity=(new.mls_credential, new.mls_key_pair))
    assert bob.process(made.message, now=later).committer == alice.peer
    assert load(bob.area, b"group").member(0).signing_identity.signature_key == new.mls_key_pair.public_key
    assert bob.process(alice.encrypt(b"group", b"by the new key"), now=later).sender == alice.peer


def test_a_credential_made_by_a_clock_that_was_ahead_is_renewed(account, now):
    alice, bob = account(), account()
    for ahead in (40 * DAY, 3650 * DAY):
        alice.key_package(lifetime=3600, now=now + ahead)
        bob.found(b"%d" % ahead, [(alice.peer, alice.key_package(lifetime=3600, now=now))], now=now)
        kept = Keyring.load(alice.area).credential
        alice.key_package(lifetime=3600, now=now - 600)
        assert Keyring.load(alice.area).credential == kept


# -- Commits


def test_founding_leaves_no_commit_behind(pair):
    """Both are at one epoch, and either could make the next."""
    alice, bob = (load(each.area, b"group") for each in pair)
    assert not alice.has_pending_commit
    assert alice.epoch == bob.epoch == 1
    assert alice.epoch_authenticator == bob.epoch_authenticator
    assert alice.export_secret(b"x", b"y", 32) == bob.export_secret(b"x", b"y", 32)


def test_members_come_and_go(account, pair, now):
    alice, bob = pair
    carol = account()
    package = KeyPackage.from_bytes(carol.key_package(lifetime=3600, now=now))
    made = commit(bob.area, b"group", now=now, add=[package])
    assert alice.engine.group_of(made.message) == b"group"
    change = MembershipChange(group_id=b"group", epoch=2, committer=bob.peer, added=(carol.peer,))
    assert alice.process(made.message, now=now) == change
    carol.join(made.welcomes[0], now=now, max_members=3)
    made = commit(alice.area, b"group", now=now, remove=[1])
    change = MembershipChange(group_id=b"group", epoch=3, committer=alice.peer, removed=(bob.peer,))
    assert [each.process(made.message, now=now) for each in (bob, carol)] == [change] * 2
    for each in (alice, carol):
        assert list(each.members(b"group")) == [alice.peer, carol.peer]
    assert load(alice.area, b"group").epoch_authenticator == load(carol.area, b"group").epoch_authenticator
    message = alice.encrypt(b"group", b"without Bob")
    assert carol.process(message, now=now).data == b"without Bob"
    with pytest.raises(CryptoRejected):
        bob.process(message, now=now)


def test_a_commit_that_changes_no_member(pair, now):
    alice, bob = pair
    before = load(bob.area, b"group").epoch_authenticator
    made = commit(alice.area, b"group", now=now)
    change = MembershipChange(group_id=b"group", epoch=2, committer=alice.peer)
    assert bob.process(made.message, now=now) == change
    assert load(alice.area, b"group").epoch_authenticator == load(bob.area, b"group").epoch_authenticator != before


def test_a_message_of_an_epoch_to_come_can_be_read_then(pair, now):
    alice, bob = pair
    made = commit(alice.area, b"group", now=now)
    message = alice.encrypt(b"group", b"from the next epoch")
    with pytest.raises(CryptoRejected):
        bob.process(message, now=now)
    bob.process(made.message, now=now)
    assert bob.process(message, now=now).data == b"from the next epoch"


def test_five_past_epochs_are_kept(pair, now):
    alice, bob = pair
    messages = [alice.encrypt(b"group", b"%d" % number) for number in range(3)]
    for _ in range(5):
        bob.process(commit(alice.area, b"group", now=now).message, now=now)
    assert bob.process(messages[1], now=now).epoch == 1
    assert bob.process(messages[0], now=now).data == b"0"
    size = len(bob.area.rows)
    bob.process(commit(alice.area, b"group", now=now).message, now=now)
    assert len(bob.area.rows) == size
    with pytest.raises(CryptoRejected):
        bob.process(messages[2], now=now)


# -- the disk


def test_a_row_put_back_is_noticed(pair, now):
    alice, bob = pair
    old = dict(alice.area.rows)
    alice.process(commit(bob.area, b"group", now=now).message, now=now)
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
    alice.process(commit(bob.area, b"group", now=now).message, now=now)
    assert alice.area.rows[b"g\x05groupt"] != before[b"g\x05groupt"]


def test_a_past_epoch_put_back_is_noticed(pair, now):
    alice, bob = pair
    messages = [alice.encrypt(b"group", b"%d" % number) for number in range(2)]
    bob.process(commit(alice.area, b"group", now=now).message, now=now)
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
        bob.process(last, now=now)
    assert sum(len(row) for row in bob.area.rows.values()) - size < 60_000


def test_registration():
    (descriptor,) = balchat_crypto_engines()
    assert descriptor.name == "crypto_mls"
    assert descriptor.factory(descriptor.settings()).__class__.__name__ == "MlsEngine"
