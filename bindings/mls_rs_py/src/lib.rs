//! The native half of `mls_rs_py`: a thin layer of PyO3 over mls-rs.
//!
//! Each module wraps one room of mls-rs. `scope` is the only way from Python into an operation, and `error`
//! the only way back out with a failure.

mod bounds;
mod client;
mod commit;
mod error;
mod extension;
mod external;
mod gate;
mod group;
mod group_info;
mod identity;
mod key_package;
mod keys;
mod octets;
mod proposal;
mod ratchets;
mod received;
mod reinit;
mod rules;
mod scope;
mod snapshot;
mod state;
mod storage;
mod value;
mod welcome;

/// What is freed is zeroed, whoever held it: mls-rs keeps a pending commit, which holds secrets, in a plain buffer.
#[global_allocator]
static ALLOCATOR: zeroizing_alloc::ZeroAlloc<mimalloc::MiMalloc> = zeroizing_alloc::ZeroAlloc(mimalloc::MiMalloc);

#[pyo3::pymodule(gil_used = true)]
mod _mls_rs_py {
    #[pymodule_export]
    use crate::{
        client::Client,
        commit::{CommitOptions, CommitOutput, CommitSecrets},
        extension::Extension,
        external::ExternalSender,
        group::Group,
        group_info::{GroupContext, GroupInfo},
        identity::{
            BasicCredential, BasicIdentityProvider, Capabilities, CustomCredential, Member, MemberValidationContext,
            SigningIdentity, X509Credential,
        },
        key_package::KeyPackage,
        keys::SignatureKeyPair,
        proposal::{
            AddProposal, CachedProposal, CustomProposal, ExternalInitProposal, GroupContextExtensionsProposal,
            PreSharedKeyProposal, ProposalSender, ReInitProposal, RemoveProposal, SelfRemoveProposal, UpdateProposal,
        },
        received::{
            ApplicationMessage, CommitMessage, GroupInfoMessage, KeyPackageMessage, MessageInfo, PrivateMessageHeader,
            ProposalMessage, WelcomeHeader, WelcomeMessage,
        },
        reinit::ReInitClient,
        rules::{Limits, Rules},
    };
}
