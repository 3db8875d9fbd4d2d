"""What is refused before mls-rs parses it: lists that cost it quadratic time, and what RFC 9420, 12.4.3.1, forbids."""

import struct
from hashlib import sha256

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from mls_rs_py import (
    BasicCredential,
    Client,
    Extension,
    GroupInfo,
    LimitExceededError,
    Limits,
    MalformedMessageError,
    MessageInfo,
    PeerError,
    PrivateMessageHeader,
    SignatureKeyPair,
    UnknownKeyPackageError,
    WelcomeHeader,
)
from mls_rs_py import KeyPackage as RealKeyPackage
from mls_rs_py.crafting import (
    APPLICATION,
    COMMIT,
    EXTERNAL_SENDERS,
    LOW_ORDER_KEYS,
    PROPOSAL,
    RATCHET_TREE,
    REQUIRED_CAPABILITIES,
    CraftedGroup,
    CraftedKeyPackage,
    CraftedLeaf,
    KeyPackageParts,
    encrypted_secrets,
    extension,
    mls_message,
    private_message_header,
    ratchet_tree,
    required_capabilities,
    uint16s,
    vector,
)

NOW = 1_800_000_000
PRIVATE = range(0xF000, 0xF000 + 4000)
KEY = Ed25519PrivateKey.generate()


def leaf(name=b"mallory", key=KEY, **fields):
    return CraftedLeaf(key, name, **({"not_before": NOW - 3600, "not_after": NOW + 86400} | fields))


def package(crafted=None, **fields):
    return CraftedKeyPackage(crafted or leaf(), **fields)


def extensions(count, first=0xF000):
    return b"".join(extension(number) for number in range(first, first + count))


@pytest.fixture
def bob(person):
    return person("bob")


@pytest.fixture
def group(bob):
    """Makes groups that somebody with all keys has made for Bob, with any fields."""
    theirs = bob.client.generate_key_package().to_bytes()
    return lambda crafted=None, **fields: CraftedGroup.of(package(crafted), theirs, **fields)


def test_what_is_made_by_hand_is_right(bob, group):
    """Otherwise the refusals below would prove nothing."""
    made = group()
    joined = bob.client.join(made.welcome())
    assert joined.group_id == made.group_id
    message = made.private_message(APPLICATION, vector(b"hello"), generation=3, padding=7, authenticated_data=b"more")
    received = joined.process(message)
    assert (received.data, received.authenticated_data) == (b"hello", b"more")


@pytest.mark.parametrize("others", [1, 3, 6])
def test_a_group_of_several_that_is_made_by_hand_is_right(bob, group, others):
    made = group()
    for number in range(others):
        made.leaves += [None, leaf(b"%d" % number, Ed25519PrivateKey.generate()).encode()]
    joined = bob.client.join(made.welcome())
    assert len(joined.roster()) == 2 + others
    assert joined.process(made.private_message(APPLICATION, vector(b"hello"))).data == b"hello"


# -- encryption keys


@pytest.mark.parametrize("key", LOW_ORDER_KEYS, ids=bytes.hex)
@pytest.mark.parametrize("highest_bit", [0, 0x80])
def test_a_key_for_which_everybody_knows_the_shared_secret_is_refused_wherever_it_stands(key, highest_bit):
    key = key[:-1] + bytes([key[-1] | highest_bit])
    for made in (package(init_key=key), package(leaf(encryption_key=key))):
        with pytest.raises(PeerError, match="low order"):
            RealKeyPackage.from_bytes(made.message())
    with pytest.raises(PeerError, match="low order"):
        RealKeyPackage.from_bytes(package(suite=3, init_key=key).message())


def test_no_leaf_of_a_tree_has_such_a_key(bob, group):
    for key in LOW_ORDER_KEYS:
        with pytest.raises(PeerError, match="low order"):
            bob.client.join(group(leaf(encryption_key=key)).welcome())


# -- PrivateMessages


@pytest.mark.parametrize("kind", ["application", "proposal", "commit"])
def test_a_header_is_read_without_what_follows(kind):
    number = {"application": APPLICATION, "proposal": PROPOSAL, "commit": COMMIT}[kind]
    message = private_message_header(b"a group", epoch=2**64 - 1, content_type=number, rest=bytes(2**20))
    header = PrivateMessageHeader.from_bytes(message)
    assert (header.group_id, header.epoch, header.content_type) == (b"a group", 2**64 - 1, kind)


NO_HEADERS = {
    "nothing": b"",
    "another version": mls_message(2, vector(b"g") + bytes(8) + b"\x01", version=2),
    "a PublicMessage": mls_message(1, vector(b"g") + bytes(8) + b"\x01"),
    "a Welcome": mls_message(3, vector(b"g") + bytes(8) + b"\x01"),
    "a GroupInfo": mls_message(4, vector(b"g") + bytes(8) + b"\x01"),
    "a KeyPackage": package().message(),
    "an unknown kind": mls_message(9, vector(b"g") + bytes(8) + b"\x01"),
    "a content type that is none": private_message_header(b"g", content_type=0),
    "a content type after the last": private_message_header(b"g", content_type=4),
    "a long group id": private_message_header(bytes(256)),
    "a group id past the end": mls_message(2, b"\xbf\xff\xff\xff" + bytes(20)),
    "a length in a longer form": mls_message(2, b"\x40\x01g" + bytes(8) + b"\x01"),
    "a length of an unknown form": mls_message(2, b"\xc0\x01g" + bytes(8) + b"\x01"),
    "no content type": private_message_header(b"g", rest=b"")[:-1],
}


@pytest.mark.parametrize("problem", NO_HEADERS)
def test_anything_but_a_private_message_has_no_header(problem):
    with pytest.raises((MalformedMessageError, LimitExceededError)):
        PrivateMessageHeader.from_bytes(NO_HEADERS[problem])


@pytest.mark.parametrize("content_type", [PROPOSAL, COMMIT])
def test_a_large_commit_is_refused_before_it_is_decrypted(person, content_type):
    """What is inside an encrypted one cannot be counted first."""
    bob = person("bob", options={"limits": Limits(max_handshake_octets=1000)})
    made = CraftedGroup.of(package(), bob.client.generate_key_package().to_bytes())
    bobs = bob.client.join(made.welcome())
    large = made.private_message(content_type, bytes(2), padding=1000)
    with pytest.raises(LimitExceededError):
        bobs.process(large)
    assert bobs.process(made.private_message(APPLICATION, vector(bytes(2000)))).data == bytes(2000)


def test_what_a_commit_brings_in_is_within_the_bounds(person, gather):
    """A leaf that came encrypted is looked at once it is decrypted, and the group is as it was."""
    many = {"extension_types": list(range(0xF000, 0xF000 + 65))}
    alice, bob, carol = person("alice"), person("bob"), person("carol", options=many)
    alices, bobs = gather(alice, bob)
    key_package = carol.client.generate_key_package()
    with pytest.raises(LimitExceededError):
        RealKeyPackage.from_bytes(key_package.to_bytes())
    commit = alices.commit(add=[key_package])
    before = bobs.epoch_authenticator
    with pytest.raises(LimitExceededError):
        bobs.process(commit.message)
    assert bobs.epoch_authenticator == before


# -- key packages

KEY_PACKAGES = {
    "another suite": (package(suite=3), PeerError),
    "an unknown suite": (package(suite=0xFF00), PeerError),
    "another version": (package(version=2), PeerError),
    "the version of nothing": (package(version=0), PeerError),
    "many extensions": (package(extensions=extensions(33)), LimitExceededError),
    "very many extensions": (package(extensions=extensions(12000, 0)), LimitExceededError),
    "many leaf extensions": (package(leaf(extensions=extensions(33))), LimitExceededError),
    "two extensions of a type": (package(extensions=extensions(1) * 2), MalformedMessageError),
    "many suites": (package(leaf(suites=uint16s(*range(65)))), LimitExceededError),
    "many versions": (package(leaf(versions=uint16s(*range(65)))), LimitExceededError),
    "many extension types": (package(leaf(extension_types=uint16s(*PRIVATE[:65]))), LimitExceededError),
    "many proposal types": (package(leaf(proposal_types=uint16s(*PRIVATE[:65]))), LimitExceededError),
    "many credential types": (package(leaf(credential_types=uint16s(*PRIVATE[:65]))), LimitExceededError),
    "half a type": (package(leaf(suites=b"\x00\x01\x00")), MalformedMessageError),
    "many certificates": (package(leaf(vector(b"x") * 17, credential_type=2)), LimitExceededError),
    "no key": (package(leaf(encryption_key=b"")), PeerError),
    "a short key": (package(leaf(encryption_key=bytes(31))), PeerError),
    "a long key": (package(leaf(encryption_key=bytes(33))), PeerError),
    "a very long key": (package(leaf(encryption_key=bytes(3000))), LimitExceededError),
    "a short init key": (package(init_key=bytes(31)), PeerError),
    "a leaf of an update": (package(leaf(source=2)), PeerError),
    "a leaf of a commit": (package(leaf(source=3)), PeerError),
    "a leaf of no source": (package(leaf(source=0)), MalformedMessageError),
    "a short signature key": (package(leaf(signature_key=bytes(31))), PeerError),
    "a signature key that is none": (package(leaf(signature_key=b"\x02" + bytes(31))), PeerError),
    "no signature": (package(signature=b""), PeerError),
    "a wrong signature": (package(signature=bytes(64)), PeerError),
    "a wrong leaf signature": (package(leaf(signature=bytes(64))), PeerError),
    "another credential type": (package(leaf(credential_type=0xF00D)), PeerError),
    "no credential types": (package(leaf(credential_types=b"")), PeerError),
    "a leaf extension that is not spoken": (package(leaf(extensions=extension(0xF001))), PeerError),
    "extensions that every leaf speaks": (package(leaf(extension_types=uint16s(1, 2, 3))), PeerError),
    "proposals that every leaf speaks": (package(leaf(proposal_types=uint16s(1, 2, 3))), PeerError),
    "a lifetime that is over": (package(leaf(not_after=NOW - 1)), PeerError),
    "a lifetime that is to come": (package(leaf(not_before=NOW + 7200)), PeerError),
    "a lifetime that ends before it begins": (package(leaf(not_before=NOW + 9, not_after=NOW - 9)), PeerError),
    "a lifetime without end": (package(leaf(not_after=2**64 - 1)), PeerError),
    "equal keys": (package(leaf(encryption_key=b"\x09" + bytes(31)), init_key=b"\x09" + bytes(31)), PeerError),
}


@pytest.mark.parametrize("problem", KEY_PACKAGES)
def test_a_key_package_that_is_not_right_is_the_peers_fault(person, gather, problem):
    crafted, error = KEY_PACKAGES[problem]
    (alice,) = gather(person("alice"))
    with pytest.raises(error):
        alice.commit(add=[RealKeyPackage.from_bytes(crafted.message())], now=NOW)
    assert not alice.has_pending_commit
    assert alice.epoch == 0


def test_a_right_key_package_is_added(person, gather):
    (alice,) = gather(person("alice"))
    full = leaf(extension_types=uint16s(*PRIVATE[:64]), suites=uint16s(*range(1, 65)), extensions=extensions(32))
    alice.commit(add=[RealKeyPackage.from_bytes(package(full, extensions=extensions(32)).message())], now=NOW)
    alice.apply_pending_commit()
    assert len(alice.roster()) == 2


def test_a_key_package_that_lacks_the_groups_extensions_is_the_peers_fault(person):
    alice = person("alice", options={"extension_types": [0xF123]})
    group = alice.client.create_group(extensions=[Extension(0xF123, b"")])
    with pytest.raises(PeerError):
        group.commit(add=[RealKeyPackage.from_bytes(package().message())], now=NOW)


def test_octets_after_a_key_package():
    with pytest.raises(MalformedMessageError):
        RealKeyPackage.from_bytes(package().message(after=b"\x00"))


def test_a_large_key_package():
    large = package(leaf(extension_types=uint16s(0xF000), extensions=extension(0xF000, bytes(70_000)))).message()
    with pytest.raises(LimitExceededError):
        RealKeyPackage.from_bytes(large)
    assert RealKeyPackage.from_bytes(large, limits=Limits(max_key_package_octets=100_000)).leaf_extensions


# -- Welcomes

GROUPS = {
    "another suite than the key package": {"suite": 3},
    "another version": {"version": 2},
    "an epoch that no group reaches": {"epoch": 2**32 + 1},
    "the last epoch": {"epoch": 2**64 - 1},
    "a long group id": {"group_id": bytes(256)},
    "many context extensions": {"extensions": extensions(33)},
    "very many context extensions": {"extensions": extensions(9000, 6)},
    "two context extensions of a type": {"extensions": extensions(1) * 2},
    "many required extensions": {"extensions": required_capabilities(uint16s(*PRIVATE[:65]))},
    "many required proposals": {"extensions": required_capabilities(b"", uint16s(*PRIVATE[:65]))},
    "many required credentials": {"extensions": required_capabilities(b"", b"", uint16s(*PRIVATE[:65]))},
    "octets after the required": {"extensions": extension(REQUIRED_CAPABILITIES, bytes(4))},
    "many external senders": {"extensions": extension(EXTERNAL_SENDERS, vector((bytes(3) + b"\x01\x00") * 17))},
    "octets after the external senders": {"extensions": extension(EXTERNAL_SENDERS, bytes(2))},
    "a group extension that we do not speak": {"extensions": extensions(1)},
    "a wrong tree hash": {"tree_hash": bytes(32)},
    "no tree hash": {"tree_hash": b""},
    "a tree of no leaf": {"tree": b""},
}


@pytest.mark.parametrize("problem", GROUPS)
def test_a_welcome_to_a_group_that_is_not_right(bob, group, problem):
    made = group(**GROUPS[problem])
    suite = {"suite": 1} if problem.startswith("another suite") else {}
    with pytest.raises(PeerError):
        bob.client.join(made.welcome(**suite))
    # The key package is still there for an honest one.
    assert bob.client.join(group().welcome())


LEAVES = {
    "many extension types": leaf(extension_types=uint16s(*PRIVATE[:65])),
    "many proposal types": leaf(proposal_types=uint16s(*PRIVATE[:65])),
    "many credential types": leaf(credential_types=uint16s(1, *PRIVATE[:65])),
    "many suites": leaf(suites=uint16s(*range(65))),
    "many extensions": leaf(extensions=extensions(33), extension_types=uint16s(*PRIVATE[:33])),
    "a short key": leaf(encryption_key=bytes(31)),
    "no key": leaf(encryption_key=b""),
    "no source": leaf(source=9),
}


@pytest.mark.parametrize("problem", LEAVES)
def test_a_welcome_with_a_leaf_that_is_not_right(bob, group, problem):
    with pytest.raises(PeerError):
        bob.client.join(group(LEAVES[problem]).welcome())


def test_a_welcome_within_all_bounds_is_taken(person):
    many = {"extension_types": list(PRIVATE[:64])}
    bob = person("bob", options=many)
    full = leaf(extension_types=uint16s(*PRIVATE[:64]), extensions=extensions(32))
    required = required_capabilities(uint16s(*PRIVATE[:64])) + extensions(31)
    made = CraftedGroup.of(
        package(full), bob.client.generate_key_package().to_bytes(), extensions=required, epoch=2**32
    )
    joined = bob.client.join(made.welcome(group_info=made.group_info(extensions=extensions(31))))
    assert joined.epoch == 2**32


TREES = {
    "a leaf in a parent's place": lambda leaves: b"\x01\x01" + leaves[0] + b"\x01\x01" + leaves[1] + b"\x00",
    "a parent in a leaf's place": lambda leaves: ratchet_tree(leaves) + b"\x00\x01\x02" + vector(bytes(32)) + b"\0\0",
    "a blank end": lambda leaves: ratchet_tree([*leaves, None]),
    "an even number of nodes": lambda leaves: ratchet_tree(leaves) + b"\x00",
    "a node that is neither": lambda leaves: ratchet_tree(leaves) + b"\x00\x02",
    "unmerged leaves out of order": lambda leaves: parent(leaves, struct.pack(">II", 1, 0)),
    "an unmerged leaf twice": lambda leaves: parent(leaves, struct.pack(">II", 1, 1)),
    "an unmerged leaf outside": lambda leaves: parent(leaves, struct.pack(">I", 2**32 - 1)),
    "a parent with a short key": lambda leaves: parent(leaves, b"", key=bytes(31)),
    "half an unmerged leaf": lambda leaves: parent(leaves, bytes(3)),
}


def parent(leaves, unmerged, key=bytes(32)):
    node = b"\x01\x02" + vector(key) + vector(b"") + vector(unmerged)
    return b"\x01\x01" + leaves[0] + node + b"\x01\x01" + leaves[1]


@pytest.mark.parametrize("problem", TREES)
def test_a_welcome_with_a_tree_that_is_none(bob, group, problem):
    made = group()
    made.tree = TREES[problem](made.leaves)
    with pytest.raises(PeerError):
        bob.client.join(made.welcome())
    with pytest.raises(PeerError):
        bob.client.join(
            made.welcome(group_info=made.group_info(with_tree=False)), ratchet_tree=vector(made.tree), now=NOW
        )


def with_parent(made, key):
    """Put a node above both leaves, and have the first one's path lead there (RFC 9420, sections 7.8 and 7.9)."""

    def hashed(index, octets):
        return sha256(b"\x01" + struct.pack(">I", index) + b"\x01" + octets).digest()

    above = sha256(vector(key) + vector(b"") + vector(hashed(1, made.leaves[1]))).digest()
    placed = vector(made.group_id) + bytes(4)
    made.leaves[0] = leaf(source=3, parent_hash=above).encode(placed=placed)
    node = vector(key) + vector(b"") + vector(b"")
    made.tree = b"\x01\x01" + made.leaves[0] + b"\x01\x02" + node + b"\x01\x01" + made.leaves[1]
    sides = (vector(hashed(index, octets)) for index, octets in enumerate(made.leaves))
    made.tree_hash = sha256(b"\x02\x01" + node + b"".join(sides)).digest()
    return made.welcome()


def test_a_welcome_with_one_encryption_key_at_two_nodes(bob, group):
    made = group()
    theirs = made.leaves[1][1:33]
    with pytest.raises(MalformedMessageError, match="two nodes with one encryption key"):
        bob.client.join(with_parent(made, theirs))
    assert bob.client.join(with_parent(made, b"\x09" + bytes(31))).epoch == 1


def test_a_tree_of_more_leaves_than_allowed(person):
    """It is refused by number, before anything of it is verified."""
    seen = []

    class Watching:
        def validate_member(self, signing_identity, timestamp, context):
            seen.append(signing_identity)

        def validate_external_sender(self, signing_identity, timestamp):
            raise AssertionError

        def identity(self, signing_identity):
            seen.append(signing_identity)
            return signing_identity.credential.identity

        def valid_successor(self, predecessor, successor):
            return True

        def supported_types(self):
            return [1]

    bob = person("bob", identity_provider=Watching(), options={"limits": Limits(max_leaves=3)})
    theirs = bob.client.generate_key_package().to_bytes()
    made = CraftedGroup.of(package(), theirs)
    others = [leaf(b"%d" % number, Ed25519PrivateKey.generate()).encode() for number in range(2)]
    seen.clear()
    made.leaves += others
    with pytest.raises(LimitExceededError):
        bob.client.join(made.welcome())
    made.leaves[2:3] = [None]  # a blank one counts as well
    with pytest.raises(LimitExceededError):
        bob.client.join(made.welcome())
    with pytest.raises(LimitExceededError):
        bob.client.join(made.welcome(group_info=made.group_info(with_tree=False)), ratchet_tree=_tree(made))
    assert not seen
    del made.leaves[2]
    assert len(bob.client.join(made.welcome()).roster()) == 3


def _tree(made):
    return vector(ratchet_tree(made.leaves))


OUTSIDES = {
    "octets after the message": lambda made: made.welcome(after=b"\x00"),
    "octets after the GroupInfo": lambda made: made.welcome(after_group_info=b"\x00"),
    "octets after the GroupSecrets": lambda made: made.welcome(after_group_secrets=b"\x00"),
    "octets after the tree": lambda made: made.welcome(
        group_info=made.group_info(
            with_tree=False, extensions=extension(RATCHET_TREE, vector(ratchet_tree(made.leaves)) + b"\x00")
        )
    ),
    "another suite than the key package": lambda made: made.welcome(suite=3),
    "an unknown suite": lambda made: made.welcome(suite=0xFF00),
    "another version": lambda made: made.welcome(version=2),
    "one key package twice": lambda made: made.welcome(secrets_after=[_secrets(made)]),
    "a short joiner secret": lambda made: made.welcome(group_secrets=vector(bytes(31)) + bytes(2)),
    "a path secret of another length": lambda made: made.welcome(group_secrets=made.group_secrets(path_secret=b"x")),
    "a path secret that is neither": lambda made: made.welcome(group_secrets=vector(bytes(32)) + b"\x02\x00"),
    "a path secret of a tree without path": lambda made: made.welcome(
        group_secrets=made.group_secrets(path_secret=bytes(32))
    ),
    "a pre-shared key that is not here": lambda made: made.welcome(group_secrets=made.group_secrets(psks=psk())),
    "a pre-shared key twice": lambda made: made.welcome(group_secrets=made.group_secrets(psks=psk() * 2)),
    "many pre-shared keys": lambda made: made.welcome(
        group_secrets=made.group_secrets(psks=b"".join(psk(b"%d" % number) for number in range(17)))
    ),
    "a key of another group": lambda made: made.welcome(group_secrets=made.group_secrets(psks=resumption(1))),
    "a key of a branch and another": lambda made: made.welcome(
        group_secrets=made.group_secrets(psks=resumption(3) + psk())
    ),
    "a pre-shared key of an unknown kind": lambda made: made.welcome(group_secrets=made.group_secrets(psks=b"\x09")),
    "a short nonce": lambda made: made.welcome(group_secrets=made.group_secrets(psks=psk(nonce=bytes(8)))),
    "a wrong confirmation tag": lambda made: made.welcome(group_info=made.group_info(confirmation_tag=bytes(32))),
    "no confirmation tag": lambda made: made.welcome(group_info=made.group_info(confirmation_tag=b"")),
    "a wrong signature": lambda made: made.welcome(group_info=made.group_info(signature=bytes(64))),
    "a signer outside of the tree": lambda made: made.welcome(group_info=made.group_info(signer_index=2**31)),
    "another signer": lambda made: made.welcome(group_info=made.group_info(signer_index=1)),
    "many extensions": lambda made: made.welcome(group_info=made.group_info(extensions=extensions(32))),
    "no tree": lambda made: made.welcome(group_info=made.group_info(with_tree=False)),
    "no GroupInfo": lambda made: made.welcome(group_info=b""),
    "secrets that do not open": lambda made: made.raw_welcome(_secrets(made), bytes(100)),
    "a GroupInfo that does not open": lambda made: made.raw_welcome(_secrets(made, bytes(100)), bytes(100)),
}


def psk(name=b"name", nonce=bytes(32)):
    return b"\x01" + vector(name) + vector(nonce)


def resumption(usage):
    return b"\x02" + bytes([usage]) + vector(b"before") + bytes(8) + vector(bytes(32))


def _secrets(made, sealed=b""):
    return encrypted_secrets(made.newcomers[0], made.group_secrets(), sealed)


@pytest.mark.parametrize("problem", OUTSIDES)
def test_a_welcome_that_is_not_right(bob, group, problem):
    octets = OUTSIDES[problem](group())
    with pytest.raises(PeerError):
        bob.client.join(octets)
    assert bob.client.join(group().welcome())


def test_a_welcome_for_more_than_may_be_in_the_tree(person):
    bob = person("bob", options={"limits": Limits(max_leaves=2)})
    parts = KeyPackageParts.of(bob.client.generate_key_package().to_bytes())
    strangers = [KeyPackageParts.of(package(leaf(b"%d" % number)).message()) for number in range(2)]
    made = CraftedGroup.of(package(), package().message())
    made.newcomers = [*strangers, parts]
    with pytest.raises(LimitExceededError):
        bob.client.join(made.welcome())
    made.newcomers = strangers
    with pytest.raises(UnknownKeyPackageError):
        bob.client.join(made.welcome())


def test_a_welcome_with_pre_shared_keys_that_are_here(person, gather):
    """The walk derives what mls-rs derives (section 8.4)."""
    alice, bob = person("alice"), person("bob")
    for each in (alice, bob):
        each.psks.insert(b"one", bytes(32))
        each.psks.insert(b"two", b"\x01" * 16)
    (group,) = gather(alice)
    commit = group.commit(add=[bob.client.generate_key_package()], psks=[b"one", b"two"])
    group.apply_pending_commit()
    assert bob.client.join(commit.welcomes[0]).epoch_authenticator == group.epoch_authenticator


# -- what is read without any key


def test_a_welcome_header_names_whom_it_answers(bob, group):
    made = group()
    header = WelcomeHeader.from_bytes(made.welcome())
    assert (header.cipher_suite, header.key_package_references) == (1, [made.newcomers[0].reference])
    with pytest.raises(LimitExceededError):
        WelcomeHeader.from_bytes(made.welcome(), limits=Limits(max_leaves=0))
    for other in (package().message(), made.private_message(APPLICATION, vector(b"x")), mls_message(1, bytes(99)), b""):
        with pytest.raises(MalformedMessageError):
            WelcomeHeader.from_bytes(other)


@pytest.mark.parametrize("read", [RealKeyPackage.from_bytes, GroupInfo.from_bytes, WelcomeHeader.from_bytes])
def test_a_reader_of_one_kind_leaves_all_others_unparsed(read):
    """A commit in the clear is not looked at, whose lists could only be limited by its size."""
    content = b"\x03" + vector(b"\x01\x00\x07" + vector(extensions(60, 6))) + b"\x00"
    head = vector(b"g") + bytes(8) + b"\x01" + bytes(4) + vector(b"")
    octets = mls_message(1, head + content + vector(bytes(64)) + vector(bytes(32)) * 2)
    assert MessageInfo.from_bytes(octets).content_type == "commit"
    with pytest.raises(MalformedMessageError, match="this MLS message is no"):
        read(octets)


def test_everything_that_is_read_is_walked_over_first():
    many = extensions(33)
    context = uint16s(1, 1) + vector(b"g") + bytes(8) + vector(bytes(32)) * 2
    tail = vector(bytes(32)) + bytes(4) + vector(bytes(64))
    assert GroupInfo.from_bytes(mls_message(4, context + vector(b"") + vector(extensions(32)) + tail))
    for lists in (vector(many) + vector(b""), vector(b"") + vector(many)):
        octets = mls_message(4, context + lists + tail)
        for read in (GroupInfo.from_bytes, MessageInfo.from_bytes):
            with pytest.raises(LimitExceededError):
                read(octets)
    with pytest.raises(LimitExceededError):
        MessageInfo.from_bytes(package(extensions=many).message())
    with pytest.raises(LimitExceededError):
        MessageInfo.from_bytes(mls_message(1, bytes(300_000)))
    with pytest.raises(LimitExceededError):
        MessageInfo.from_bytes(mls_message(1, bytes(300)), limits=Limits(max_handshake_octets=200))
    with pytest.raises(MalformedMessageError):
        MessageInfo.from_bytes(mls_message(9, b""))


def test_a_client_of_another_suite_joins_within_the_same_bounds(person):
    """P-256 has keys of another form, and another suite's Welcome another hash."""
    for suite in (2, 3, 7):
        alice, bob = person("alice", suite=suite), person("bob", suite=suite)
        group = alice.client.create_group()
        commit = group.commit(add=[bob.client.generate_key_package()])
        group.apply_pending_commit()
        assert bob.client.join(commit.welcomes[0]).epoch_authenticator == group.epoch_authenticator


def test_a_client_with_another_key_pair_than_the_key_package(person):
    bob = person("bob")
    theirs = bob.client.generate_key_package().to_bytes()
    other = Client(
        BasicCredential(b"bob"),
        SignatureKeyPair.generate(3),
        identity_provider=bob.identity_provider,
        group_state_storage=bob.groups,
        key_package_storage=bob.key_packages,
    )
    made = CraftedGroup.of(package(), theirs)
    with pytest.raises(PeerError):
        other.join(made.welcome(suite=3))
