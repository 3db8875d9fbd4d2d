"""Names for the unions that calls take and give."""

from typing import TypeAlias

from mls_rs_py._mls_rs_py import (
    AddProposal,
    ApplicationMessage,
    BasicCredential,
    CommitMessage,
    CustomCredential,
    CustomProposal,
    ExternalInitProposal,
    GroupContextExtensionsProposal,
    GroupInfoMessage,
    KeyPackageMessage,
    PreSharedKeyProposal,
    ProposalMessage,
    ReInitProposal,
    RemoveProposal,
    SelfRemoveProposal,
    UpdateProposal,
    WelcomeMessage,
    X509Credential,
)

Credential: TypeAlias = BasicCredential | X509Credential | CustomCredential
"""What a SigningIdentity can hold (RFC 9420, section 5.3)."""

Proposal: TypeAlias = (
    AddProposal
    | UpdateProposal
    | RemoveProposal
    | PreSharedKeyProposal
    | ReInitProposal
    | ExternalInitProposal
    | GroupContextExtensionsProposal
    | SelfRemoveProposal
    | CustomProposal
)
"""What a commit can hold (RFC 9420, section 12.1)."""

ReceivedMessage: TypeAlias = (
    ApplicationMessage | CommitMessage | ProposalMessage | WelcomeMessage | GroupInfoMessage | KeyPackageMessage
)
"""What Group.process gives."""
