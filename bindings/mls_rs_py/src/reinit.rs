//! Going on in another group after a ReInit (RFC 9420, section 11.2).

use mls_rs::{Group as Core, MlsMessage, crypto::SignatureSecretKey, identity::SigningIdentity as Identity};
use pyo3::{prelude::*, types::PyBytes};

use crate::{
    client::{self, Config, Parts, not_before},
    error::{Blame, Fault},
    extension::{self, Extension},
    group::Group,
    key_package::KeyPackage,
    keys::EncryptionKeys,
    ratchets::Ratchets,
    scope, value,
};

/// A member of a group that was closed by a ReInit, on the way into the group that follows (RFC 9420, section 11.2).
///
/// One of the old members collects the others' key packages and creates the new group; the others join it.
#[pyclass(frozen, module = "mls_rs_py")]
pub struct ReInitClient {
    old: Core<Config>,
    identity: Option<(Identity, SignatureSecretKey)>,
    parts: Parts,
}

impl ReInitClient {
    /// mls-rs checks that the group was closed when the client is made.
    pub fn new(
        old: Core<Config>,
        identity: Option<(Identity, SignatureSecretKey)>,
        parts: Parts,
    ) -> Result<Self, Fault> {
        let client = Self { old, identity, parts };
        client.core()?;
        Ok(client)
    }

    fn core(&self) -> Result<mls_rs::group::ReinitClient<Config>, Fault> {
        let (identity, signer) = self.identity.clone().unzip();
        Ok(self.old.clone().get_reinit_client(signer, identity)?)
    }
}

#[pymethods]
impl ReInitClient {
    /// Make a key package for the new group; its private half goes to the storage.
    #[pyo3(signature = (*, now=None))]
    fn generate_key_package(&self, py: Python<'_>, now: Option<u64>) -> PyResult<KeyPackage> {
        let now = self.parts.now(py, now)?;
        scope::run(py, Blame::Caller, || KeyPackage::new(self.core()?.generate_key_package(Some(not_before(now)))?))
    }

    /// Create the new group; give it and the Welcomes. All old members must be in it.
    ///
    /// The lifetimes of the key packages are checked against the system's clock, whatever `now` and the client's clock say.
    #[pyo3(signature = (key_packages, *, leaf_extensions=vec![], now=None))]
    fn create_group<'py>(
        &self,
        py: Python<'py>,
        key_packages: Vec<KeyPackage>,
        leaf_extensions: Vec<Extension>,
        now: Option<u64>,
    ) -> PyResult<(Group, Vec<Bound<'py, PyBytes>>)> {
        let now = self.parts.now(py, now)?;
        let packages = key_packages.into_iter().map(|package| package.message).collect();
        let (group, welcomes) = scope::run(py, Blame::Caller, || {
            let (group, welcomes) = self.core()?.commit(packages, extension::list(leaf_extensions), Some(now))?;
            Ok((Group::new(group, Ratchets::default(), self.parts.clone()), encoded(&welcomes)?))
        })?;
        Ok((group, welcomes.iter().map(|welcome| value::bytes(py, welcome)).collect()))
    }

    /// Join the new group. Raises PeerErrors, also where it is not what the ReInit said.
    #[pyo3(signature = (welcome, *, ratchet_tree=None, now=None))]
    fn join(&self, py: Python<'_>, welcome: &[u8], ratchet_tree: Option<&[u8]>, now: Option<u64>) -> PyResult<Group> {
        let now = self.parts.received_now(py, now)?;
        scope::run(py, Blame::Peer, || {
            let message = self.parts.welcome(welcome, true)?;
            let tree = client::tree(ratchet_tree, &EncryptionKeys::of_some_suite(), &self.parts.policy.limits)?;
            let (group, _) = self.core()?.join(&message, tree, now)?;
            Ok(Group::new(group, Ratchets::default(), self.parts.clone()))
        })
    }

    fn __repr__(&self) -> &'static str {
        "ReInitClient(…)"
    }
}

/// Messages as octets.
pub fn encoded(messages: &[MlsMessage]) -> Result<Vec<Vec<u8>>, Fault> {
    Ok(messages.iter().map(MlsMessage::to_bytes).collect::<Result<_, _>>()?)
}
