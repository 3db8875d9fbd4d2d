"""What a group does: joining, changing members, messages, keeping."""

import pytest
from mls_rs_py import (
    ApplicationMessage,
    BasicCredential,
    CallerError,
    CommitMessage,
    CommitOptions,
    CommitRequiredError,
    CustomProposal,
    Extension,
    FutureEpochError,
    GroupInfoMessage,
    GroupNotFoundError,
    KeyPackage,
    KeyPackageMessage,
    LifetimeError,
    Limits,
    MalformedMessageError,
    MemberNotFoundError,
    MessageInfo,
    MessageKeyError,
    NoPendingCommitError,
    OwnMessageError,
    PastEpochError,
    PeerError,
    PendingCommitError,
    ProposalMessage,
    ReInitProposal,
    Rules,
    SignatureKeyPair,
    UnknownKeyPackageError,
    UnsupportedError,
    WelcomeMessage,
)

NOW = 1_800_000_000


def names(members) -> list[bytes]:
    return [member.signing_identity.credential.identity for member in members]


@pytest.mark.parametrize("suite", [1, 2, 3, 7])
def test_a_conversation_in_every_suite(person, suite, gather):
    alice, bob = gather(person("alice", suite), person("bob", suite))
    received = bob.process(alice.encrypt(b"hello", authenticated_data=b"seen by all"))
    assert isinstance(received, ApplicationMessage)
    assert (received.data, received.authenticated_data) == (b"hello", b"seen by all")
    assert (received.sender_index, received.epoch) == (0, 1)
    assert received.sender == alice.own_identity
    assert alice.process(bob.encrypt(b"hi")).data == b"hi"
    assert alice.cipher_suite == suite


def test_everyone_ends_in_the_same_epoch(person, gather):
    groups = gather(*(person(name) for name in ("alice", "bob", "carol")))
    assert len({group.epoch_authenticator for group in groups}) == 1
    assert len({group.export_secret(b"label", b"context", 32) for group in groups}) == 1
    assert [group.own_index for group in groups] == [0, 1, 2]
    assert names(groups[2].roster()) == [b"alice", b"bob", b"carol"]
    assert groups[0].member_with_identity(b"bob").index == 1
    assert groups[0].group_id == b"group"


def test_a_commit_says_whom_it_adds_removes_and_updates(person, gather):
    dave = person("dave")
    alice, bob, carol = gather(*(person(name) for name in ("alice", "bob", "carol")))
    commit = alice.commit(add=[dave.client.generate_key_package()], remove=[2], authenticated_data=b"why")
    own = alice.apply_pending_commit()
    for described in (own, bob.process(commit.message)):
        assert isinstance(described, CommitMessage)
        assert (described.effect, described.epoch, described.committer_index) == ("new_epoch", 2, 0)
        assert names(described.added) == [b"dave"]
        assert names(described.removed) == [b"carol"]
        assert names(described.updated) == [b"alice"]
        assert described.authenticated_data == b"why"
        assert len(described.applied_proposals) == 2
    removed = carol.process(commit.message)
    assert (removed.effect, names(removed.removed)) == ("removed", [b"carol"])
    assert carol.epoch == 1
    daves = dave.client.join(commit.welcomes[0])
    assert daves.epoch_authenticator == alice.epoch_authenticator == bob.epoch_authenticator
    # Dave sits on Carol's leaf.
    assert daves.own_index == 2


def test_an_update_changes_keys_and_nothing_else(pair):
    alice, bob = pair
    commit = alice.commit()
    assert commit.has_path
    before = alice.epoch_authenticator
    alice.apply_pending_commit()
    described = bob.process(commit.message)
    assert names(described.updated) == [b"alice"]
    assert described.added == described.removed == []
    assert alice.epoch_authenticator == bob.epoch_authenticator != before


def test_a_commit_without_path_where_it_is_wanted(person, pair):
    alice, _ = pair
    carol = person("carol")
    commit = alice.commit(
        add=[carol.client.generate_key_package()],
        options=CommitOptions(path_required=False, ratchet_tree_extension=False),
    )
    assert not commit.has_path
    with pytest.raises(PeerError):
        carol.client.join(commit.welcomes[0])
    carol.client.join(commit.welcomes[0], ratchet_tree=commit.ratchet_tree)
    assert alice.has_pending_commit


def test_one_welcome_each(person, pair):
    alice, _ = pair
    people = [person("carol"), person("dave")]
    commit = alice.commit(
        add=[each.client.generate_key_package() for each in people],
        options=CommitOptions(single_welcome_message=False),
    )
    alice.apply_pending_commit()
    for each, welcome in zip(people, commit.welcomes, strict=True):
        assert each.client.join(welcome).epoch_authenticator == alice.epoch_authenticator


def test_a_commit_can_bring_a_group_info_for_external_commits(person, pair):
    alice, _ = pair
    assert alice.commit().group_info is None
    alice.clear_pending_commit()
    commit = alice.commit(options=CommitOptions(allow_external_commit=True))
    alice.apply_pending_commit()
    assert commit.group_info is not None
    group, message = person("carol").client.external_commit(commit.group_info)
    alice.process(message)
    assert group.epoch_authenticator == alice.epoch_authenticator


def test_a_pending_commit_is_kept_with_the_group(person, gather):
    people = [person("alice"), person("bob")]
    alice, bob = gather(*people)
    commit = alice.commit()
    alice.write_to_storage()
    loaded = people[0].client.load_group(b"group")
    assert loaded.has_pending_commit
    loaded.apply_pending_commit()
    bob.process(commit.message)
    assert loaded.epoch_authenticator == bob.epoch_authenticator


def test_what_else_a_group_can_be_given(person, pair):
    alice, bob = pair
    package = person("carol").client.generate_key_package()
    received = alice.process(package.to_bytes())
    assert isinstance(received, KeyPackageMessage)
    assert received.key_package == package
    received = bob.process(alice.group_info())
    assert isinstance(received, GroupInfoMessage)
    assert received.group_info.group_context == bob.context
    commit = alice.commit(add=[package])
    assert isinstance(bob.process(commit.welcomes[0]), WelcomeMessage)


def test_the_own_commit_that_comes_back_is_applied(pair):
    alice, bob = pair
    commit = alice.commit()
    described = alice.process(commit.message)
    assert described.effect == "new_epoch"
    bob.process(commit.message)
    assert alice.epoch_authenticator == bob.epoch_authenticator
    assert not alice.has_pending_commit


def test_an_own_message_that_comes_back(pair):
    alice, _ = pair
    with pytest.raises(OwnMessageError):
        alice.process(alice.encrypt(b"echo"))


def test_a_message_counts_once(pair):
    alice, bob = pair
    message = alice.encrypt(b"once")
    bob.process(message)
    with pytest.raises(MessageKeyError):
        bob.process(message)


def test_messages_out_of_order_and_from_past_epochs(pair):
    alice, bob = pair
    old = [alice.encrypt(bytes([number])) for number in range(10)]
    for _ in range(5):
        commit = alice.commit()
        alice.apply_pending_commit()
        bob.process(commit.message)
        bob.write_to_storage()
    for number in (9, 0, 5):
        assert bob.process(old[number]).data == bytes([number])
    assert bob.process(old[1]).epoch == 1
    commit = alice.commit()
    alice.apply_pending_commit()
    bob.process(commit.message)
    with pytest.raises(PastEpochError):
        bob.process(old[2])


def test_a_message_from_an_epoch_not_yet_reached(pair):
    alice, bob = pair
    commit = alice.commit()
    alice.apply_pending_commit()
    early = alice.encrypt(b"early")
    with pytest.raises(FutureEpochError):
        bob.process(early)
    bob.process(commit.message)
    assert bob.process(early).data == b"early"


def test_a_group_survives_its_object(person, gather):
    people = [person("alice"), person("bob")]
    alice, bob = gather(*people)
    message = alice.encrypt(b"before")
    alice.write_to_storage()
    alice = people[0].client.load_group(b"group")
    later = alice.encrypt(b"after")
    assert [bob.process(each).data for each in (message, later)] == [b"before", b"after"]
    with pytest.raises(GroupNotFoundError):
        people[0].client.load_group(b"other")


def test_joining_uses_up_the_key_package_when_written(person):
    alice, bob = person("alice"), person("bob")
    group = alice.client.create_group()
    commit = group.commit(add=[bob.client.generate_key_package()])
    joined = bob.client.join(commit.welcomes[0])
    assert len(bob.key_packages) == 1
    joined.write_to_storage()
    assert len(bob.key_packages) == 0
    with pytest.raises(UnknownKeyPackageError):
        bob.client.join(commit.welcomes[0])


def test_a_last_resort_key_package_stays(person):
    alice, bob = person("alice"), person("bob")
    package = bob.client.generate_key_package(last_resort=True)
    assert package.is_last_resort
    for group_id in (b"one", b"two"):
        group = alice.client.create_group(group_id)
        bob.client.join(group.commit(add=[package]).welcomes[0]).write_to_storage()
    assert len(bob.key_packages) == 1


def test_what_a_key_package_says(person):
    bob = person("bob")
    package = bob.client.generate_key_package(
        lifetime=1000, leaf_extensions=[], extensions=[Extension(0xF000, b"x")], now=NOW
    )
    again = KeyPackage.from_bytes(package.to_bytes())
    assert again == package
    assert (again.not_before, again.not_after) == (NOW - 3600, NOW + 1000)
    assert again.signing_identity.credential == BasicCredential(b"bob")
    assert again.signing_identity.signature_key == bob.key_pair.public_key
    assert again.extensions == [Extension(0xF000, b"x")]
    assert len(again.reference) == 32
    assert not again.is_last_resort
    again.check(NOW, 5000)
    for now, longest in ((NOW - 3601, 5000), (NOW + 1001, 5000), (NOW, 4599)):
        with pytest.raises(LifetimeError):
            again.check(now, longest)


def test_key_packages_that_live_too_long_are_not_added(person, gather):
    careless = person("mallory", options={"limits": Limits(max_key_package_lifetime=10**9)})
    package = careless.client.generate_key_package(lifetime=10**8)
    alice, bob = gather(person("alice"), person("bob"))
    with pytest.raises(LifetimeError):
        alice.commit(add=[package])
    with pytest.raises(CallerError):
        person("carol").client.generate_key_package(lifetime=10**8)
    # By reference a stranger's package is left out of our own commit, and refused in somebody else's.
    bob.process(alice.propose_add(package))
    commit = bob.commit()
    assert len(commit.unused_proposals) == 1


def test_a_commit_that_adds_what_lives_too_long_is_refused(person, gather):
    lax = {"limits": Limits(max_key_package_lifetime=10**9)}
    package = person("mallory", options=lax).client.generate_key_package(lifetime=10**8)
    alice, bob = gather(person("alice", options=lax), person("bob"))
    commit = alice.commit(add=[package])
    with pytest.raises(LifetimeError):
        bob.process(commit.message)
    assert bob.epoch == 1


def test_an_expired_key_package_is_not_added(person, pair):
    alice, _ = pair
    package = person("carol").client.generate_key_package(lifetime=100)
    with pytest.raises(LifetimeError):
        alice.commit(add=[package], now=NOW + 101)
    alice.commit(add=[package], now=NOW + 100)


def test_lifetimes_in_what_is_received(person, gather):
    strict, lax = person("strict"), person("lax", options={"rules": Rules(check_received_lifetimes=False)})
    alice, first, second = gather(person("alice"), strict, lax)
    commit = alice.commit(add=[person("dave").client.generate_key_package(lifetime=100)])
    with pytest.raises(LifetimeError):
        first.process(commit.message, now=NOW + 10_000)
    second.process(commit.message, now=NOW + 10_000)


def test_proposals_by_reference(person, gather):
    alice, bob, carol = gather(*(person(name) for name in ("alice", "bob", "carol")))
    message = bob.propose_remove(2)
    for group in (alice, carol):
        received = group.process(message)
        assert isinstance(received, ProposalMessage)
        assert (received.sender.kind, received.sender.index, received.proposal.index) == ("member", 1, 2)
    with pytest.raises(CommitRequiredError):
        alice.encrypt(b"not now")
    assert [cached.reference for cached in alice.cached_proposals] == [received.reference]
    commit = alice.commit()
    alice.apply_pending_commit()
    assert names(bob.process(commit.message).removed) == [b"carol"]
    alice.encrypt(b"now")


def test_proposals_can_be_dropped(pair):
    alice, bob = pair
    alice.process(bob.propose_update())
    alice.clear_proposal_cache()
    alice.encrypt(b"x")


def test_a_new_credential_and_key(pair):
    alice, bob = pair
    pair_of_keys = SignatureKeyPair.generate()
    commit = alice.commit(new_identity=(BasicCredential(b"alice"), pair_of_keys))
    alice.apply_pending_commit()
    assert bob.process(commit.message).updated[0].signing_identity.signature_key == pair_of_keys.public_key
    assert bob.process(alice.encrypt(b"signed again")).data == b"signed again"


def test_leaving_by_oneself(person, gather):
    alice, bob, carol = gather(*(person(name) for name in ("alice", "bob", "carol")))
    message = bob.propose_self_remove()
    alice.process(message)
    carol.process(message)
    commit = alice.commit()
    alice.apply_pending_commit()
    assert names(carol.process(commit.message).removed) == [b"bob"]
    assert bob.process(commit.message).effect == "removed"


def test_a_group_with_extensions_from_the_start(person):
    options = {"extension_types": [0xF123, 0xF124]}
    alice, bob = person("alice", options=options), person("bob", options=options)
    group = alice.client.create_group(
        b"group", extensions=[Extension(0xF123, b"name")], leaf_extensions=[Extension(0xF124, b"phone")]
    )
    assert group.context.extensions == [Extension(0xF123, b"name")]
    commit = group.commit(add=[bob.client.generate_key_package()])
    group.apply_pending_commit()
    joined = bob.client.join(commit.welcomes[0])
    assert joined.context == group.context
    assert joined.member(0).extensions == [Extension(0xF124, b"phone")]
    # Who does not know the group's extensions does not come in.
    with pytest.raises(PeerError, match="lacks the group's extension"):
        group.commit(add=[person("carol").client.generate_key_package()])


def test_group_context_extensions(person, gather):
    options = {"extension_types": [0xF123]}
    alice, bob = gather(person("alice", options=options), person("bob", options=options))
    commit = alice.commit(extensions=[Extension(0xF123, b"name")])
    alice.apply_pending_commit()
    bob.process(commit.message)
    assert bob.context.extensions == [Extension(0xF123, b"name")]
    assert bob.context == alice.context


def test_custom_proposals(person, gather):
    options = {"custom_proposal_types": [0xF001]}
    alice, bob = gather(person("alice", options=options), person("bob", options=options))
    commit = alice.commit(custom=[CustomProposal(0xF001, b"data")])
    described = bob.process(commit.message)
    assert described.applied_proposals[0].proposal == CustomProposal(0xF001, b"data")


def test_pre_shared_keys(person, gather):
    people = [person("alice"), person("bob")]
    alice, bob = gather(*people)
    people[0].psks.insert(b"id", b"secret")
    commit = alice.commit(psks=[b"id"], resumption_psks=[0])
    with pytest.raises(PeerError):
        bob.process(commit.message)
    people[1].psks.insert(b"id", b"secret")
    # Bob was not in the group in epoch 0, and has no resumption secret of it.
    with pytest.raises(PeerError):
        bob.process(commit.message)
    alice.clear_pending_commit()
    commit = alice.commit(psks=[b"id"])
    alice.apply_pending_commit()
    bob.process(commit.message)
    assert alice.epoch_authenticator == bob.epoch_authenticator


def test_an_external_commit(person, pair):
    alice, bob = pair
    carol = person("carol")
    group, commit = carol.client.external_commit(alice.group_info(allow_external_commit=True))
    for each in (alice, bob):
        described = each.process(commit)
        assert described.is_external
        assert names(described.added) == [b"carol"]
        assert described.committer == carol.client.signing_identity
    assert group.epoch_authenticator == alice.epoch_authenticator
    # The same person again, with an earlier self to remove.
    group, commit = carol.client.external_commit(
        alice.group_info(allow_external_commit=True, ratchet_tree=False),
        ratchet_tree=alice.export_tree(),
        remove=2,
    )
    described = alice.process(commit)
    assert (names(described.added), names(described.removed)) == ([b"carol"], [b"carol"])


def test_asking_to_be_added(person, pair):
    alice, bob = pair
    carol = person("carol")
    proposal = carol.client.propose_external_add(alice.group_info())
    for each in (alice, bob):
        assert each.process(proposal).sender.kind == "new_member"
    commit = alice.commit()
    alice.apply_pending_commit()
    assert carol.client.join(commit.welcomes[0]).epoch_authenticator == alice.epoch_authenticator


def test_reinit_closes_the_group(pair):
    alice, bob = pair
    commit = alice.commit(reinit=ReInitProposal(group_id=b"next", cipher_suite=3))
    for described in (alice.apply_pending_commit(), bob.process(commit.message)):
        assert described.effect == "reinit"
        assert (described.reinit.group_id, described.reinit.cipher_suite) == (b"next", 3)
    with pytest.raises(CallerError):
        alice.commit()


def test_looking_into_a_welcome(person):
    alice, bob = person("alice"), person("bob")
    group = alice.client.create_group(b"group")
    package = bob.client.generate_key_package()
    welcome = group.commit(add=[package]).welcomes[0]
    info = bob.client.examine_welcome(welcome)
    assert (info.group_context.group_id, info.signer_index) == (b"group", 0)
    assert MessageInfo.from_bytes(welcome).key_package_references == [package.reference]


def test_what_the_outside_of_a_message_says(pair):
    alice, _ = pair
    info = MessageInfo.from_bytes(alice.encrypt(b"x"))
    assert (info.wire_format, info.content_type, info.group_id, info.epoch) == (
        "private_message",
        "application",
        b"group",
        1,
    )
    # Control messages are encrypted too.
    assert MessageInfo.from_bytes(alice.commit().message).wire_format == "private_message"
    with pytest.raises(MalformedMessageError):
        MessageInfo.from_bytes(b"no message")


def test_public_control_messages(person, gather):
    options = {"rules": Rules(encrypt_control_messages=False)}
    alice, bob = gather(person("alice", options=options), person("bob", options=options))
    commit = alice.commit()
    assert MessageInfo.from_bytes(commit.message).wire_format == "public_message"
    bob.process(commit.message)


def test_padding_hides_the_length(person, gather):
    lengths = {}
    for mode in ("none", "padme", "step_function"):
        alice, _ = gather(person("alice", options={"rules": Rules(padding=mode)}), person("bob"))
        lengths[mode] = [len(alice.encrypt(b"x" * size)) for size in (1000, 1001)]
    assert lengths["none"][0] + 1 == lengths["none"][1]
    assert lengths["step_function"][0] == lengths["step_function"][1]
    assert lengths["padme"][0] == lengths["padme"][1]
    with pytest.raises(ValueError, match="padding"):
        Rules(padding="plenty")


def test_calls_at_the_wrong_time(person, pair):
    alice, _ = pair
    with pytest.raises(NoPendingCommitError):
        alice.apply_pending_commit()
    alice.commit()
    with pytest.raises(PendingCommitError):
        alice.commit()
    alice.clear_pending_commit()
    for wrong in (2, 77, 2**31):
        with pytest.raises(MemberNotFoundError):
            alice.commit(remove=[wrong])
        with pytest.raises(MemberNotFoundError):
            alice.member(wrong)
    with pytest.raises(MemberNotFoundError):
        alice.member_with_identity(b"nobody")
    with pytest.raises(CallerError):
        alice.export_secret(b"label", b"", 10**6)
    with pytest.raises(UnsupportedError):
        SignatureKeyPair.generate(5)
    with pytest.raises(CallerError):
        SignatureKeyPair.from_secret(b"short")


def test_a_key_pair_from_its_secret():
    pair = SignatureKeyPair.generate()
    assert SignatureKeyPair.from_secret(pair.secret_key()).public_key == pair.public_key
    seed = bytes(32)
    assert len(SignatureKeyPair.from_secret(seed).public_key) == 32
