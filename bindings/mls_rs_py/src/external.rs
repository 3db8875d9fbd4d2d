//! Proposals by somebody who is no member (RFC 9420, section 12.1.8.1).

use mls_rs::{
    MlsMessage,
    external_client::{
        ExternalClient, ExternalGroup,
        builder::{ExternalBaseConfig, WithCryptoProvider, WithIdentityProvider, WithMlsRules},
    },
};
use mls_rs_crypto_rustcrypto::RustCryptoProvider;
use pyo3::{prelude::*, types::PyBytes};

use crate::{
    bounds,
    client::tree,
    error::{Blame, Fault},
    extension::{self, Extension},
    identity::{Provider, SigningIdentity, identity_from},
    key_package::KeyPackage,
    keys::{EncryptionKeys, SignatureKeyPair},
    proposal::CustomProposal,
    rules::{Limits, Policy, Rules},
    scope, value,
};

type Config =
    WithMlsRules<Policy, WithCryptoProvider<RustCryptoProvider, WithIdentityProvider<Provider, ExternalBaseConfig>>>;

/// Somebody whom a group's external_senders extension lets make proposals (RFC 9420, section 12.1.8.1).
///
/// Every call takes a GroupInfo of the group's epoch, and gives a proposal for its members to process and commit.
#[pyclass(frozen, module = "mls_rs_py")]
pub struct ExternalSender {
    client: ExternalClient<Config>,
    identity: SigningIdentity,
}

impl ExternalSender {
    fn propose<'py>(
        &self,
        py: Python<'py>,
        group_info: &[u8],
        ratchet_tree: Option<&[u8]>,
        propose: impl FnOnce(&mut ExternalGroup<Config>) -> Result<MlsMessage, mls_rs::error::MlsError> + Send,
    ) -> PyResult<Bound<'py, PyBytes>> {
        let message = scope::run(py, Blame::Peer, || {
            let limits = Limits::default();
            let (tree, message) = (
                tree(ratchet_tree, &EncryptionKeys::of_some_suite(), &limits)?,
                bounds::group_info_message(group_info, &limits)?,
            );
            let mut group = self.client.observe_group(message, tree, None)?;
            Ok::<_, Fault>(propose(&mut group)?.to_bytes()?)
        })?;
        Ok(value::bytes(py, &message))
    }
}

#[pymethods]
impl ExternalSender {
    #[new]
    #[pyo3(signature = (credential, key_pair, *, identity_provider, extension_types=vec![], custom_proposal_types=vec![]))]
    fn new(
        credential: &Bound<'_, PyAny>,
        key_pair: &SignatureKeyPair,
        identity_provider: &Bound<'_, PyAny>,
        extension_types: Vec<u16>,
        custom_proposal_types: Vec<u16>,
    ) -> PyResult<Self> {
        let identity = identity_from(credential, key_pair)?;
        let client = ExternalClient::builder()
            .identity_provider(Provider::new(identity_provider)?)
            .crypto_provider(RustCryptoProvider::default())
            .mls_rules(Policy { rules: Rules::default(), limits: Limits::default() })
            .extension_types(extension_types.into_iter().map(Into::into))
            .custom_proposal_types(custom_proposal_types.into_iter().map(Into::into))
            .signer(key_pair.secret.clone(), identity.clone())
            .build();
        Ok(Self { client, identity: SigningIdentity(identity) })
    }

    /// Who this is, as the extension must name it.
    #[getter]
    fn signing_identity(&self) -> SigningIdentity {
        self.identity.clone()
    }

    /// Propose to add somebody (section 12.1.1). Raises PeerError where the group does not let us.
    #[pyo3(signature = (group_info, key_package, *, ratchet_tree=None, authenticated_data=b"".as_slice()))]
    fn propose_add<'py>(
        &self,
        py: Python<'py>,
        group_info: &[u8],
        key_package: KeyPackage,
        ratchet_tree: Option<&[u8]>,
        authenticated_data: &[u8],
    ) -> PyResult<Bound<'py, PyBytes>> {
        self.propose(py, group_info, ratchet_tree, |group| {
            group.propose_add(key_package.message, authenticated_data.to_vec())
        })
    }

    /// Propose to remove the member at a leaf index (section 12.1.3). Raises PeerError where the group does not let us.
    #[pyo3(signature = (group_info, index, *, ratchet_tree=None, authenticated_data=b"".as_slice()))]
    fn propose_remove<'py>(
        &self,
        py: Python<'py>,
        group_info: &[u8],
        index: u32,
        ratchet_tree: Option<&[u8]>,
        authenticated_data: &[u8],
    ) -> PyResult<Bound<'py, PyBytes>> {
        self.propose(py, group_info, ratchet_tree, |group| group.propose_remove(index, authenticated_data.to_vec()))
    }

    /// Propose to replace the group context's extensions (section 12.1.7). Raises PeerError where the group does not let us.
    #[pyo3(signature = (group_info, extensions, *, ratchet_tree=None, authenticated_data=b"".as_slice()))]
    fn propose_extensions<'py>(
        &self,
        py: Python<'py>,
        group_info: &[u8],
        extensions: Vec<Extension>,
        ratchet_tree: Option<&[u8]>,
        authenticated_data: &[u8],
    ) -> PyResult<Bound<'py, PyBytes>> {
        let extensions = extension::list(extensions);
        self.propose(py, group_info, ratchet_tree, |group| {
            group.propose_group_context_extensions(extensions, authenticated_data.to_vec())
        })
    }

    /// Propose something of the application's own (section 17.4). Raises PeerError where the group does not let us.
    #[pyo3(signature = (group_info, proposal, *, ratchet_tree=None, authenticated_data=b"".as_slice()))]
    fn propose_custom<'py>(
        &self,
        py: Python<'py>,
        group_info: &[u8],
        proposal: CustomProposal,
        ratchet_tree: Option<&[u8]>,
        authenticated_data: &[u8],
    ) -> PyResult<Bound<'py, PyBytes>> {
        self.propose(py, group_info, ratchet_tree, |group| {
            group.propose_custom(proposal.into(), authenticated_data.to_vec())
        })
    }

    fn __repr__(&self) -> &'static str {
        "ExternalSender(…)"
    }
}
