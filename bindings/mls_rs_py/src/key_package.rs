//! Key packages (RFC 9420, section 10).

use mls_rs::{
    KeyPackage as Package, MlsMessage,
    extension::ExtensionType,
    group::{GroupContext, proposal::AddProposal},
    mls_rs_codec::MlsEncode,
};
use pyo3::{prelude::*, types::PyBytes};

use crate::{
    bounds,
    error::{Fault, Kind},
    extension::{self, Extension},
    identity::{Capabilities, SigningIdentity},
    keys,
    rules::{self, Limits},
    scope, value,
};

/// What a client publishes so that others can add it to their groups (RFC 9420, section 10).
///
/// Reading one checks its form only. Its signature, lifetime and credential are checked when it is added; `check` looks at
/// the lifetime earlier.
#[pyclass(frozen, eq, from_py_object, module = "mls_rs_py")]
#[derive(Clone, PartialEq)]
pub struct KeyPackage {
    pub message: MlsMessage,
    add: AddProposal,
    reference: Vec<u8>,
    not_before: u64,
    not_after: u64,
}

impl KeyPackage {
    pub fn new(message: MlsMessage) -> Result<Self, Fault> {
        let Some(package) = message.as_key_package() else {
            return Err(Fault::new(Kind::MalformedMessage, "this MLS message is no key package"));
        };
        let encoded = package.mls_encode_to_vec()?;
        let malformed = |_| Fault::new(Kind::MalformedMessage, "this key package's leaf is not that of a key package");
        let (not_before, not_after) = rules::lifetime(&encoded).map_err(malformed)?;
        let provider = keys::suite_provider(package.cipher_suite)
            .map_err(|_| Fault::new(Kind::Peer, "this key package is for a cipher suite that is not supported"))?;
        let reference = package.to_reference(&provider)?.to_vec();
        let add = AddProposal::from(package.clone());
        Ok(Self { message, add, reference, not_before, not_after })
    }

    pub fn from_package(package: &Package) -> Result<Self, Fault> {
        // An MLSMessage is the version, the wire format 5 and the structure itself (section 6).
        let mut encoded = vec![0, 1, 0, 5];
        package.mls_encode(&mut encoded)?;
        Self::new(MlsMessage::from_bytes(&encoded)?)
    }

    fn package(&self) -> &Package {
        self.add.key_package()
    }

    /// See that its client can do what the group's extensions ask for: mls-rs does not say whose fault it is otherwise.
    pub fn check_extensions(&self, context: &GroupContext) -> Result<(), Fault> {
        let known = self.add.capabilities().extensions;
        let types = context.extensions.iter().map(mls_rs::Extension::extension_type);
        for extension_type in types.filter(|extension_type| !extension_type.is_default()) {
            if !known.contains(&extension_type) {
                let number = extension_type.raw_value();
                return Err(Fault::new(
                    Kind::Peer,
                    format!("this key package's client lacks the group's extension {number}"),
                ));
            }
        }
        Ok(())
    }
}

#[pymethods]
impl KeyPackage {
    /// Read an MLSMessage that holds a key package; `limits` are the default ones, if none are given.
    ///
    /// Raises MalformedMessageError, LimitExceededError, PeerError for an unknown cipher suite.
    #[staticmethod]
    #[pyo3(signature = (message, *, limits=None))]
    fn from_bytes(py: Python<'_>, message: &[u8], limits: Option<Limits>) -> PyResult<Self> {
        scope::parse(py, || Self::new(bounds::key_package_message(message, &limits.unwrap_or_default())?))
    }

    /// The MLSMessage that holds the key package.
    fn to_bytes<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyBytes>> {
        let encoded = scope::parse(py, || Ok(self.message.to_bytes()?))?;
        Ok(value::bytes(py, &encoded))
    }

    /// The KeyPackageRef, under which the private half is stored (section 5.2).
    #[getter]
    fn reference<'py>(&self, py: Python<'py>) -> Bound<'py, PyBytes> {
        value::bytes(py, &self.reference)
    }

    /// The cipher suite's number.
    #[getter]
    fn cipher_suite(&self) -> u16 {
        self.package().cipher_suite.into()
    }

    /// Whose it is: not yet checked.
    #[getter]
    fn signing_identity(&self) -> SigningIdentity {
        SigningIdentity(self.package().signing_identity().clone())
    }

    /// From when on it is valid, in Unix seconds (section 7.2).
    #[getter]
    fn not_before(&self) -> u64 {
        self.not_before
    }

    /// Until when it is valid, in Unix seconds (section 7.2).
    #[getter]
    fn not_after(&self) -> u64 {
        self.not_after
    }

    /// What its client can do.
    #[getter]
    fn capabilities(&self) -> Capabilities {
        Capabilities::from(&self.add.capabilities())
    }

    /// The key package's extensions.
    #[getter]
    fn extensions(&self) -> Vec<Extension> {
        extension::from_list(&self.add.key_package_extensions())
    }

    /// The extensions of its leaf node.
    #[getter]
    fn leaf_extensions(&self) -> Vec<Extension> {
        extension::from_list(&self.add.leaf_node_extensions())
    }

    /// Whether it may be used more than once (draft-ietf-mls-extensions, last resort key packages).
    #[getter]
    fn is_last_resort(&self) -> bool {
        self.package().extensions.has_extension(ExtensionType::LAST_RESORT_KEY_PACKAGE)
    }

    /// Raise LifetimeError unless it is valid at `now` (Unix seconds), for at most `max_lifetime` seconds in all.
    fn check(&self, py: Python<'_>, now: u64, max_lifetime: u64) -> PyResult<()> {
        scope::parse(py, || {
            let text = if now < self.not_before {
                "the key package is not yet valid"
            } else if now > self.not_after {
                "the key package is expired"
            } else if self.not_after - self.not_before > max_lifetime {
                "the key package is valid for longer than allowed"
            } else {
                return Ok(());
            };
            Err(Fault::new(Kind::Lifetime, text))
        })
    }

    fn __repr__(&self) -> String {
        format!("KeyPackage(cipher_suite={}, not_after={}, …)", self.cipher_suite(), self.not_after)
    }
}
