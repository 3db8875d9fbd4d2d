//! Credentials, signing identities, members, and the identity provider in Python (RFC 9420, section 5.3).

use std::{
    collections::hash_map::DefaultHasher,
    hash::{Hash, Hasher},
    sync::Arc,
};

use mls_rs::{
    ExtensionList, IdentityProvider,
    identity::{
        Credential, CredentialType, CustomCredential as Custom, SigningIdentity as Identity,
        basic::{BasicCredential as Basic, BasicIdentityProvider as BasicProvider},
        x509::{CertificateChain, DerCertificate},
    },
    time::MlsTime,
};
use mls_rs_core::{group::Member as CoreMember, identity::MemberValidationContext as CoreContext};
use pyo3::{exceptions::PyTypeError, intern, prelude::*, types::PyBytes};

use crate::{
    error::{Inner, Kind},
    extension::{self, Extension},
    group_info::GroupContext,
    keys::SignatureKeyPair,
    scope, value,
};

/// A name that nothing vouches for (RFC 9420, section 5.3).
#[pyclass(frozen, eq, hash, get_all, from_py_object, module = "mls_rs_py")]
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct BasicCredential {
    /// The application's name for the member.
    identity: Vec<u8>,
}

#[pymethods]
impl BasicCredential {
    #[new]
    fn new(identity: &[u8]) -> Self {
        Self { identity: identity.to_vec() }
    }

    fn __repr__(&self) -> String {
        format!("BasicCredential({} octets)", self.identity.len())
    }
}

/// A chain of DER certificates, the leaf first (RFC 9420, section 5.3). Checking it is the identity provider's work.
#[pyclass(frozen, eq, hash, get_all, from_py_object, module = "mls_rs_py")]
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct X509Credential {
    /// The certificates.
    certificates: Vec<Vec<u8>>,
}

#[pymethods]
impl X509Credential {
    #[new]
    fn new(certificates: Vec<Bound<'_, PyBytes>>) -> Self {
        Self { certificates: certificates.iter().map(|certificate| certificate.as_bytes().to_vec()).collect() }
    }

    fn __repr__(&self) -> String {
        format!("X509Credential({} certificates)", self.certificates.len())
    }
}

/// A credential of a type that the application defines (RFC 9420, sections 5.3 and 17.5).
#[pyclass(frozen, eq, hash, get_all, from_py_object, module = "mls_rs_py")]
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct CustomCredential {
    /// The type's number, neither 1 (basic) nor 2 (X.509).
    credential_type: u16,
    /// The credential's own encoding.
    data: Vec<u8>,
}

#[pymethods]
impl CustomCredential {
    #[new]
    fn new(credential_type: u16, data: &[u8]) -> PyResult<Self> {
        if matches!(credential_type, 0..=2) {
            let text = "credential types 0 to 2 are taken: use BasicCredential or X509Credential";
            return Err(pyo3::exceptions::PyValueError::new_err(text));
        }
        Ok(Self { credential_type, data: data.to_vec() })
    }

    fn __repr__(&self) -> String {
        format!("CustomCredential(credential_type={}, {} octets)", self.credential_type, self.data.len())
    }
}

/// Read a credential of any of the three classes.
pub fn credential_from(object: &Bound<'_, PyAny>) -> PyResult<Credential> {
    if let Ok(basic) = object.cast::<BasicCredential>() {
        return Ok(Basic::new(basic.get().identity.clone()).into_credential());
    }
    if let Ok(chain) = object.cast::<X509Credential>() {
        let certificates = chain.get().certificates.iter().cloned().map(DerCertificate::from).collect::<Vec<_>>();
        return Ok(Credential::X509(CertificateChain::from(certificates)));
    }
    if let Ok(custom) = object.cast::<CustomCredential>() {
        let custom = custom.get();
        return Ok(Credential::Custom(Custom::new(custom.credential_type.into(), custom.data.clone())));
    }
    Err(PyTypeError::new_err("a credential is a BasicCredential, an X509Credential or a CustomCredential"))
}

/// Who signs with `key_pair` under this credential.
pub fn identity_from(credential: &Bound<'_, PyAny>, key_pair: &SignatureKeyPair) -> PyResult<Identity> {
    Ok(Identity::new(credential_from(credential)?, key_pair.public.clone()))
}

/// A credential and the public key that its owner signs with (RFC 9420, section 5.3).
#[pyclass(frozen, eq, from_py_object, module = "mls_rs_py")]
#[derive(Clone, PartialEq)]
pub struct SigningIdentity(pub Identity);

#[pymethods]
impl SigningIdentity {
    #[new]
    fn new(credential: &Bound<'_, PyAny>, signature_key: &[u8]) -> PyResult<Self> {
        Ok(Self(Identity::new(credential_from(credential)?, signature_key.to_vec().into())))
    }

    /// The credential: BasicCredential, X509Credential or CustomCredential.
    #[getter]
    fn credential<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        Ok(match &self.0.credential {
            Credential::Basic(basic) => {
                Bound::new(py, BasicCredential { identity: basic.identifier().to_vec() })?.into_any()
            }
            Credential::X509(chain) => {
                let certificates = chain.iter().map(|certificate| certificate.to_vec()).collect();
                Bound::new(py, X509Credential { certificates })?.into_any()
            }
            other => {
                let data = other.as_custom().map(|custom| custom.data().to_vec()).unwrap_or_default();
                let credential_type = other.credential_type().raw_value();
                Bound::new(py, CustomCredential { credential_type, data })?.into_any()
            }
        })
    }

    /// The signature public key.
    #[getter]
    fn signature_key<'py>(&self, py: Python<'py>) -> Bound<'py, PyBytes> {
        value::bytes(py, &self.0.signature_key)
    }

    fn __hash__(&self) -> u64 {
        let mut hasher = DefaultHasher::new();
        self.0.credential.hash(&mut hasher);
        self.0.signature_key.as_bytes().hash(&mut hasher);
        hasher.finish()
    }

    fn __repr__(&self) -> String {
        format!("SigningIdentity(credential_type={}, …)", self.0.credential.credential_type().raw_value())
    }
}

/// What a member's client can do (RFC 9420, section 7.2), as numbers.
#[pyclass(frozen, eq, get_all, from_py_object, module = "mls_rs_py")]
#[derive(Clone, PartialEq)]
pub struct Capabilities {
    /// Protocol versions; 1 is MLS 1.0.
    protocol_versions: Vec<u16>,
    /// Cipher suites.
    cipher_suites: Vec<u16>,
    /// Extension types besides the default ones.
    extensions: Vec<u16>,
    /// Proposal types besides the default ones.
    proposals: Vec<u16>,
    /// Credential types.
    credentials: Vec<u16>,
}

#[pymethods]
impl Capabilities {
    fn __repr__(&self) -> String {
        format!(
            "Capabilities(protocol_versions={:?}, cipher_suites={:?}, extensions={:?}, proposals={:?}, credentials={:?})",
            self.protocol_versions, self.cipher_suites, self.extensions, self.proposals, self.credentials
        )
    }
}

impl From<&mls_rs::group::Capabilities> for Capabilities {
    fn from(capabilities: &mls_rs::group::Capabilities) -> Self {
        Self {
            protocol_versions: capabilities.protocol_versions().iter().map(|v| v.raw_value()).collect(),
            cipher_suites: capabilities.cipher_suites().iter().map(|v| v.raw_value()).collect(),
            extensions: capabilities.extensions().iter().map(|v| v.raw_value()).collect(),
            proposals: capabilities.proposals().iter().map(|v| v.raw_value()).collect(),
            credentials: capabilities.credentials().iter().map(|v| v.raw_value()).collect(),
        }
    }
}

/// A member of a group: an occupied leaf of its tree (RFC 9420, section 7.2).
#[pyclass(frozen, eq, get_all, from_py_object, module = "mls_rs_py")]
#[derive(Clone, PartialEq)]
pub struct Member {
    /// The leaf index.
    index: u32,
    /// Who it is.
    signing_identity: SigningIdentity,
    /// What its client can do.
    capabilities: Capabilities,
    /// The leaf node's extensions.
    extensions: Vec<Extension>,
}

#[pymethods]
impl Member {
    fn __repr__(&self) -> String {
        format!("Member(index={}, …)", self.index)
    }
}

impl From<CoreMember> for Member {
    fn from(member: CoreMember) -> Self {
        Self {
            index: member.index(),
            capabilities: member.capabilities().into(),
            extensions: extension::from_list(member.extensions()),
            signing_identity: SigningIdentity(member.signing_identity),
        }
    }
}

/// For what a credential is being checked (RFC 9420, section 5.3.1).
#[pyclass(frozen, get_all, module = "mls_rs_py")]
pub struct MemberValidationContext {
    /// The group that the member is in or comes into; None outside of any.
    group_context: Option<GroupContext>,
    /// The group context's extensions as they will be.
    new_extensions: Option<Vec<Extension>>,
    /// Whether we are coming into the group ourselves, and check everyone who is in it.
    joining: bool,
}

impl From<CoreContext<'_>> for MemberValidationContext {
    fn from(context: CoreContext<'_>) -> Self {
        let (group_context, joining) = match context {
            CoreContext::ForCommit { current_context, .. } => (Some(GroupContext(current_context.clone())), false),
            CoreContext::ForNewGroup { current_context } => (Some(GroupContext(current_context.clone())), true),
            _ => (None, false),
        };
        Self { group_context, new_extensions: context.new_extensions().map(extension::from_list), joining }
    }
}

/// Believes every basic credential (RFC 9420, section 5.3.1). Only for tests, and for applications that authenticate members
/// elsewhere.
#[pyclass(frozen, module = "mls_rs_py")]
pub struct BasicIdentityProvider;

#[pymethods]
impl BasicIdentityProvider {
    #[new]
    fn new() -> Self {
        Self
    }
}

/// mls-rs' identity provider: the native basic one, or a Python object (the protocol in `mls_rs_py/identity.py`).
#[derive(Clone)]
pub enum Provider {
    Basic,
    Python { object: Arc<Py<PyAny>>, types: Vec<CredentialType> },
}

impl Provider {
    /// Take the Python object; ask it once for the types it supports.
    pub fn new(object: &Bound<'_, PyAny>) -> PyResult<Self> {
        if object.is_instance_of::<BasicIdentityProvider>() {
            return Ok(Provider::Basic);
        }
        let types: Vec<u16> = object.call_method0(intern!(object.py(), "supported_types"))?.extract()?;
        Ok(Provider::Python {
            object: Arc::new(object.clone().unbind()),
            types: types.into_iter().map(CredentialType::new).collect(),
        })
    }
}

fn refused(error: mls_rs::identity::basic::BasicIdentityProviderError) -> Inner {
    Inner::Own(Kind::Peer, error.to_string().into())
}

fn seconds(timestamp: Option<MlsTime>) -> Option<u64> {
    timestamp.map(|time| time.seconds_since_epoch())
}

impl IdentityProvider for Provider {
    type Error = Inner;

    fn validate_member(
        &self,
        identity: &Identity,
        timestamp: Option<MlsTime>,
        context: CoreContext<'_>,
    ) -> Result<(), Inner> {
        match self {
            Provider::Basic => BasicProvider.validate_member(identity, timestamp, context).map_err(refused),
            Provider::Python { object, .. } => scope::call_back(|py| {
                let arguments =
                    (SigningIdentity(identity.clone()), seconds(timestamp), MemberValidationContext::from(context));
                object.bind(py).call_method1(intern!(py, "validate_member"), arguments).map(drop)
            }),
        }
    }

    fn validate_external_sender(
        &self,
        identity: &Identity,
        timestamp: Option<MlsTime>,
        extensions: Option<&ExtensionList>,
    ) -> Result<(), Inner> {
        match self {
            Provider::Basic => BasicProvider.validate_external_sender(identity, timestamp, extensions).map_err(refused),
            Provider::Python { object, .. } => scope::call_back(|py| {
                let arguments = (SigningIdentity(identity.clone()), seconds(timestamp));
                object.bind(py).call_method1(intern!(py, "validate_external_sender"), arguments).map(drop)
            }),
        }
    }

    fn identity(&self, identity: &Identity, extensions: &ExtensionList) -> Result<Vec<u8>, Inner> {
        match self {
            Provider::Basic => BasicProvider.identity(identity, extensions).map_err(refused),
            Provider::Python { object, .. } => scope::call_back(|py| {
                let answer =
                    object.bind(py).call_method1(intern!(py, "identity"), (SigningIdentity(identity.clone()),))?;
                Ok(answer.extract::<Bound<'_, PyBytes>>()?.as_bytes().to_vec())
            }),
        }
    }

    fn valid_successor(&self, old: &Identity, new: &Identity, extensions: &ExtensionList) -> Result<bool, Inner> {
        match self {
            Provider::Basic => BasicProvider.valid_successor(old, new, extensions).map_err(refused),
            Provider::Python { object, .. } => scope::call_back(|py| {
                let arguments = (SigningIdentity(old.clone()), SigningIdentity(new.clone()));
                object.bind(py).call_method1(intern!(py, "valid_successor"), arguments)?.extract()
            }),
        }
    }

    fn supported_types(&self) -> Vec<CredentialType> {
        match self {
            Provider::Basic => BasicProvider.supported_types(),
            Provider::Python { types, .. } => types.clone(),
        }
    }
}
