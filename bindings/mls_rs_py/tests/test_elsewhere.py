"""Groups that follow from groups: branches, re-initialisation; and proposals from outside."""

import runpy
from pathlib import Path

import pytest
from mls_rs_py import (
    BasicCredential,
    BasicIdentityProvider,
    CallerError,
    Extension,
    ExternalSender,
    GroupInfo,
    GroupReInitializedError,
    MalformedMessageError,
    PastEpochError,
    PeerError,
    ReInitProposal,
    Rules,
    SignatureKeyPair,
)

# mls-rs checks key packages for branches and re-initialisations against the system's clock.
NOW_BY_SYSTEM = {"clock": None}


def test_a_branch(person, gather):
    people = [person(name, options=NOW_BY_SYSTEM) for name in ("alice", "bob", "carol")]
    alice, bob, carol = gather(*people)
    branch, (welcome,) = alice.branch(b"branch", [people[1].client.generate_key_package()])
    joined = bob.join_subgroup(welcome)
    assert branch.epoch_authenticator == joined.epoch_authenticator
    assert [member.signing_identity.credential.identity for member in joined.roster()] == [b"alice", b"bob"]
    assert joined.process(branch.encrypt(b"just us")).data == b"just us"
    # The old group goes on.
    carol.process(alice.encrypt(b"all of us"))
    # Whoever has not the old group's secret cannot take the Welcome for one of another group.
    with pytest.raises(PeerError):
        people[1].client.join(welcome)


def test_a_branch_holds_members_only(person, gather):
    alice, _ = gather(*(person(name, options=NOW_BY_SYSTEM) for name in ("alice", "bob")))
    with pytest.raises(CallerError):
        alice.branch(b"branch", [person("stranger", options=NOW_BY_SYSTEM).client.generate_key_package()])


@pytest.mark.parametrize("suite", [1, 3, 2])
def test_a_group_goes_on_after_a_reinit(person, gather, suite):
    groups = gather(*(person(name, options=NOW_BY_SYSTEM) for name in ("alice", "bob")))
    with pytest.raises(GroupReInitializedError):
        groups[0].reinit_client()
    commit = groups[0].commit(reinit=ReInitProposal(group_id=b"next", cipher_suite=suite))
    groups[0].apply_pending_commit()
    groups[1].process(commit.message)
    identities = [None, None]
    if suite == 2:
        identities = [(BasicCredential(name), SignatureKeyPair.generate(2)) for name in (b"alice", b"bob")]
    alice, bob = (
        group.reinit_client(new_identity=identity) for group, identity in zip(groups, identities, strict=True)
    )
    group, (welcome,) = alice.create_group([bob.generate_key_package()])
    joined = bob.join(welcome)
    assert joined.group_id == b"next"
    assert joined.cipher_suite == suite
    assert group.epoch_authenticator == joined.epoch_authenticator
    assert joined.process(group.encrypt(b"we go on")).data == b"we go on"


def test_proposals_from_an_external_sender(person, gather):
    keys = SignatureKeyPair.generate()
    server = ExternalSender(BasicCredential(b"server"), keys, identity_provider=BasicIdentityProvider())
    carol = person("carol")
    alice, bob = gather(person("alice"), person("bob"))
    with pytest.raises(PeerError):
        server.propose_remove(alice.group_info(), 1)
    commit = alice.commit(extensions=[Extension.external_senders([server.signing_identity])])
    alice.apply_pending_commit()
    bob.process(commit.message)
    info = alice.group_info()
    assert GroupInfo.from_bytes(info).group_context == alice.context
    for proposal in (server.propose_add(info, carol.client.generate_key_package()), server.propose_remove(info, 1)):
        received = alice.process(proposal)
        assert (received.sender.kind, received.sender.index) == ("external", 0)
    commit = alice.commit()
    described = alice.apply_pending_commit()
    assert len(described.added) == len(described.removed) == 1
    assert carol.client.join(commit.welcomes[0]).epoch_authenticator == alice.epoch_authenticator


def test_a_stranger_with_the_servers_name_proposes_nothing(person, gather):
    server, false = (
        ExternalSender(
            BasicCredential(b"server"), SignatureKeyPair.generate(), identity_provider=BasicIdentityProvider()
        )
        for _ in range(2)
    )
    alice, _ = gather(person("alice"), person("bob"))
    alice.commit(extensions=[Extension.external_senders([server.signing_identity])])
    alice.apply_pending_commit()
    with pytest.raises(PeerError):
        false.propose_remove(alice.group_info(), 1)


def test_required_capabilities_keep_out_who_lacks_them(person, gather):
    options = {"extension_types": [0xF123]}
    alice, _ = gather(person("alice", options=options), person("bob", options=options))
    alice.commit(extensions=[Extension.required_capabilities(extensions=[0xF123])])
    alice.apply_pending_commit()
    with pytest.raises(PeerError):
        alice.commit(add=[person("carol").client.generate_key_package()])
    alice.commit(add=[person("dave", options=options).client.generate_key_package()])


def test_an_application_id(person):
    package = person("alice").client.generate_key_package(leaf_extensions=[Extension.application_id(b"phone")])
    assert package.leaf_extensions == [Extension.application_id(b"phone")]
    # mls-rs 0.57 wants it listed among the capabilities, where section 7.2 forbids it: README.md says so.
    with pytest.raises(PeerError):
        person("bob").client.create_group().commit(add=[package])


def test_no_group_info():
    with pytest.raises(MalformedMessageError):
        GroupInfo.from_bytes(b"")


def test_a_commit_to_a_closed_group_is_the_peers_fault(person, gather):
    """Whoever has the keys can still authenticate one (RFC 9420, section 11.2)."""
    mallory = runpy.run_path(str(Path(__file__).parents[1] / "fuzz" / "mallory.py"))
    options = {"rules": Rules(encrypt_control_messages=False)}
    people = [person(name, options=options) for name in ("alice", "bob")]
    alice, bob = gather(*people)
    commit = alice.commit(reinit=ReInitProposal(group_id=b"next"))
    alice.apply_pending_commit()
    bob.process(commit.message)
    alice.write_to_storage()
    secret_key, state = people[0].key_pair.secret_key(), people[0].groups.state(b"group")[0]
    example = alice.propose_update()
    forger = mallory["Mallory"](secret_key, alice.context.to_bytes(), b"group", state, example)
    empty_commit = b"\x00\x00"
    with pytest.raises(PastEpochError):
        bob.process(forger.seal(mallory["COMMIT"], empty_commit))
