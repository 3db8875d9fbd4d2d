"""Every type of proposal (RFC 9420, section 12.1), by value and by reference."""

import pytest
from mls_rs_py import (
    AddProposal,
    BasicCredential,
    BasicIdentityProvider,
    CallerError,
    CustomProposal,
    Extension,
    ExternalInitProposal,
    ExternalSender,
    GroupContextExtensionsProposal,
    PreSharedKeyProposal,
    ReInitProposal,
    RemoveProposal,
    SelfRemoveProposal,
    SignatureKeyPair,
    UpdateProposal,
)

CUSTOM = CustomProposal(0xF001, b"data")
EXTENSIONS = [Extension(0xF123, b"name")]
NEXT = ReInitProposal(group_id=b"next", cipher_suite=3)
OPTIONS = {"extension_types": [0xF123], "custom_proposal_types": [0xF001]}


@pytest.fixture
def scene(person, gather):
    """Alice, Bob and Carol, all with the same pre-shared key, in a group that came through two epochs; and Dave."""
    people = [person(name, options=OPTIONS) for name in ("alice", "bob", "carol")]
    for each in people:
        each.psks.insert(b"id", b"secret")
    groups = gather(*people)
    commit = groups[0].commit()
    groups[0].apply_pending_commit()
    for group in groups[1:]:
        group.process(commit.message)
    for group in groups:
        group.write_to_storage()
    return groups, person("dave", options=OPTIONS).client.generate_key_package()


KINDS = {
    "add": (AddProposal, lambda dave: {"add": [dave]}, lambda group, dave: group.propose_add(dave)),
    "remove": (RemoveProposal, lambda dave: {"remove": [2]}, lambda group, dave: group.propose_remove(2)),
    "psk": (PreSharedKeyProposal, lambda dave: {"psks": [b"id"]}, lambda group, dave: group.propose_psk(b"id")),
    "resumption psk": (
        PreSharedKeyProposal,
        lambda dave: {"resumption_psks": [1]},
        lambda group, dave: group.propose_resumption_psk(1),
    ),
    "reinit": (ReInitProposal, lambda dave: {"reinit": NEXT}, lambda group, dave: group.propose_reinit(NEXT)),
    "extensions": (
        GroupContextExtensionsProposal,
        lambda dave: {"extensions": EXTENSIONS},
        lambda group, dave: group.propose_extensions(EXTENSIONS),
    ),
    "custom": (CustomProposal, lambda dave: {"custom": [CUSTOM]}, lambda group, dave: group.propose_custom(CUSTOM)),
    # An update by value is a commit's path, and nobody can commit his own leaving.
    "update": (UpdateProposal, None, lambda group, dave: group.propose_update()),
    "self-remove": (SelfRemoveProposal, None, lambda group, dave: group.propose_self_remove()),
}


@pytest.mark.parametrize("by", ["value", "reference"])
@pytest.mark.parametrize("kind", KINDS)
def test_a_proposal_takes_effect_in_every_member(scene, kind, by):
    (alice, bob, carol), dave = scene
    expected, by_value, propose = KINDS[kind]
    if by == "value" and by_value is None:
        with pytest.raises(CallerError):
            alice.commit(remove=[alice.own_index])
        return
    reference = None
    if by == "reference":
        message = propose(bob, dave)
        for group in (alice, carol):
            received = group.process(message)
            assert isinstance(received.proposal, expected)
            assert received.sender.index == bob.own_index
        reference = received.reference
        commit = alice.commit()
    else:
        commit = alice.commit(**by_value(dave))
    described = [alice.apply_pending_commit(), *(group.process(commit.message) for group in (bob, carol))]
    out = {"remove": carol, "self-remove": bob}.get(kind)
    for group, each in zip((alice, bob, carol), described, strict=True):
        assert each.effect == ("removed" if group is out else "reinit" if kind == "reinit" else "new_epoch")
        if kind == "reinit":
            assert each.reinit == NEXT
            continue
        (applied,) = each.applied_proposals
        assert isinstance(applied.proposal, expected)
        assert applied.reference == reference
        assert applied.sender.index == (bob if by == "reference" else alice).own_index
    staying = [group for group in (alice, bob, carol) if group is not out]
    assert len({group.epoch_authenticator for group in staying}) == 1


def test_what_proposals_say(scene):
    (alice, bob, carol), dave = scene
    said = {kind: alice.process(propose(bob, dave)).proposal for kind, (_, _, propose) in KINDS.items()}
    assert said["add"].key_package == dave
    assert said["remove"].index == carol.own_index
    assert (said["psk"].psk_id, said["resumption psk"].psk_id) == (b"id", None)
    assert said["reinit"] == NEXT
    assert said["extensions"].extensions == EXTENSIONS
    assert said["custom"] == CUSTOM
    assert said["update"].signing_identity == bob.own_identity


def test_a_proposed_update_with_a_new_identity(scene):
    (alice, bob, carol), _ = scene
    keys = SignatureKeyPair.generate()
    message = bob.propose_update(new_identity=(BasicCredential(b"bob"), keys))
    for group in (alice, carol):
        group.process(message)
    commit = alice.commit()
    alice.apply_pending_commit()
    for group in (bob, carol):
        group.process(commit.message)
    assert bob.own_identity.signature_key == keys.public_key
    assert carol.process(bob.encrypt(b"signed again")).data == b"signed again"


def test_an_external_commit_with_a_pre_shared_key_and_a_proposal(person, scene):
    (alice, bob, _), _ = scene
    erin = person("erin", options=OPTIONS)
    erin.psks.insert(b"id", b"secret")
    group, commit = erin.client.external_commit(
        alice.group_info(allow_external_commit=True), psks=[b"id"], custom=[CUSTOM], authenticated_data=b"hello"
    )
    for each in (alice, bob):
        described = each.process(commit)
        kinds = [type(applied.proposal) for applied in described.applied_proposals]
        assert set(kinds) == {ExternalInitProposal, PreSharedKeyProposal, CustomProposal}
        assert described.authenticated_data == b"hello"
    assert group.epoch_authenticator == alice.epoch_authenticator == bob.epoch_authenticator


@pytest.mark.parametrize("kind", ["extensions", "custom"])
def test_an_external_sender_proposes_what_is_no_member(scene, kind):
    (alice, bob, _), _ = scene
    server = ExternalSender(
        BasicCredential(b"server"),
        SignatureKeyPair.generate(),
        identity_provider=BasicIdentityProvider(),
        **OPTIONS,
    )
    senders = Extension.external_senders([server.signing_identity])
    commit = alice.commit(extensions=[senders])
    alice.apply_pending_commit()
    bob.process(commit.message)
    info = alice.group_info()
    if kind == "custom":
        message = server.propose_custom(info, CUSTOM, authenticated_data=b"why")
    else:
        message = server.propose_extensions(info, [senders, *EXTENSIONS])
    for each in (alice, bob):
        assert each.process(message).sender.kind == "external"
    commit = alice.commit()
    alice.apply_pending_commit()
    (applied,) = bob.process(commit.message).applied_proposals
    assert (applied.sender.kind, applied.sender.index) == ("external", 0)
    assert bob.epoch_authenticator == alice.epoch_authenticator
