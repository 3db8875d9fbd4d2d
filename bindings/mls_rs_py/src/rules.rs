//! What a client's groups are like, and what its peers may cost it.

use mls_rs::{
    MlsRules,
    client_builder::PaddingMode,
    group::{GroupContext, LeafNode, LeafNodeSource, Roster, proposal::AddProposal},
    mls_rs_codec::{MlsDecode, MlsEncode},
    mls_rules::{CommitDirection, CommitOptions, CommitSource, EncryptionOptions, ProposalBundle},
};
use pyo3::{exceptions::PyValueError, prelude::*};

use crate::{
    error::{Inner, Kind},
    scope,
};

/// What a client's groups and messages are like (RFC 9420, sections 6.3 and 12.4).
///
/// Turn `check_received_lifetimes` off where messages may come weeks late, or members stay for long without an update: it
/// covers the leaves of a tree that is joined, too.
#[pyclass(frozen, eq, get_all, from_py_object, module = "mls_rs_py")]
#[derive(Clone, Debug, PartialEq)]
pub struct Rules {
    /// Whether every commit carries a path, and so heals after a compromise (RFC 9420, sections 12.4 and 16.6).
    path_required: bool,
    /// Whether proposals and commits are PrivateMessages (section 6.3).
    encrypt_control_messages: bool,
    /// How private messages hide their length: "step_function", "padme" or "none" (section 6.3.1).
    padding: String,
    /// Whether Welcomes carry the ratchet tree (section 12.4.3.3).
    ratchet_tree_extension: bool,
    /// Whether all newcomers of a commit share one Welcome.
    single_welcome_message: bool,
    /// Whether commits give a GroupInfo for external commits (section 12.4.3.2).
    allow_external_commit: bool,
    /// Whether the lifetimes of key packages in what is received are checked (section 7.3 recommends it).
    pub(crate) check_received_lifetimes: bool,
}

#[pymethods]
impl Rules {
    #[new]
    #[pyo3(signature = (
        *,
        path_required=true,
        encrypt_control_messages=true,
        padding="step_function",
        ratchet_tree_extension=true,
        single_welcome_message=true,
        allow_external_commit=false,
        check_received_lifetimes=true,
    ))]
    #[allow(clippy::fn_params_excessive_bools)]
    fn new(
        path_required: bool,
        encrypt_control_messages: bool,
        padding: &str,
        ratchet_tree_extension: bool,
        single_welcome_message: bool,
        allow_external_commit: bool,
        check_received_lifetimes: bool,
    ) -> PyResult<Self> {
        let rules = Self {
            path_required,
            encrypt_control_messages,
            padding: padding.to_owned(),
            ratchet_tree_extension,
            single_welcome_message,
            allow_external_commit,
            check_received_lifetimes,
        };
        match rules.padding_mode() {
            Some(_) => Ok(rules),
            None => Err(PyValueError::new_err("padding is \"step_function\", \"padme\" or \"none\"")),
        }
    }

    fn __repr__(&self) -> String {
        format!("{self:?}")
    }
}

impl Default for Rules {
    fn default() -> Self {
        Self {
            path_required: true,
            encrypt_control_messages: true,
            padding: "step_function".to_owned(),
            ratchet_tree_extension: true,
            single_welcome_message: true,
            allow_external_commit: false,
            check_received_lifetimes: true,
        }
    }
}

impl Rules {
    fn padding_mode(&self) -> Option<PaddingMode> {
        match self.padding.as_str() {
            "step_function" => Some(PaddingMode::StepFunction),
            "padme" => Some(PaddingMode::Padme),
            "none" => Some(PaddingMode::None),
            _ => None,
        }
    }
}

/// What peers may cost a client (RFC 9420, sections 7.2 and 9.1). A message that would exceed one raises LimitExceededError
/// or LifetimeError.
#[pyclass(frozen, eq, get_all, from_py_object, module = "mls_rs_py")]
#[derive(Clone, Debug, PartialEq)]
pub struct Limits {
    /// Seconds from a key package's not_before to its not_after (RFC 9420, section 7.2 asks for a maximum).
    pub(crate) max_key_package_lifetime: u64,
    /// Epochs before the current one of which messages are still taken; the storage must keep as many.
    pub(crate) max_past_epochs: u64,
    /// Keys of messages that did not come yet, kept for each sender and epoch; the oldest go first (section 9.1).
    pub(crate) max_skipped_keys: u32,
    /// Messages of one sender that may be missing before one that comes, at most 1024 (section 9.1).
    pub(crate) max_forward_steps: u32,
    /// Proposals that wait for a commit.
    pub(crate) max_cached_proposals: usize,
    /// Leaves of a tree, blank ones too, and new members in a Welcome: each leaf costs a verification to join.
    pub(crate) max_leaves: u32,
    /// Octets of a proposal or commit. What is in an encrypted one cannot be counted before mls-rs parses it.
    pub(crate) max_handshake_octets: usize,
    /// Octets of an MLSMessage with a key package.
    pub(crate) max_key_package_octets: usize,
}

#[pymethods]
impl Limits {
    #[new]
    #[pyo3(signature = (
        *,
        max_key_package_lifetime=7_779_600,
        max_past_epochs=5,
        max_skipped_keys=1024,
        max_forward_steps=1024,
        max_cached_proposals=256,
        max_leaves=4096,
        max_handshake_octets=262_144,
        max_key_package_octets=65_536,
    ))]
    #[allow(clippy::too_many_arguments)]
    fn new(
        max_key_package_lifetime: u64,
        max_past_epochs: u64,
        max_skipped_keys: u32,
        max_forward_steps: u32,
        max_cached_proposals: usize,
        max_leaves: u32,
        max_handshake_octets: usize,
        max_key_package_octets: usize,
    ) -> PyResult<Self> {
        if max_forward_steps > 1024 {
            return Err(PyValueError::new_err("max_forward_steps is at most 1024"));
        }
        Ok(Self {
            max_key_package_lifetime,
            max_past_epochs,
            max_skipped_keys,
            max_forward_steps,
            max_cached_proposals,
            max_leaves,
            max_handshake_octets,
            max_key_package_octets,
        })
    }

    fn __repr__(&self) -> String {
        format!("{self:?}")
    }
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            max_key_package_lifetime: 7_779_600,
            max_past_epochs: 5,
            max_skipped_keys: 1024,
            max_forward_steps: 1024,
            max_cached_proposals: 256,
            max_leaves: 4096,
            max_handshake_octets: 262_144,
            max_key_package_octets: 65_536,
        }
    }
}

/// How long a key package is valid, from the encoding: mls-rs tells only its end.
///
/// `key_package` starts with version and suite (2 octets each), the init key, and the leaf node (RFC 9420, section 10).
pub fn lifetime(mut key_package: &[u8]) -> Result<(u64, u64), mls_rs_codec::Error> {
    <(u16, u16)>::mls_decode(&mut key_package)?;
    mls_rs_codec::byte_vec::mls_decode::<Vec<u8>>(&mut key_package)?;
    match LeafNode::mls_decode(&mut key_package)?.leaf_node_source {
        LeafNodeSource::KeyPackage(lifetime) => {
            Ok((lifetime.not_before.seconds_since_epoch(), lifetime.not_after.seconds_since_epoch()))
        }
        _ => Err(mls_rs_codec::Error::UnsupportedEnumDiscriminant),
    }
}

/// mls-rs' rules: our options, and the limit on the lifetime of whatever is added.
#[derive(Clone, Debug)]
pub struct Policy {
    pub rules: Rules,
    pub limits: Limits,
}

impl Policy {
    fn check_lifetime(&self, add: &AddProposal) -> Result<(), Inner> {
        let (not_before, not_after) = add
            .key_package()
            .mls_encode_to_vec()
            .and_then(|encoded| lifetime(&encoded))
            .map_err(|_| Inner::Own(Kind::Peer, "a key package without a lifetime".into()))?;
        if not_after.saturating_sub(not_before) > self.limits.max_key_package_lifetime {
            return Err(Inner::Own(Kind::Lifetime, "a key package is valid for longer than allowed".into()));
        }
        Ok(())
    }
}

impl MlsRules for Policy {
    type Error = Inner;

    fn filter_proposals(
        &self,
        direction: CommitDirection,
        _: CommitSource,
        _: &Roster<'_>,
        _: &GroupContext,
        mut proposals: ProposalBundle,
    ) -> Result<ProposalBundle, Inner> {
        proposals.retain_by_type::<AddProposal, _, Inner>(|add| match self.check_lifetime(&add.proposal) {
            // Somebody else's bad proposal must not keep us from committing: leave it out.
            Err(_) if direction == CommitDirection::Send && add.is_by_reference() => Ok(false),
            checked => checked.map(|()| true),
        })?;
        Ok(proposals)
    }

    fn commit_options(&self, _: &Roster<'_>, _: &GroupContext, _: &ProposalBundle) -> Result<CommitOptions, Inner> {
        let rules = &self.rules;
        let shape = scope::shape().unwrap_or_default();
        Ok(CommitOptions::new()
            .with_path_required(shape.path_required.unwrap_or(rules.path_required))
            .with_ratchet_tree_extension(shape.ratchet_tree_extension.unwrap_or(rules.ratchet_tree_extension))
            .with_single_welcome_message(shape.single_welcome_message.unwrap_or(rules.single_welcome_message))
            .with_allow_external_commit(shape.allow_external_commit.unwrap_or(rules.allow_external_commit)))
    }

    fn encryption_options(&self, _: &Roster<'_>, _: &GroupContext) -> Result<EncryptionOptions, Inner> {
        let padding = self.rules.padding_mode().unwrap_or_default();
        Ok(EncryptionOptions::new(self.rules.encrypt_control_messages, padding))
    }
}
