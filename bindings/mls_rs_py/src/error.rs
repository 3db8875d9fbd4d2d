//! One enum of failures, mapped once to the tree of exceptions in `mls_rs_py/errors.py`.

use std::{borrow::Cow, error::Error, fmt};

use mls_rs::error::{IntoAnyError, MlsError};
use mls_rs_crypto_rustcrypto::RustCryptoError;
use pyo3::prelude::*;

mod python {
    pyo3::import_exception!(mls_rs_py.errors, CallerError);
    pyo3::import_exception!(mls_rs_py.errors, CommitRequiredError);
    pyo3::import_exception!(mls_rs_py.errors, FutureEpochError);
    pyo3::import_exception!(mls_rs_py.errors, GroupNotFoundError);
    pyo3::import_exception!(mls_rs_py.errors, GroupReInitializedError);
    pyo3::import_exception!(mls_rs_py.errors, LifetimeError);
    pyo3::import_exception!(mls_rs_py.errors, LimitExceededError);
    pyo3::import_exception!(mls_rs_py.errors, MalformedMessageError);
    pyo3::import_exception!(mls_rs_py.errors, MemberNotFoundError);
    pyo3::import_exception!(mls_rs_py.errors, MessageKeyError);
    pyo3::import_exception!(mls_rs_py.errors, NoPendingCommitError);
    pyo3::import_exception!(mls_rs_py.errors, OwnMessageError);
    pyo3::import_exception!(mls_rs_py.errors, PastEpochError);
    pyo3::import_exception!(mls_rs_py.errors, PeerError);
    pyo3::import_exception!(mls_rs_py.errors, PendingCommitError);
    pyo3::import_exception!(mls_rs_py.errors, PlatformError);
    pyo3::import_exception!(mls_rs_py.errors, ReentrancyError);
    pyo3::import_exception!(mls_rs_py.errors, StaleCommitError);
    pyo3::import_exception!(mls_rs_py.errors, StorageError);
    pyo3::import_exception!(mls_rs_py.errors, UnknownKeyPackageError);
    pyo3::import_exception!(mls_rs_py.errors, UnsupportedError);
}
pub use python::PeerError;

/// The class of exception that a failure becomes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    Caller,
    CommitRequired,
    FutureEpoch,
    GroupNotFound,
    GroupReInitialized,
    Lifetime,
    LimitExceeded,
    MalformedMessage,
    MemberNotFound,
    MessageKey,
    NoPendingCommit,
    OwnMessage,
    PastEpoch,
    Peer,
    PendingCommit,
    Platform,
    Reentrancy,
    StaleCommit,
    Storage,
    UnknownKeyPackage,
    Unsupported,
}

/// Whose input an operation works on; who is to blame when mls-rs says no and does not say whose fault it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Blame {
    Caller,
    Peer,
    Storage,
}

/// Why an operation failed.
#[derive(Debug)]
pub enum Fault {
    /// mls-rs refused.
    Mls(MlsError),
    /// This layer refused.
    Own(Kind, Cow<'static, str>),
    /// One of our own implementations of mls-rs' traits failed, and was not called by mls-rs.
    Inner(Inner),
}

impl Fault {
    pub fn new(kind: Kind, text: impl Into<Cow<'static, str>>) -> Self {
        Fault::Own(kind, text.into())
    }

    /// The exception for this failure; one that Python code raised comes out as itself.
    pub fn into_exception(self, blame: Blame, py: Python<'_>) -> PyErr {
        match self {
            Fault::Own(kind, text) | Fault::Inner(Inner::Own(kind, text)) => exception(kind, text.into_owned()),
            Fault::Inner(Inner::Raised(raised)) => raised,
            Fault::Mls(error) => match inner(&error) {
                Some(Inner::Raised(raised)) => raised.clone_ref(py),
                Some(Inner::Own(kind, text)) => exception(*kind, text.to_string()),
                None => exception(kind_of(&error, blame), error.to_string()),
            },
        }
    }
}

impl From<MlsError> for Fault {
    fn from(error: MlsError) -> Self {
        Fault::Mls(error)
    }
}

impl From<mls_rs_codec::Error> for Fault {
    fn from(error: mls_rs_codec::Error) -> Self {
        Fault::Mls(error.into())
    }
}

/// What our own implementations of mls-rs' traits hand up through it.
#[derive(Debug)]
pub enum Inner {
    /// Python code raised this.
    Raised(PyErr),
    /// A rule of this layer was broken.
    Own(Kind, Cow<'static, str>),
}

impl fmt::Display for Inner {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Inner::Raised(_) => f.write_str("a callback raised an exception"),
            Inner::Own(_, text) => f.write_str(text),
        }
    }
}

impl Error for Inner {}

impl IntoAnyError for Inner {
    fn into_dyn_error(self) -> Result<Box<dyn Error + Send + Sync>, Self> {
        Ok(Box::new(self))
    }
}

/// Find what one of our trait implementations said, however often mls-rs has wrapped it.
fn inner(error: &MlsError) -> Option<&Inner> {
    use MlsError::*;
    let any = match error {
        IdentityProviderError(any)
        | KeyPackageRepoError(any)
        | GroupStorageError(any)
        | PskStoreError(any)
        | MlsRulesError(any)
        | CryptoProviderError(any)
        | SerializationError(any)
        | ExtensionError(any) => any,
        _ => return None,
    };
    let wrapped = any.inner_dyn_error();
    match wrapped.downcast_ref::<Inner>() {
        Some(found) => Some(found),
        None => wrapped.downcast_ref::<MlsError>().and_then(inner),
    }
}

fn kind_of(error: &MlsError, blame: Blame) -> Kind {
    use MlsError::*;
    let by_blame = match blame {
        Blame::Caller => Kind::Caller,
        Blame::Peer => Kind::Peer,
        Blame::Storage => Kind::Storage,
    };
    match error {
        CommitRequired => Kind::CommitRequired,
        ExistingPendingCommit => Kind::PendingCommit,
        PendingCommitNotFound => Kind::NoPendingCommit,
        GroupUsedAfterReInit if blame == Blame::Peer => Kind::PastEpoch,
        GroupUsedAfterReInit | PendingReInitNotFound => Kind::GroupReInitialized,
        GroupNotFound => Kind::GroupNotFound,
        KeyMissing(_) => Kind::MessageKey,
        InvalidFutureGeneration(_) => Kind::LimitExceeded,
        CantProcessMessageFromSelf => Kind::OwnMessage,
        WelcomeKeyPackageNotFound => Kind::UnknownKeyPackage,
        InvalidLifetime { .. } => Kind::Lifetime,
        // What is wrong with a key package is its maker's fault, whoever handles it.
        DefaultValueListed
        | DuplicateLeafData(_)
        | InvalidSignature
        | CipherSuiteMismatch
        | ProtocolVersionMismatch
        | UnsupportedProtocolVersion(_)
        | InvalidInitKey
        | InitLeafKeyEquality
        | InvalidLeafNodeSource
        | ExtensionNotInCapabilities(_)
        | RequiredExtensionNotFound(_)
        | RequiredProposalNotFound(_)
        | RequiredCredentialNotFound(_)
        | InUseCredentialTypeUnsupportedByNewLeaf
        | CredentialTypeOfNewLeafIsUnsupported => Kind::Peer,
        // mls-rs counts the epochs that a storage gave it, and finds a gap.
        InvalidEpoch if blame != Blame::Peer => Kind::Storage,
        InvalidEpoch | EpochNotFound if blame == Blame::Peer => Kind::PastEpoch,
        SerializationError(_) if blame == Blame::Peer => Kind::MalformedMessage,
        CryptoProviderError(any) => match any.inner_dyn_error().downcast_ref::<RustCryptoError>() {
            Some(RustCryptoError::RandError(_)) => Kind::Platform,
            // Others' public keys are all that HPKE refuses when a caller commits.
            Some(RustCryptoError::HpkeError(_)) => Kind::Peer,
            _ if blame == Blame::Caller => Kind::Platform,
            _ => by_blame,
        },
        UnsupportedCipherSuite(_) if blame == Blame::Caller => Kind::Unsupported,
        MemberNotFound
        | LeafNotFound(_)
        | InvalidTreeIndex
        | InvalidNodeIndex(_)
        | UnexpectedEmptyNode
        | ExpectedNode
        | RemovingNonExistingMember
            if blame == Blame::Caller =>
        {
            Kind::MemberNotFound
        }
        _ => by_blame,
    }
}

fn exception(kind: Kind, text: String) -> PyErr {
    match kind {
        Kind::Caller => python::CallerError::new_err(text),
        Kind::CommitRequired => python::CommitRequiredError::new_err(text),
        Kind::FutureEpoch => python::FutureEpochError::new_err(text),
        Kind::GroupNotFound => python::GroupNotFoundError::new_err(text),
        Kind::GroupReInitialized => python::GroupReInitializedError::new_err(text),
        Kind::Lifetime => python::LifetimeError::new_err(text),
        Kind::LimitExceeded => python::LimitExceededError::new_err(text),
        Kind::MalformedMessage => python::MalformedMessageError::new_err(text),
        Kind::MemberNotFound => python::MemberNotFoundError::new_err(text),
        Kind::MessageKey => python::MessageKeyError::new_err(text),
        Kind::NoPendingCommit => python::NoPendingCommitError::new_err(text),
        Kind::OwnMessage => python::OwnMessageError::new_err(text),
        Kind::PastEpoch => python::PastEpochError::new_err(text),
        Kind::Peer => python::PeerError::new_err(text),
        Kind::PendingCommit => python::PendingCommitError::new_err(text),
        Kind::Platform => python::PlatformError::new_err(text),
        Kind::Reentrancy => python::ReentrancyError::new_err(text),
        Kind::StaleCommit => python::StaleCommitError::new_err(text),
        Kind::Storage => python::StorageError::new_err(text),
        Kind::UnknownKeyPackage => python::UnknownKeyPackageError::new_err(text),
        Kind::Unsupported => python::UnsupportedError::new_err(text),
    }
}
