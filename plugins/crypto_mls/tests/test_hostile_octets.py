"""Octets that somebody else made by hand: refused as theirs, before they cost anything, and they change nothing."""

import struct

import pytest
from balchat_crypto_mls.credential import CREDENTIAL_TYPE, MAX_LIFETIME
from balchat_crypto_mls.members import credential_of
from mls_rs_py import KeyPackage
from mls_rs_py.crafting import (
    APPLICATION,
    COMMIT,
    EXTERNAL_SENDERS,
    PROPOSAL,
    encrypted_secrets,
    extension,
    mls_message,
    private_message_header,
    required_capabilities,
    uint16s,
    vector,
)

from balchat_host.api.errors import BadCredential, BadInput, CryptoRejected, PeerError, UnsupportedMls
from tests.support.commits import commit, load
from tests.support.hostile_peer import HostilePeer

HOUR, DAY = 3600, 24 * 3600
MIB = 2**20


@pytest.fixture
def mallory(now):
    return HostilePeer(now=now)


@pytest.fixture
def alice(account, now):
    """She is in a group, b"group"."""
    alice, bob = account(), account()
    alice.found(b"group", [(bob.peer, bob.key_package(lifetime=HOUR, now=now))], now=now)
    return alice


def extensions(count, first=6):
    return b"".join(extension(number) for number in range(first, first + count))


# -- kind 1: only the header is read

STRANGERS = {
    "a key package of many extensions": lambda m, _: m.key_package(extensions=extensions(60_000)).message(),
    "a GroupInfo of many extensions": lambda m, _: mls_message(
        4, uint16s(1, 1) + vector(b"group") + bytes(8) + vector(b"") * 2 + vector(extensions(60_000))
    ),
    "a Welcome of many secrets": lambda m, _: mls_message(3, uint16s(1) + vector(b"\x00\x00\x00" * 300_000)),
    "a PublicMessage": lambda m, _: mls_message(1, vector(b"group") + bytes(8) + bytes(MIB)),
    "another version": lambda m, _: mls_message(2, vector(b"group") + bytes(9) + bytes(MIB), version=2),
    "a long group id": lambda m, _: private_message_header(bytes(256), rest=bytes(MIB)),
    "half a header": lambda m, _: private_message_header(b"group")[:8],
    "nothing": lambda m, _: b"",
}


@pytest.mark.parametrize("problem", STRANGERS)
def test_what_names_no_group_by_its_header_is_refused(alice, mallory, now, problem):
    octets = STRANGERS[problem](mallory, alice)
    before = dict(alice.area.rows)
    with pytest.raises(CryptoRejected):
        alice.engine.group_of(octets)
    with pytest.raises(CryptoRejected):
        alice.process(octets, now=now)
    assert alice.area.rows == before


def test_a_header_names_its_group_whatever_follows(alice):
    for rest in (b"", bytes(MIB), b"\xff" * MIB):
        assert alice.engine.group_of(private_message_header(b"group", rest=rest)) == b"group"


@pytest.mark.parametrize("kind", [PROPOSAL, COMMIT])
def test_a_large_proposal_or_commit_is_refused_undecrypted(account, mallory, now, kind):
    alice = account()
    group = mallory.group(alice.key_package(lifetime=HOUR, now=now))
    alice.join(group.welcome(), now=now, max_members=2)
    content = b"\x00\x07" + vector(extensions(40_000))
    octets = group.private_message(kind, content if kind == PROPOSAL else vector(b"\x01" + content) + b"\x00")
    before = dict(alice.area.rows)
    with pytest.raises(CryptoRejected):
        alice.process(octets, now=now)
    assert alice.area.rows == before
    large = group.private_message(APPLICATION, vector(bytes(MIB - 1000)))
    assert alice.process(large, now=now).data == bytes(MIB - 1000)


# -- key packages

KEY_PACKAGES = {
    "another suite": (lambda m: m.key_package(suite=3), UnsupportedMls),
    "the suite of another curve": (lambda m: m.key_package(suite=2), UnsupportedMls),
    "an unknown suite": (lambda m: m.key_package(suite=0xFF00), UnsupportedMls),
    "another version": (lambda m: m.key_package(version=2), UnsupportedMls),
    "another credential type": (lambda m: m.key_package(m.leaf(credential_type=1)), BadCredential),
    "an unknown credential type": (lambda m: m.key_package(m.leaf(credential_type=0xF0BB)), BadCredential),
    "certificates": (lambda m: m.key_package(m.leaf(credential_type=2, credential=vector(b"x"))), BadCredential),
    "a credential of another length": (lambda m: m.key_package(m.leaf(credential=bytes(103))), BadCredential),
    "a credential that is signed for another key": (
        lambda m: m.key_package(m.leaf(credential=m.credential(signature_key=bytes(32)))),
        BadCredential,
    ),
    "a credential that is over": (
        lambda m: m.key_package(m.leaf(credential=m.credential(not_after=m.now - 1))),
        BadCredential,
    ),
    "a credential without end": (
        lambda m: m.key_package(m.leaf(credential=m.credential(not_after=2**64 - 1))),
        BadCredential,
    ),
    "a client that does not speak our credentials": (
        lambda m: m.key_package(m.leaf(credential_types=uint16s(1))),
        CryptoRejected,
    ),
    "many extensions": (lambda m: m.key_package(extensions=extensions(33)), CryptoRejected),
    "many capabilities": (lambda m: m.key_package(m.leaf(proposal_types=uint16s(*range(100, 165)))), CryptoRejected),
    "an encryption key that is none": (lambda m: m.key_package(m.leaf(encryption_key=bytes(33))), CryptoRejected),
    "an init key that is none": (lambda m: m.key_package(init_key=b""), CryptoRejected),
    "a signature key that is none": (lambda m: m.key_package(m.leaf(signature_key=bytes(31))), PeerError),
    "a lifetime that is over": (lambda m: m.key_package(m.leaf(not_after=m.now - 1)), CryptoRejected),
    "a lifetime that is to come": (lambda m: m.key_package(m.leaf(not_before=m.now + DAY)), CryptoRejected),
    "a lifetime without end": (lambda m: m.key_package(m.leaf(not_after=2**64 - 1)), CryptoRejected),
    "a large one": (
        lambda m: m.key_package(m.leaf(extension_types=uint16s(0xF000), extensions=extension(0xF000, bytes(8000)))),
        CryptoRejected,
    ),
}


@pytest.mark.parametrize("problem", KEY_PACKAGES)
def test_a_key_package_that_is_not_right_is_the_peers_fault(alice, mallory, now, problem):
    make, error = KEY_PACKAGES[problem]
    before = dict(alice.area.rows)
    with pytest.raises(error):
        alice.found(b"another", [(mallory.peer, make(mallory).message())], now=now)
    assert alice.area.rows == before


@pytest.mark.parametrize("octets", [b"", b"\x00\x01\x00\x05", b"\x00\x01\x00\x05\x00\x02", bytes(10_000), b"\xff" * 99])
def test_octets_that_are_no_key_package(alice, mallory, now, octets):
    for encoded in (octets, mallory.key_package().message() + octets if octets else b""):
        with pytest.raises(CryptoRejected):
            alice.found(b"another", [(mallory.peer, encoded)], now=now)


# -- Welcomes

WELCOMES = {
    "long lists of capabilities on both sides": lambda m, kp: m.group(
        kp,
        leaf=m.leaf(extension_types=uint16s(*([0xAAAA] * 4000), 0xBBBB)),
        extensions=required_capabilities(uint16s(*([0xBBBB] * 4000))),
    ).welcome(),
    "many extensions of the group": lambda m, kp: m.group(kp, extensions=extensions(9000)).welcome(),
    "another suite": lambda m, kp: m.group(kp).welcome(suite=3),
    "a group of another suite": lambda m, kp: m.group(kp, suite=3).welcome(suite=1),
    "a group of another version": lambda m, kp: m.group(kp, version=2).welcome(),
    "the last epoch": lambda m, kp: m.group(kp, epoch=2**64 - 1).welcome(),
    "octets after the GroupInfo": lambda m, kp: m.group(kp).welcome(after_group_info=b"\x00"),
    "octets after the secrets": lambda m, kp: m.group(kp).welcome(after_group_secrets=b"\x00"),
    "octets after all": lambda m, kp: m.group(kp).welcome(after=b"\x00"),
    "somebody from outside with a say": lambda m, kp: m.group(
        kp, extensions=extension(EXTERNAL_SENDERS, vector(vector(bytes(32)) + uint16s(1) + vector(b"x")))
    ).welcome(),
    "a group with an extension": lambda m, kp: m.group(kp, extensions=extension(0xF000)).welcome(),
    "a pre-shared key": lambda m, kp: _with_psk(m.group(kp)),
    "a long group id": lambda m, kp: m.group(kp, group_id=bytes(256)).welcome(),
    "a credential of another kind": lambda m, kp: m.group(kp, leaf=m.leaf(credential_type=1)).welcome(),
    "a wrong tag": lambda m, kp: _with_tag(m.group(kp)),
    "one key package twice": lambda m, kp: _answered_twice(m.group(kp)),
    "a commit in the clear": lambda m, kp: mls_message(
        1,
        vector(b"group") + bytes(8) + b"\x01" + bytes(5) + b"\x03" + vector(b"\x01\x00\x07" + vector(extensions(9000))),
    ),
    "a leaf whose key is none": lambda m, kp: m.group(kp, leaf=m.leaf(encryption_key=b"x")).welcome(),
}


def _with_psk(group):
    return group.welcome(group_secrets=group.group_secrets(psks=b"\x01" + vector(b"id") + vector(bytes(32))))


def _with_tag(group):
    return group.welcome(group_info=group.group_info(confirmation_tag=bytes(32)))


def _answered_twice(group):
    return group.welcome(secrets_before=[encrypted_secrets(group.newcomers[0], group.group_secrets(), b"")])


@pytest.mark.parametrize("problem", WELCOMES)
def test_a_welcome_that_is_not_right_is_the_peers_fault(alice, mallory, now, problem):
    key_package = alice.key_package(lifetime=HOUR, now=now)
    before = dict(alice.area.rows)
    with pytest.raises((CryptoRejected, BadCredential)):
        alice.join(WELCOMES[problem](mallory, key_package), now=now, max_members=2)
    assert alice.area.rows == before
    group = mallory.group(key_package)
    assert alice.join(group.welcome(), now=now, max_members=2) == group.group_id


def test_a_tree_of_thousands_of_leaves_is_refused_by_their_number(account, mallory, now, monkeypatch):
    alice = account()
    group = mallory.group(alice.key_package(lifetime=HOUR, now=now))
    group.leaves += [mallory.leaf().encode()] * 3000
    looked_at = []
    monkeypatch.setattr(
        "balchat_crypto_mls.members.Members.identity", lambda _, identity: looked_at.append(identity) or bytes(32)
    )
    with pytest.raises(CryptoRejected):
        alice.join(group.welcome(), now=now, max_members=2)
    assert not looked_at


def test_a_tree_has_no_more_leaves_than_the_host_allows(account, mallory, now):
    alice = account()
    group = mallory.group(alice.key_package(lifetime=HOUR, now=now))
    group.leaves.append(HostilePeer(now=now).leaf().encode())
    with pytest.raises(CryptoRejected):
        alice.join(group.welcome(), now=now, max_members=2)
    alice.join(group.welcome(), now=now, max_members=3)
    assert len(alice.members(group.group_id)) == 3


# -- what a member says

COMMITS = {
    "a group extension": b"\x00\x07" + vector(extension(0xF000)),
    "an unknown proposal": b"\xf0\x00" + vector(b""),
    "a key from elsewhere": b"\x00\x04\x01" + vector(b"id") + vector(bytes(32)),
    "the end of the group": b"\x00\x05" + vector(b"next") + uint16s(1, 1) + vector(b""),
    "a member that is not there": b"\x00\x03" + struct.pack(">I", 2**31),
    "the committer's own end": b"\x00\x03" + bytes(4),
    "a way in from outside": b"\x00\x06" + vector(bytes(32)),
}


@pytest.mark.parametrize("problem", [*COMMITS, "nothing", "a reference to nothing", "half a list"])
def test_a_commit_that_is_not_right_is_the_peers_fault(account, mallory, now, problem):
    alice = account()
    group = mallory.group(alice.key_package(lifetime=HOUR, now=now))
    alice.join(group.welcome(), now=now, max_members=2)
    content = {
        "nothing": b"",
        "a reference to nothing": vector(b"\x02" + vector(bytes(32))) + b"\x00",
        "half a list": b"\x40\xff",
    }.get(problem, vector(b"\x01" + COMMITS.get(problem, b"")) + b"\x00")
    before = dict(alice.area.rows)
    with pytest.raises(CryptoRejected):
        alice.process(group.private_message(COMMIT, content), now=now)
    assert alice.area.rows == before
    assert alice.process(group.private_message(APPLICATION, vector(b"x")), now=now).data == b"x"


@pytest.mark.parametrize("clock", [0, 1_000_000_000, 1_800_000_000 + 500 * DAY, 2**40])
def test_whether_what_was_received_is_right_depends_on_no_clock(account, mallory, now, clock):
    """Two whose clocks differ must not judge one thing differently: neither could ever go on."""
    alice = account()
    group = mallory.group(alice.key_package(lifetime=30 * DAY, now=now))
    assert alice.join(group.welcome(), now=clock, max_members=2) == group.group_id
    bob, carol = account(), account()
    invitation = bob.found(b"group", [(carol.peer, carol.key_package(lifetime=HOUR, now=now))], now=now)
    carol.join(invitation.welcome, now=clock, max_members=2)
    assert carol.process(commit(bob.area, b"group", now=now).message, now=clock).epoch == 2


# -- what ours tell about us


@pytest.mark.parametrize("lifetime", [HOUR, 3 * DAY, 7 * DAY, 30 * DAY, 90 * DAY])
def test_a_key_package_does_not_tell_our_clock(account, now, lifetime):
    shown = set()
    for moment in (now - now % DAY + HOUR, now + 12_345, now - now % DAY + DAY + HOUR - 1):
        alice, bob = account(), account()
        package = KeyPackage.from_bytes(alice.key_package(lifetime=lifetime, now=moment))
        assert package.not_before % DAY == 0
        assert package.not_before <= moment - HOUR
        assert package.not_after % (DAY if lifetime >= 7 * DAY else HOUR) == 0
        assert abs(package.not_after - moment - lifetime) < (DAY if lifetime >= 7 * DAY else HOUR)
        shown.add(package.not_before)
        # Somebody whose clock is an hour slow can use it at once.
        invitation = bob.found(b"group", [(alice.peer, package.to_bytes())], now=moment - HOUR)
        assert alice.join(invitation.welcome, now=moment, max_members=2) == b"group"
    assert len(shown) == 1


def test_a_credential_does_not_tell_when_the_account_was_made(account, now):
    shown = set()
    for number in range(30):
        born = now + number * DAY + 1234
        alice = account()
        alice.area.rows.clear()
        alice.create_identity(now=born)
        package = KeyPackage.from_bytes(alice.key_package(lifetime=30 * DAY, now=born))
        credential = credential_of(package.signing_identity)
        assert MAX_LIFETIME - 30 * DAY < credential.not_after - born <= MAX_LIFETIME
        shown.add(credential.not_after)
    assert len(shown) <= 2
    assert all(each % (30 * DAY) == 0 for each in shown)


def test_the_leaf_of_a_founder_does_not_tell_our_clock(account, now):
    """It has a lifetime until the Commit that adds the others replaces it. Theirs keep the ones that they chose."""
    alice, bob = account(), account()
    package = KeyPackage.from_bytes(bob.key_package(lifetime=30 * DAY, now=now))
    founded = now + 10 * DAY
    invitation = alice.found(b"group", [(bob.peer, package.to_bytes())], now=founded)
    bob.join(invitation.welcome, now=now, max_members=2)
    tree = load(bob.area, b"group").export_tree()
    times = [int.from_bytes(tree[at : at + 8]) for at in range(len(tree) - 7)]
    assert package.not_before in times
    assert not [time for time in times if abs(time - founded) < 5 * DAY]


def test_a_lifetime_that_is_too_long(account, now):
    with pytest.raises(BadInput):
        account().key_package(lifetime=90 * DAY + 1, now=now)


def test_a_hostile_peer_who_keeps_the_rules_is_let_in(alice, mallory, now):
    """Otherwise the refusals above would prove nothing."""
    alice.found(b"another", [(mallory.peer, mallory.key_package().message())], now=now)
    assert list(alice.members(b"another")) == [alice.peer, mallory.peer]
    assert mallory.leaf().credential_type == CREDENTIAL_TYPE
