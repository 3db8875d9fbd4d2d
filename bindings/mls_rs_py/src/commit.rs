//! Making commits (RFC 9420, section 12.4).

use mls_rs::{
    CipherSuiteProvider, Group,
    error::IntoAnyError,
    group::CommitSecrets as Secrets,
    mls_rs_codec::{MlsDecode, MlsEncode, MlsSize},
};
use pyo3::{prelude::*, types::PyBytes};
use zeroize::Zeroizing;

use crate::{
    client::Config,
    error::{Blame, Fault, Kind},
    keys,
    proposal::CachedProposal,
    scope, value,
};

/// The first octet of encoded CommitSecrets.
const SECRETS_VERSION: u8 = 1;

/// How one commit should look (RFC 9420, section 12.4); what is None is as the client's Rules say.
#[pyclass(frozen, eq, get_all, from_py_object, module = "mls_rs_py", name = "CommitOptions")]
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Shape {
    /// Whether it carries a path even where RFC 9420, section 12.4 lets it go without.
    pub path_required: Option<bool>,
    /// Whether the Welcome carries the ratchet tree (section 12.4.3.3).
    pub ratchet_tree_extension: Option<bool>,
    /// Whether all newcomers share one Welcome, or each gets one of their own.
    pub single_welcome_message: Option<bool>,
    /// Whether to make a GroupInfo with which others can come in by an external commit (section 12.4.3.2).
    pub allow_external_commit: Option<bool>,
}

pub use Shape as CommitOptions;

#[pymethods]
impl Shape {
    #[new]
    #[pyo3(signature = (
        *,
        path_required=None,
        ratchet_tree_extension=None,
        single_welcome_message=None,
        allow_external_commit=None,
    ))]
    fn new(
        path_required: Option<bool>,
        ratchet_tree_extension: Option<bool>,
        single_welcome_message: Option<bool>,
        allow_external_commit: Option<bool>,
    ) -> Self {
        Self { path_required, ratchet_tree_extension, single_welcome_message, allow_external_commit }
    }

    fn __repr__(&self) -> String {
        format!("{self:?}").replacen("Shape", "CommitOptions", 1)
    }
}

/// What a commit gives to be sent (RFC 9420, section 12.4).
#[pyclass(frozen, get_all, module = "mls_rs_py")]
pub struct CommitOutput {
    /// The Commit, for the members.
    message: Py<PyBytes>,
    /// The Welcomes, for the newcomers: one for all, or one each in the order of their adding.
    welcomes: Vec<Py<PyBytes>>,
    /// The ratchet tree, where it does not travel in the Welcome.
    ratchet_tree: Option<Py<PyBytes>>,
    /// A GroupInfo for external commits, where they are allowed.
    group_info: Option<Py<PyBytes>>,
    /// Waiting proposals that the commit leaves out.
    unused_proposals: Vec<CachedProposal>,
    /// Whether it carries a path.
    has_path: bool,
}

#[pymethods]
impl CommitOutput {
    fn __repr__(&self) -> String {
        format!("CommitOutput({} welcomes, has_path={}, …)", self.welcomes.len(), self.has_path)
    }
}

/// A CommitOutput before it has become Python objects.
pub struct Output {
    message: Vec<u8>,
    welcomes: Vec<Vec<u8>>,
    ratchet_tree: Option<Vec<u8>>,
    group_info: Option<Vec<u8>>,
    unused_proposals: Vec<CachedProposal>,
    has_path: bool,
}

impl Output {
    pub fn new(output: mls_rs::group::CommitOutput) -> Result<Self, Fault> {
        Ok(Self {
            message: output.commit_message.to_bytes()?,
            welcomes: output.welcome_messages.iter().map(|w| w.to_bytes()).collect::<Result<_, _>>()?,
            ratchet_tree: output.ratchet_tree.map(|tree| tree.to_bytes()).transpose()?,
            group_info: output.external_commit_group_info.map(|info| info.to_bytes()).transpose()?,
            unused_proposals: output
                .unused_proposals
                .iter()
                .map(CachedProposal::from_info)
                .collect::<Result<_, _>>()?,
            has_path: output.contains_update_path,
        })
    }

    pub fn into_python(self, py: Python<'_>) -> CommitOutput {
        let bytes = |octets: Vec<u8>| value::bytes(py, &octets).unbind();
        CommitOutput {
            message: bytes(self.message),
            welcomes: self.welcomes.into_iter().map(bytes).collect(),
            ratchet_tree: self.ratchet_tree.map(bytes),
            group_info: self.group_info.map(bytes),
            unused_proposals: self.unused_proposals,
            has_path: self.has_path,
        }
    }
}

/// What it takes to apply a detached commit (RFC 9420, section 12.4) later: as secret as the group's state.
///
/// It fits only the epoch it was made in; `Group.apply_detached_commit` checks that, by the hash of the group context.
#[pyclass(frozen, module = "mls_rs_py")]
pub struct CommitSecrets(Detached);

#[derive(MlsSize, MlsEncode, MlsDecode)]
struct Detached {
    version: u8,
    #[mls_codec(with = "mls_rs_codec::byte_vec")]
    epoch: Vec<u8>,
    #[mls_codec(with = "mls_rs_codec::byte_vec")]
    secrets: Zeroizing<Vec<u8>>,
}

/// What tells one epoch of one branch from all others: the hash of its group context, which holds the transcript hash.
fn epoch_identity(group: &Group<Config>) -> Result<Vec<u8>, Fault> {
    let context = group.context().mls_encode_to_vec()?;
    keys::suite_provider(group.cipher_suite())?
        .hash(&context)
        .map_err(|error| mls_rs::error::MlsError::CryptoProviderError(error.into_any_error()).into())
}

impl CommitSecrets {
    pub fn new(group: &Group<Config>, secrets: &Secrets) -> Result<Self, Fault> {
        let epoch = epoch_identity(group)?;
        Ok(Self(Detached { version: SECRETS_VERSION, epoch, secrets: Zeroizing::new(secrets.to_bytes()?) }))
    }

    /// Give the secrets for `group`, if they were made for the epoch that it is at.
    pub fn for_group(&self, group: &Group<Config>) -> Result<Secrets, Fault> {
        if self.0.epoch != epoch_identity(group)? {
            return Err(Fault::new(Kind::StaleCommit, "the commit was made for another epoch"));
        }
        Ok(Secrets::from_bytes(&self.0.secrets)?)
    }
}

#[pymethods]
impl CommitSecrets {
    /// Read what `to_bytes` gave. Raises StorageError.
    #[staticmethod]
    fn from_bytes(py: Python<'_>, octets: &[u8]) -> PyResult<Self> {
        let damaged = || Fault::new(Kind::Storage, "these are no commit secrets").into_exception(Blame::Storage, py);
        let detached = Detached::mls_decode_exhaustive(octets).map_err(|_| damaged())?;
        if detached.version != SECRETS_VERSION {
            return Err(damaged());
        }
        Ok(Self(detached))
    }

    /// The secrets, to be stored with the same care as the group's state.
    fn to_bytes<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyBytes>> {
        let encoded = scope::parse(py, || Ok(Zeroizing::new(self.0.mls_encode_to_vec()?)))?;
        Ok(value::bytes(py, &encoded))
    }

    fn __repr__(&self) -> &'static str {
        "CommitSecrets(…)"
    }
}
