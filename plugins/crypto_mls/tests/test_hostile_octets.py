"""Octets that somebody else made by hand: refused as theirs, before they cost anything, and they change nothing."""

import pytest
from balchat_common import cbor
from balchat_crypto_mls import known_eras
from balchat_crypto_mls.credential import CREDENTIAL_TYPE, MAX_LIFETIME
from balchat_crypto_mls.members import Members, credential_of
from balchat_crypto_mls.rows import KeyPackageRows
from balchat_crypto_mls.sealing import EXTENSION_TYPE, SealedWelcome
from mls_rs_py import CustomCredential, KeyPackage, SigningIdentity
from mls_rs_py.crafting import (
    APPLICATION,
    COMMIT,
    EXTERNAL_SENDERS,
    PROPOSAL,
    CraftedGroup,
    encrypted_secrets,
    extension,
    mls_message,
    private_message_header,
    required_capabilities,
    uint16s,
    vector,
)

from balchat_host.api.errors import BadCredential, BadInput, CryptoRejected, PeerError, UnsupportedMls
from tests.support.commits import load
from tests.support.hostile_peer import EXTENSION_TYPES, HostilePeer, seal_welcome

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


# -- messages: only the header is read

MESSAGES = {
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


@pytest.mark.parametrize("problem", MESSAGES)
def test_what_is_no_application_message_of_the_group_by_its_header_is_refused(alice, mallory, problem):
    octets = MESSAGES[problem](mallory, alice)
    before = dict(alice.area.rows)
    with pytest.raises(CryptoRejected):
        alice.decrypt(b"group", octets)
    assert alice.area.rows == before


@pytest.mark.parametrize(
    "fields", [{"content_type": PROPOSAL}, {"content_type": COMMIT}, {"epoch": 0}, {"epoch": 2}, {"group_id": b"other"}]
)
def test_a_header_is_enough_to_refuse_it_whatever_follows(alice, monkeypatch, fields):
    monkeypatch.setattr("balchat_crypto_mls.engine._load", lambda *_, **__: pytest.fail("the group was loaded"))
    for rest in (b"", bytes(MIB), b"\xff" * MIB):
        header = {"group_id": b"group", "epoch": 1, "content_type": APPLICATION} | fields
        with pytest.raises(CryptoRejected):
            alice.decrypt(b"group", private_message_header(header.pop("group_id"), rest=rest, **header))


@pytest.mark.parametrize("kind", [PROPOSAL, COMMIT, 0, 4, 255])
def test_what_a_member_says_other_than_an_application_message_is_refused(account, mallory, now, kind):
    alice = account()
    group = mallory.group(alice.key_package(lifetime=HOUR, now=now))
    joined = alice.join(group.welcome(), max_members=2)
    assert joined.era_id == group.era_id
    before = dict(alice.area.rows)
    for content in (b"", vector(b"x"), vector(b"\x01\x00\x07" + vector(extensions(40_000))) + b"\x00"):
        with pytest.raises(CryptoRejected):
            alice.decrypt(group.group_id, group.private_message(kind, content))
    assert alice.area.rows == before
    large = group.private_message(APPLICATION, vector(bytes(MIB - 1000)))
    assert alice.decrypt(group.group_id, large).data == bytes(MIB - 1000)


def test_a_commit_that_says_it_is_an_application_message_is_refused(account, mallory, now):
    """The content type is authenticated, and says with which of a sender's keys the content is encrypted."""
    alice = account()
    group = mallory.group(alice.key_package(lifetime=HOUR, now=now))
    alice.join(group.welcome(), max_members=2)
    commit = group.private_message(COMMIT, vector(b"") + b"\x00")
    at = commit.index(group.group_id) + len(group.group_id) + 8
    with pytest.raises(CryptoRejected):
        alice.decrypt(group.group_id, commit[:at] + bytes([APPLICATION]) + commit[at + 1 :])


# -- key packages

KEY_PACKAGES = {
    "another suite": (lambda m: m.key_package(suite=3), UnsupportedMls),
    "the suite of another curve": (lambda m: m.key_package(suite=2), UnsupportedMls),
    "an unknown suite": (lambda m: m.key_package(suite=0xFF00), UnsupportedMls),
    "another version": (lambda m: m.key_package(version=2), UnsupportedMls),
    "another credential type": (lambda m: m.key_package(m.leaf(credential_type=1)), BadCredential),
    "an unknown credential type": (lambda m: m.key_package(m.leaf(credential_type=0xF0BC)), BadCredential),
    "certificates": (lambda m: m.key_package(m.leaf(credential_type=2, credential=vector(b"x"))), BadCredential),
    "an empty credential": (lambda m: m.key_package(m.leaf(credential=b"")), BadCredential),
    "a short credential": (lambda m: m.key_package(m.leaf(credential=m.credential()[:-1])), BadCredential),
    "a long credential": (lambda m: m.key_package(m.leaf(credential=m.credential() + b"\0")), BadCredential),
    "a credential of the version before": (
        lambda m: m.key_package(m.leaf(credential=b"\1" + m.credential()[1:])),
        BadCredential,
    ),
    "a credential of a version to come": (
        lambda m: m.key_package(m.leaf(credential=b"\3" + m.credential()[1:])),
        BadCredential,
    ),
    "a credential with a device id of another length": (
        lambda m: m.key_package(m.leaf(credential=m.credential()[:33] + m.credential()[34:])),
        BadCredential,
    ),
    "a credential of another device": (
        lambda m: m.key_package(m.leaf(credential=m.credential()[:33] + bytes(16) + m.credential()[49:])),
        BadCredential,
    ),
    "a credential that is signed for another key": (
        lambda m: m.key_package(m.leaf(credential=m.credential(signature_key=bytes(32)))),
        BadCredential,
    ),
    "a credential that was over yesterday": (
        lambda m: m.key_package(m.leaf(credential=m.credential(not_after=m.now // DAY - 1))),
        BadCredential,
    ),
    "a credential of the first day": (
        lambda m: m.key_package(m.leaf(credential=m.credential(not_after=0))),
        BadCredential,
    ),
    "a credential that is valid for 402 days": (
        lambda m: m.key_package(m.leaf(credential=m.credential(not_after=m.now // DAY + 402))),
        BadCredential,
    ),
    "a credential without end": (
        lambda m: m.key_package(m.leaf(credential=m.credential(not_after=2**32 - 1))),
        BadCredential,
    ),
    "no X-Wing key": (lambda m: m.key_package(extensions=b""), UnsupportedMls),
    "a client that reads no known eras": (
        lambda m: m.key_package(m.leaf(extension_types=uint16s(EXTENSION_TYPE))),
        UnsupportedMls,
    ),
    "a client that opens no seals": (
        lambda m: m.key_package(m.leaf(extension_types=uint16s(known_eras.EXTENSION_TYPE))),
        CryptoRejected,
    ),
    "an empty X-Wing key": (lambda m: m.key_package(extensions=extension(EXTENSION_TYPE)), CryptoRejected),
    "a short X-Wing key": (
        lambda m: m.key_package(extensions=extension(EXTENSION_TYPE, m.sealing_key.octets[1:])),
        CryptoRejected,
    ),
    "a long X-Wing key": (
        lambda m: m.key_package(extensions=extension(EXTENSION_TYPE, m.sealing_key.octets + b"\0")),
        CryptoRejected,
    ),
    "an ML-KEM key that is none": (
        lambda m: m.key_package(extensions=extension(EXTENSION_TYPE, b"\xff" * 1184 + bytes([9]) + bytes(31))),
        CryptoRejected,
    ),
    "an X25519 key that is none": (
        lambda m: m.key_package(extensions=extension(EXTENSION_TYPE, m.sealing_key.octets[:1184] + bytes(32))),
        CryptoRejected,
    ),
    "two X-Wing keys": (
        lambda m: m.key_package(extensions=extension(EXTENSION_TYPE, m.sealing_key.octets) * 2),
        CryptoRejected,
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
        lambda m: m.key_package(
            m.leaf(extension_types=uint16s(0xF000, *EXTENSION_TYPES), extensions=extension(0xF000, bytes(8000)))
        ),
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
    "no epoch with members": lambda m, kp: m.group(kp, epoch=0).welcome(),
    "an epoch later": lambda m, kp: m.group(kp, epoch=2).welcome(),
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
        alice.join(WELCOMES[problem](mallory, key_package), max_members=2)
    assert alice.area.rows == before
    group = mallory.group(key_package)
    assert alice.join(group.welcome(), max_members=2).group_id == group.group_id


def test_a_tree_of_thousands_of_leaves_is_refused_by_their_number(account, mallory, now, monkeypatch):
    alice = account()
    group = mallory.group(alice.key_package(lifetime=HOUR, now=now))
    group.leaves += [mallory.leaf().encode()] * 3000
    looked_at = []
    monkeypatch.setattr(
        "balchat_crypto_mls.members.Members.identity", lambda _, identity: looked_at.append(identity) or bytes(32)
    )
    with pytest.raises(CryptoRejected):
        alice.join(group.welcome(), max_members=2)
    assert not looked_at


def test_a_tree_has_no_more_leaves_than_the_host_allows(account, mallory, now):
    alice = account()
    group = mallory.group(alice.key_package(lifetime=HOUR, now=now))
    group.leaves.append(HostilePeer(now=now).leaf().encode())
    with pytest.raises(CryptoRejected):
        alice.join(group.welcome(), max_members=2)
    alice.join(group.welcome(), max_members=3)
    assert len(alice.members(group.group_id)) == 3


@pytest.mark.parametrize("same", [True, False])
def test_a_device_has_one_leaf_in_a_group(account, mallory, now, *, same):
    alice = account()
    group = mallory.group(alice.key_package(lifetime=HOUR, now=now))
    twin = HostilePeer(now=now, identity_seed=mallory.identity_seed)
    group.leaves.append(twin.leaf(credential=twin.credential(device_id=mallory.device_id if same else None)).encode())
    if same:
        with pytest.raises(CryptoRejected):
            alice.join(group.welcome(), max_members=3)
    else:
        alice.join(group.welcome(), max_members=3)
        assert list(alice.members(group.group_id)) == [mallory.device, alice.device, twin.device]


@pytest.mark.parametrize("devices", [8, 9])
def test_an_account_has_at_most_eight_leaves_in_a_group(account, mallory, now, devices):
    alice = account()
    group = mallory.group(alice.key_package(lifetime=HOUR, now=now))
    for _ in range(devices - 1):
        twin = HostilePeer(now=now, identity_seed=mallory.identity_seed)
        group.leaves.append(twin.leaf().encode())
    if devices > 8:
        with pytest.raises(CryptoRejected, match="more than 8 devices"):
            alice.join(group.welcome(), max_members=10)
    else:
        alice.join(group.welcome(), max_members=10)
        assert [each.peer for each in alice.members(group.group_id)].count(mallory.peer) == devices


def test_nobody_founds_a_group_with_more_than_eight_devices_of_an_account(account, mallory, now):
    twins = [HostilePeer(now=now, identity_seed=mallory.identity_seed) for _ in range(9)]
    added = [(mallory.peer, each.key_package().message()) for each in twins]
    with pytest.raises(BadInput, match="at most 8 devices"):
        account().found(b"group", added, now=now)
    assert len(account().found(b"group", added[:8], now=now).welcomes) == 8


def test_a_leaf_has_a_successor_of_the_same_account_and_device_only(mallory):
    """mls-rs asks wherever one leaf takes the place of another one."""
    stranger = HostilePeer(now=mallory.now)
    ours = credential_in(mallory.credential())
    for other, allowed in (
        (mallory.credential(not_after=mallory.now // DAY + 1), True),
        (mallory.credential(device_id=b"another device.."), False),
        (stranger.credential(device_id=mallory.device_id), False),
    ):
        assert Members(now=None).valid_successor(ours, credential_in(other)) is allowed


def credential_in(encoded):
    return SigningIdentity(CustomCredential(CREDENTIAL_TYPE, encoded), bytes(32))


# -- seals

SEALS = {
    "nothing": lambda kp, sealed: b"",
    "another seal's content": lambda kp, sealed: cbor.encode([1, sealed.reference, sealed.sealed[::-1]]),
    "another version": lambda kp, sealed: cbor.encode([2, sealed.reference, sealed.sealed]),
    "no version": lambda kp, sealed: cbor.encode([sealed.reference, sealed.sealed]),
    "a truth for a version": lambda kp, sealed: cbor.encode([True, sealed.reference, sealed.sealed]),
    "a short reference": lambda kp, sealed: cbor.encode([1, sealed.reference[:31], sealed.sealed]),
    "another reference": lambda kp, sealed: cbor.encode([1, bytes(32), sealed.sealed]),
    "a text for a reference": lambda kp, sealed: cbor.encode([1, "x" * 32, sealed.sealed]),
    "one too many": lambda kp, sealed: cbor.encode([1, sealed.reference, sealed.sealed, 0]),
    "a longer spelling": lambda kp, sealed: b"\x98\x03" + sealed.encode()[1:],
    "octets after it": lambda kp, sealed: sealed.encode() + b"\0",
    "nothing in it": lambda kp, sealed: cbor.encode([1, sealed.reference, b""]),
    "a key alone": lambda kp, sealed: cbor.encode([1, sealed.reference, sealed.sealed[:1120]]),
    "zeros": lambda kp, sealed: cbor.encode([1, sealed.reference, bytes(len(sealed.sealed))]),
    "a curve point that is none": lambda kp, sealed: cbor.encode(
        [1, sealed.reference, sealed.sealed[:1088] + bytes(32) + sealed.sealed[1120:]]
    ),
    "garbage, sealed": lambda kp, sealed: seal_welcome(b"garbage", kp),
    "a key package, sealed": lambda kp, sealed: seal_welcome(kp, kp),
    "a seal in a seal": lambda kp, sealed: seal_welcome(sealed.encode(), kp),
}


@pytest.mark.parametrize("problem", SEALS)
def test_a_seal_that_is_not_right_is_the_peers_fault(account, mallory, now, problem):
    alice = account()
    key_package = alice.key_package(lifetime=HOUR, now=now)
    group = mallory.group(key_package)
    honest = group.welcome()
    before = dict(alice.area.rows)
    with pytest.raises(CryptoRejected):
        alice.join(SEALS[problem](key_package, SealedWelcome.decode(honest)), max_members=2)
    assert alice.area.rows == before
    alice.join(honest, max_members=2)


def test_a_welcome_in_the_clear_is_not_taken(account, mallory, now):
    alice = account()
    group = mallory.group(alice.key_package(lifetime=HOUR, now=now))
    with pytest.raises(CryptoRejected):
        alice.join(CraftedGroup.welcome(group), max_members=2)


def test_a_welcome_answers_the_key_package_that_it_is_sealed_to(account, mallory, now):
    alice = account()
    one, other = (alice.key_package(lifetime=HOUR, now=now) for _ in range(2))
    before = dict(alice.area.rows)
    for theirs in ((other,), (one, other)):
        welcome = CraftedGroup.welcome(mallory.group(*theirs))
        with pytest.raises(CryptoRejected, match="another key package"):
            alice.join(seal_welcome(welcome, one), max_members=3)
    assert alice.area.rows == before


def test_the_key_that_opens_a_seal_goes_with_the_key_package(account, mallory, now):
    alice = account()
    key_package = alice.key_package(lifetime=HOUR, now=now)
    (row,) = [row for key, row in alice.area.rows.items() if key[:1] == b"k"]
    reference = KeyPackage.from_bytes(key_package).reference
    opening_key = KeyPackageRows(alice.area).keys(reference).opening_key.octets
    assert opening_key in row
    alice.join(mallory.group(key_package).welcome(), max_members=2)
    assert opening_key not in b"".join(alice.area.rows.values())


@pytest.mark.parametrize("day", [0, 2**32 - 1])
def test_whether_what_was_received_is_right_depends_on_no_date(account, mallory, now, day):
    """Two whose clocks differ must not judge one thing differently: neither could ever go on."""
    alice = account()
    leaf = mallory.leaf(credential=mallory.credential(not_after=day), not_before=day * DAY, not_after=day * DAY + 1)
    group = mallory.group(alice.key_package(lifetime=HOUR, now=now), leaf=leaf)
    assert alice.join(group.welcome(), max_members=2).group_id == group.group_id
    assert alice.decrypt(group.group_id, group.private_message(APPLICATION, vector(b"x"))).data == b"x"


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
        assert alice.join(invitation.welcomes[0], max_members=2).group_id == b"group"
    assert len(shown) == 1


def test_a_credential_does_not_tell_when_the_account_was_made(account, now):
    shown = set()
    for number in range(30):
        born = now + number * DAY + 1234
        alice = account()
        alice.area.rows.clear()
        alice.create_identity(alice.device.device_id, now=born)
        package = KeyPackage.from_bytes(alice.key_package(lifetime=30 * DAY, now=born))
        credential = credential_of(package.signing_identity)
        assert MAX_LIFETIME - 30 < credential.days_left(now=born) <= MAX_LIFETIME
        shown.add(credential.not_after)
    assert len(shown) <= 2
    assert all(each % 30 == 0 for each in shown)


def test_the_leaf_of_a_founder_does_not_tell_our_clock(account, now):
    """It has a lifetime until the Commit that adds the others replaces it. Theirs keep the ones that they chose."""
    alice, bob = account(), account()
    package = KeyPackage.from_bytes(bob.key_package(lifetime=30 * DAY, now=now))
    founded = now + 10 * DAY
    invitation = alice.found(b"group", [(bob.peer, package.to_bytes())], now=founded)
    bob.join(invitation.welcomes[0], max_members=2)
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
    assert list(alice.members(b"another")) == [alice.device, mallory.device]
    assert mallory.leaf().credential_type == CREDENTIAL_TYPE
