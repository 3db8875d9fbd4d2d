"""Eras that somebody made by hand, and what comes in them: refused as theirs, and nothing of ours is lost by it.

Sizes and lists of all that is in a Welcome, a KeyPackage and a message are in `test_hostile_octets`.
"""

import pytest
from balchat_crypto_mls import known_eras
from balchat_crypto_mls.keyring import Keyring
from balchat_crypto_mls.sealing import EXTENSION_TYPE
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from mls_rs_py import KeyPackage
from mls_rs_py.crafting import (
    APPLICATION,
    COMMIT,
    LOW_ORDER_KEYS,
    PROPOSAL,
    KeyPackageParts,
    extension,
    mls_message,
    required_capabilities,
    uint16s,
    vector,
)

from balchat_host.api.errors import BadInput, CryptoRejected
from tests.support.commits import load
from tests.support.hostile_peer import HostilePeer

HOUR = 3600
LAST_RESORT = 0x000A
"""The extension type that marks a KeyPackage which may be used again (draft-ietf-mls-extensions)."""


@pytest.fixture
def mallory(now):
    return HostilePeer(now=now)


# -- a Welcome that is poisoned for us


POISON = {
    "a GroupInfo that is encrypted with another key": lambda g: g.welcome(
        group_secrets=vector(bytes(32)) + b"\x00" + vector(b"")
    ),
    "a confirmation tag of another epoch": lambda g: g.welcome(group_info=g.group_info(confirmation_tag=bytes(32))),
    "no confirmation tag": lambda g: g.welcome(group_info=g.group_info(confirmation_tag=b"")),
    "a signature of nobody": lambda g: g.welcome(group_info=g.group_info(signature=bytes(64))),
    "a path secret of a path that there is not": lambda g: g.welcome(
        group_secrets=g.group_secrets(path_secret=bytes(32))
    ),
    "a tree of another hash": lambda g: changed(g, tree_hash=bytes(32)).welcome(),
    "a tree without us": lambda g: changed(g, leaves=g.leaves[:1]).welcome(),
    "a tree with another of our leaves": lambda g: changed(g, leaves=[g.leaves[0], g.leaves[0]]).welcome(),
    "no tree": lambda g: g.welcome(group_info=g.group_info(with_tree=False)),
}


def changed(group, **fields):
    for name, value in fields.items():
        setattr(group, name, value)
    return group


@pytest.mark.parametrize("poison", POISON)
def test_a_welcome_that_was_poisoned_for_us_is_refused_and_its_key_package_stays(account, mallory, now, poison):
    alice = account()
    key_package = alice.key_package(lifetime=HOUR, now=now)
    before = dict(alice.area.rows)
    with pytest.raises(CryptoRejected):
        alice.join(POISON[poison](mallory.group(key_package)), max_members=2)
    assert alice.area.rows == before
    mended = mallory.group(key_package)
    assert alice.join(mended.welcome(), max_members=2).era_id == mended.era_id


def test_secrets_that_were_encrypted_to_another_key_do_not_open(account, mallory, now):
    """By a founder whose Welcome the others could open: then it is known that it was for us, and it is said."""
    alice, bob = account(), account()
    ours, theirs = (each.key_package(lifetime=HOUR, now=now) for each in (alice, bob))
    group = mallory.group(ours)
    parts = KeyPackageParts.of(ours)
    other = KeyPackageParts.of(theirs)
    group.newcomers[0] = type(parts)(
        encoded=parts.encoded,
        init_key=other.init_key,
        leaf=parts.leaf,
        not_before=parts.not_before,
        not_after=parts.not_after,
    )
    before = dict(alice.area.rows)
    with pytest.raises(CryptoRejected, match="does not open"):
        alice.join(group.welcome(), max_members=2)
    assert alice.area.rows == before


# -- groups that are alike


def test_of_two_groups_of_one_mls_id_the_second_is_refused_and_the_first_goes_on(account, mallory, now):
    alice = account()
    first, second = (
        mallory.group(alice.key_package(lifetime=HOUR, now=now), group_id=b"one and the same") for _ in range(2)
    )
    assert first.era_id != second.era_id
    alice.join(first.welcome(), max_members=2)
    before = dict(alice.area.rows)
    with pytest.raises(CryptoRejected, match="already here"):
        alice.join(second.welcome(), max_members=2)
    for group, said in ((second, b"of the second"), (first, b"of the first")):
        message = group.private_message(APPLICATION, vector(said))
        if group is second:
            with pytest.raises(CryptoRejected):
                alice.decrypt(group.group_id, message)
            assert alice.area.rows == before
        else:
            assert alice.decrypt(group.group_id, message).data == said
    alice.delete_group(first.group_id)
    assert alice.join(second.welcome(), max_members=2).era_id == second.era_id


def test_a_key_package_is_used_once_whoever_uses_it_again(account, mallory, now):
    alice, other = account(), HostilePeer(now=now)
    key_package = alice.key_package(lifetime=HOUR, now=now)
    welcomes = [
        peer.group(key_package, group_id=bytes([number])).welcome() for number, peer in enumerate((mallory, other))
    ]
    alice.join(welcomes[0], max_members=2)
    rows = dict(alice.area.rows)
    assert not [key for key in rows if key[:1] in {b"k", b"x"}], "its private half has gone with the first"
    for welcome in welcomes:
        with pytest.raises(CryptoRejected, match="no key package of ours"):
            alice.join(welcome, max_members=2)
    assert alice.area.rows == rows


def test_a_key_package_of_one_use_is_not_made_to_last_by_who_uses_it(account, mallory, now):
    """The mark of last resort is the owner's word in the KeyPackage; nothing of a Welcome can say it."""
    alice = account()
    key_package = alice.key_package(lifetime=HOUR, now=now)
    group = mallory.group(key_package)
    alice.join(group.welcome(group_info=group.group_info(extensions=extension(LAST_RESORT))), max_members=2)
    with pytest.raises(CryptoRejected, match="no key package of ours"):
        alice.join(mallory.group(key_package).welcome(), max_members=2)


def test_nobody_else_marks_a_key_package_as_one_of_last_resort(account, now):
    """Its owner has signed all of it, the mark too."""
    alice, bob = account(), account()
    key_package = alice.key_package(lifetime=HOUR, now=now)
    (ours,) = KeyPackage.from_bytes(key_package).extensions
    listed = extension(ours.extension_type, ours.data)
    assert key_package.count(vector(listed)) == 1
    marked = key_package.replace(vector(listed), vector(listed + extension(LAST_RESORT)))
    assert KeyPackage.from_bytes(marked).is_last_resort
    assert alice.engine.reference(marked) != alice.engine.reference(key_package)
    with pytest.raises(CryptoRejected):
        bob.found(b"group", [(alice.peer, marked)], now=now)


# -- keys


@pytest.mark.parametrize("key", LOW_ORDER_KEYS, ids=bytes.hex)
def test_a_key_to_which_everybody_could_open_what_is_encrypted_is_not_used(account, mallory, now, key):
    alice = account()
    sealing = extension(EXTENSION_TYPE, mallory.sealing_key.octets[:-32] + key)
    for package in (
        mallory.key_package(init_key=key),
        mallory.key_package(mallory.leaf(encryption_key=key)),
        mallory.key_package(extensions=sealing),
    ):
        with pytest.raises(CryptoRejected):
            alice.found(b"group", [(mallory.peer, package.message())], now=now)
    group = mallory.group(alice.key_package(lifetime=HOUR, now=now), leaf=mallory.leaf(encryption_key=key))
    with pytest.raises(CryptoRejected):
        alice.join(group.welcome(), max_members=2)
    assert not alice.groups()


def test_an_init_key_of_which_nobody_has_the_other_half_harms_its_owner_only(account, mallory, now):
    """They cannot join; we have founded an era that nobody will be heard in, and go on in the one before."""
    alice, bob = account(), account()
    alice.found(b"before", [(bob.peer, bob.key_package(lifetime=HOUR, now=now))], now=now)
    invitation = alice.found(b"after", [(mallory.peer, mallory.key_package().message())], now=now)
    assert len(invitation.welcomes) == 1
    assert alice.encrypt(b"after", b"to nobody")
    alice.delete_group(b"after")
    assert alice.groups() == [b"before"]


# -- what comes in an era


PROPOSALS = {
    "add": lambda m: uint16s(1) + m.key_package().encode(),
    "update": lambda m: uint16s(2) + m.leaf().encode(),
    "remove": lambda _: uint16s(3) + (1).to_bytes(4),
    "pre-shared key": lambda _: uint16s(4) + b"\x01" + vector(bytes(8)) + vector(bytes(32)),
    "reinit": lambda _: uint16s(5) + vector(b"next") + uint16s(1, 1) + vector(b""),
    "external init": lambda _: uint16s(6) + vector(bytes(32)),
    "other extensions": lambda _: uint16s(7) + vector(extension(known_eras.EXTENSION_TYPE, bytes(16))),
    "self-remove": lambda _: uint16s(10),
}
"""As a member can say them (RFC 9420, section 12.1)."""


@pytest.mark.parametrize("kind", PROPOSALS)
def test_no_proposal_and_no_commit_of_one_changes_an_era(account, mallory, now, monkeypatch, kind):
    """Refused by the content type, before anything is decrypted."""
    alice = account()
    group = mallory.group(alice.key_package(lifetime=HOUR, now=now))
    alice.join(group.welcome(), max_members=2)
    proposal = PROPOSALS[kind](mallory)
    commit = vector(b"\x01" + proposal) + b"\x00"
    before = dict(alice.area.rows)
    with monkeypatch.context() as patch:
        patch.setattr("balchat_crypto_mls.engine._load", lambda *_: pytest.fail("the group was loaded"))
        for message in (group.private_message(PROPOSAL, proposal), group.private_message(COMMIT, commit)):
            with pytest.raises(CryptoRejected, match="no application message"):
                alice.decrypt(group.group_id, message)
    assert alice.area.rows == before
    assert alice.decrypt(group.group_id, group.private_message(APPLICATION, vector(b"x"))).data == b"x"


def test_an_external_commit_and_a_proposal_from_outside_come_in_the_clear_and_are_not_taken(account, mallory, now):
    """RFC 9420, sections 12.4.3.2 and 12.1.8: a PublicMessage of a new member, or of one from outside."""
    alice = account()
    group = mallory.group(alice.key_package(lifetime=HOUR, now=now))
    alice.join(group.welcome(), max_members=2)
    before = dict(alice.area.rows)
    for sender, content_type in ((3, COMMIT), (4, PROPOSAL), (2, PROPOSAL)):
        head = vector(group.group_id) + (1).to_bytes(8) + bytes([sender]) + vector(b"") + bytes([content_type])
        body = vector(b"\x01" + uint16s(6) + vector(bytes(32))) + b"\x00" + vector(bytes(64)) + vector(bytes(32))
        with pytest.raises(CryptoRejected):
            alice.decrypt(group.group_id, mls_message(1, head + body))
    assert alice.area.rows == before


def test_nothing_of_an_era_lets_others_come_in_from_outside(account, now):
    """A founder hands out no GroupInfo with a key for external commits, and the group's context has none."""
    alice, bob = account(), account()
    invitation = alice.found(b"group", [(bob.peer, bob.key_package(lifetime=HOUR, now=now))], now=now)
    bob.join(invitation.welcomes[0], max_members=2)
    for each in (alice, bob):
        context = load(each.area, b"group").context
        assert [found.extension_type for found in context.extensions] == [known_eras.EXTENSION_TYPE]


@pytest.mark.parametrize("epoch", [0, 2, 3, 2**32, 2**32 + 1, 2**64 - 1])
def test_a_welcome_to_another_epoch_than_the_first_with_members_is_refused(account, mallory, now, epoch):
    alice = account()
    key_package = alice.key_package(lifetime=HOUR, now=now)
    before = dict(alice.area.rows)
    with pytest.raises(CryptoRejected):
        alice.join(mallory.group(key_package, epoch=epoch).welcome(), max_members=2)
    assert alice.area.rows == before


# -- who is in it


def test_an_era_with_more_members_than_were_meant_is_refused(account, mallory, now):
    alice = account()
    key_package = alice.key_package(lifetime=HOUR, now=now)
    before = dict(alice.area.rows)
    for leaves in ([HostilePeer(now=now).leaf().encode()], [None, HostilePeer(now=now).leaf().encode()], [None]):
        group = mallory.group(key_package)
        group.leaves += leaves
        with pytest.raises(CryptoRejected):
            alice.join(group.welcome(), max_members=2)
    assert alice.area.rows == before


def test_an_era_says_whose_it_is_and_the_caller_sees_whether_it_was_meant(account, mallory, now):
    """A contact's KeyPackage in somebody else's hands makes an era with somebody else."""
    alice = account()
    joined = alice.join(mallory.group(alice.key_package(lifetime=HOUR, now=now)).welcome(), max_members=2)
    assert joined.founder == mallory.device
    assert list(alice.members(joined.group_id)) == [mallory.device, alice.device]


def test_an_era_of_which_we_are_both_members_is_not_ours_to_join(account, mallory, now):
    """Somebody with a KeyPackage of each of our devices cannot have us talk with ourselves in their name."""
    alice = account()
    keyring = Keyring.load(alice.area)
    key_package = alice.key_package(lifetime=HOUR, now=now)
    ours = HostilePeer(now=now, identity_seed=alice.identity_seed().reveal())
    ours.device_id = alice.device.device_id
    ours.signer = Ed25519PrivateKey.from_private_bytes(keyring.mls_seed)
    before = dict(alice.area.rows)
    with pytest.raises(CryptoRejected):
        alice.join(ours.group(key_package).welcome(), max_members=2)
    assert alice.area.rows == before


# -- what a group says of other eras

ERAS = [number.to_bytes(16) for number in range(40)]
SAID = {
    "nothing": b"",
    "an unknown extension": extension(0xF000),
    "an unknown extension besides": extension(known_eras.EXTENSION_TYPE) + extension(0xF000),
    "a sealing key besides": extension(known_eras.EXTENSION_TYPE) + extension(EXTENSION_TYPE),
    "capabilities besides": required_capabilities(uint16s(known_eras.EXTENSION_TYPE))
    + extension(known_eras.EXTENSION_TYPE),
    "the extension twice": extension(known_eras.EXTENSION_TYPE) * 2,
    "an era twice": extension(known_eras.EXTENSION_TYPE, ERAS[1] * 2),
    "eras out of order": extension(known_eras.EXTENSION_TYPE, ERAS[2] + ERAS[1]),
    "too many eras": extension(known_eras.EXTENSION_TYPE, b"".join(ERAS[:33])),
    "a megabyte of eras": extension(known_eras.EXTENSION_TYPE, b"".join(n.to_bytes(16) for n in range(65536))),
    "half an era": extension(known_eras.EXTENSION_TYPE, ERAS[1][:8]),
}


@pytest.mark.parametrize("problem", SAID)
def test_a_group_that_does_not_say_rightly_what_its_founder_knew_is_refused_before_its_members_are_looked_at(
    account, mallory, now, monkeypatch, problem
):
    alice = account()
    group = mallory.group(alice.key_package(lifetime=HOUR, now=now))
    honest = group.welcome()
    group.extensions = SAID[problem]
    before = dict(alice.area.rows)
    with monkeypatch.context() as patch:
        patch.setattr("balchat_crypto_mls.members.Members.identity", lambda *_: pytest.fail("a member was looked at"))
        with pytest.raises(CryptoRejected):
            alice.join(group.welcome(), max_members=2)
    assert alice.area.rows == before
    assert alice.join(honest, max_members=2).knows == ()


def test_eras_that_do_not_exist_are_only_what_the_founder_says(account, mallory, now):
    alice = account()
    said = extension(known_eras.EXTENSION_TYPE, b"".join(ERAS[:32]))
    group = mallory.group(alice.key_package(lifetime=HOUR, now=now), extensions=said)
    joined = alice.join(group.welcome(), max_members=2)
    assert (joined.knows, joined.founder, joined.era_id) == (tuple(ERAS[:32]), mallory.device, group.era_id)


def test_an_era_cannot_name_itself(account, mallory, now):
    """Its id follows from what it says: each time that it names the id that it has, it has another one."""
    group = mallory.group(account().key_package(lifetime=HOUR, now=now))
    for _ in range(100):
        named = group.era_id
        group.extensions = extension(known_eras.EXTENSION_TYPE, named)
        assert group.era_id != named


def test_a_welcome_that_another_member_than_the_founder_made_is_refused(account, mallory, now):
    """So nobody founds in somebody else's name by taking their leaf for the first one."""
    alice, other = account(), HostilePeer(now=now)
    key_package = alice.key_package(lifetime=HOUR, now=now)
    group = mallory.group(key_package)
    group.leaves.append(other.leaf().encode())
    group.signer = other.signer
    before = dict(alice.area.rows)
    with pytest.raises(CryptoRejected, match="founder"):
        alice.join(group.welcome(group_info=group.group_info(signer_index=2)), max_members=3)
    assert alice.area.rows == before
    group.signer = mallory.signer
    assert alice.join(group.welcome(), max_members=3).founder == mallory.device


def test_an_era_in_our_name_is_refused_even_from_a_thief_of_our_key(account, mallory, now):
    """The thief puts our leaf first, and signs as the founder of the group with our MLS key."""
    alice = account()
    key_package = alice.key_package(lifetime=HOUR, now=now)
    group = mallory.group(key_package)
    group.leaves.reverse()
    group.signer = Ed25519PrivateKey.from_private_bytes(Keyring.load(alice.area).mls_seed)
    before = dict(alice.area.rows)
    with pytest.raises(CryptoRejected, match="as if we had founded it"):
        alice.join(group.welcome(), max_members=2)
    assert alice.area.rows == before


def test_nobody_is_made_to_name_too_much(account, now):
    alice, bob = account(), account()
    package = bob.key_package(lifetime=HOUR, now=now)
    for knows in ([bytes(16)] * 2, [bytes(15)], [bytes(17)], [n.to_bytes(16) for n in range(33)]):
        with pytest.raises(BadInput):
            alice.found(b"group", [(bob.peer, package)], knows=knows, now=now)
    (welcome,) = alice.found(b"group", [(bob.peer, package)], knows=ERAS[:32], now=now).welcomes
    assert bob.join(welcome, max_members=2).knows == tuple(ERAS[:32])
    assert len(welcome) < 4096, "it goes into an envelope of the smallest class"
