//! A client: one member's keys, storages and rules, from which its groups are made.

use std::{sync::Arc, time::Duration};

use mls_rs::{
    CipherSuite, Client as Core, MlsMessage,
    client_builder::{
        BaseConfig, WithCryptoProvider, WithGroupStateStorage, WithIdentityProvider, WithKeyPackageRepo, WithMlsRules,
        WithPskStore,
    },
    crypto::SignatureSecretKey,
    extension::{ExtensionType, recommended::LastResortKeyPackageExt},
    group::ExportedTree,
    identity::SigningIdentity as Identity,
    psk::ExternalPskId,
    time::MlsTime,
};
use mls_rs_crypto_rustcrypto::RustCryptoProvider;
use pyo3::{exceptions::PyValueError, prelude::*, types::PyBytes};

use crate::{
    bounds,
    error::{Blame, Fault, Kind},
    extension::{self, Extension},
    group::Group,
    group_info::GroupInfo,
    identity::{Provider, SigningIdentity, identity_from},
    key_package::KeyPackage,
    keys::{EncryptionKeys, SignatureKeyPair},
    octets::Reader,
    proposal::CustomProposal,
    ratchets::Ratchets,
    rules::{Limits, Policy, Rules},
    scope,
    storage::{Groups, KeyPackages, PreSharedKeys},
    value, welcome,
};

/// The types that a client of ours is made of.
pub type Config = WithMlsRules<
    Policy,
    WithPskStore<
        PreSharedKeys,
        WithGroupStateStorage<
            Groups,
            WithKeyPackageRepo<
                KeyPackages,
                WithIdentityProvider<Provider, WithCryptoProvider<RustCryptoProvider, BaseConfig>>,
            >,
        >,
    >,
>;

/// How long before "now" a key package is valid already, for clocks that differ.
const CLOCK_TOLERANCE: u64 = 3600;

/// What a client and its groups share.
#[derive(Clone)]
pub struct Parts {
    identity: Identity,
    signer: SignatureSecretKey,
    suite: CipherSuite,
    groups: Groups,
    key_packages: KeyPackages,
    psks: PreSharedKeys,
    provider: Provider,
    pub policy: Policy,
    extension_types: Vec<u16>,
    proposal_types: Vec<u16>,
    lifetime: u64,
    clock: Option<Arc<Py<PyAny>>>,
    pub patience: Duration,
}

impl Parts {
    /// mls-rs fixes the lifetime of key packages in the client, which costs next to nothing to make.
    fn core(&self, lifetime: u64) -> Core<Config> {
        Core::builder()
            .crypto_provider(RustCryptoProvider::default())
            .identity_provider(self.provider.clone())
            .key_package_repo(self.key_packages.clone())
            .group_state_storage(self.groups.clone())
            .psk_store(self.psks.clone())
            .mls_rules(self.policy.clone())
            .extension_types(self.extension_types.iter().copied().map(ExtensionType::new))
            .custom_proposal_types(self.proposal_types.iter().copied().map(Into::into))
            .key_package_lifetime(Duration::from_secs(lifetime.saturating_add(CLOCK_TOLERANCE)))
            .signing_identity(self.identity.clone(), self.signer.clone(), self.suite)
            .build()
    }

    /// The time for what is made here: as given, or by the client's clock.
    pub fn now(&self, py: Python<'_>, now: Option<u64>) -> PyResult<MlsTime> {
        match (now, &self.clock) {
            (Some(now), _) => Ok(value::time(now)),
            (None, Some(clock)) => Ok(value::time(clock.call0(py)?.extract(py)?)),
            (None, None) => Ok(MlsTime::now()),
        }
    }

    /// Read a Welcome, and see that what is inside may be parsed. `follows_a_group` where it needs a key of that group.
    pub fn welcome(&self, octets: &[u8], follows_a_group: bool) -> Result<MlsMessage, Fault> {
        welcome::check(octets, &self.key_packages, &self.psks, &self.policy.limits, follows_a_group)?;
        Ok(MlsMessage::from_bytes(octets)?)
    }

    /// The time for what was received: none where lifetimes are not to be checked.
    pub fn received_now(&self, py: Python<'_>, now: Option<u64>) -> PyResult<Option<MlsTime>> {
        if self.policy.rules.check_received_lifetimes { self.now(py, now).map(Some) } else { Ok(None) }
    }
}

/// When what is made at `now` starts to be valid.
pub fn not_before(now: MlsTime) -> MlsTime {
    value::time(now.seconds_since_epoch().saturating_sub(CLOCK_TOLERANCE))
}

/// One member: its signing identity, storages, rules and limits (RFC 9420, section 3).
///
/// A thread that wants a group while another is in it waits; if it is kept waiting by one call of a storage or identity
/// provider for more than `callback_patience` seconds, it gets ReentrancyError.
#[pyclass(frozen, module = "mls_rs_py")]
pub struct Client(Parts);

impl Client {
    fn core(&self) -> Core<Config> {
        self.0.core(self.0.lifetime)
    }

    fn limits(&self) -> &Limits {
        &self.0.policy.limits
    }

    fn tree(&self, octets: Option<&[u8]>) -> Result<Option<ExportedTree<'static>>, Fault> {
        tree(octets, &EncryptionKeys::of(self.0.suite), self.limits())
    }

    fn group(&self, group: mls_rs::Group<Config>, ratchets: Ratchets) -> Group {
        Group::new(group, ratchets, self.0.clone())
    }
}

/// A ratchet tree that travels on its own.
pub fn tree(
    octets: Option<&[u8]>,
    keys: &EncryptionKeys,
    limits: &Limits,
) -> Result<Option<ExportedTree<'static>>, Fault> {
    let Some(octets) = octets else { return Ok(None) };
    bounds::tree(Reader::new(octets), keys, limits)?;
    Ok(Some(ExportedTree::from_bytes(octets)?))
}

#[pymethods]
impl Client {
    #[new]
    #[pyo3(signature = (
        credential,
        key_pair,
        *,
        identity_provider,
        group_state_storage,
        key_package_storage,
        psk_storage=None,
        rules=None,
        limits=None,
        key_package_lifetime=2_419_200,
        extension_types=vec![],
        custom_proposal_types=vec![],
        clock=None,
        callback_patience=10.0,
    ))]
    #[allow(clippy::too_many_arguments)]
    fn new(
        credential: &Bound<'_, PyAny>,
        key_pair: &SignatureKeyPair,
        identity_provider: &Bound<'_, PyAny>,
        group_state_storage: Py<PyAny>,
        key_package_storage: Py<PyAny>,
        psk_storage: Option<Py<PyAny>>,
        rules: Option<Rules>,
        limits: Option<Limits>,
        key_package_lifetime: u64,
        extension_types: Vec<u16>,
        custom_proposal_types: Vec<u16>,
        clock: Option<Py<PyAny>>,
        callback_patience: f64,
    ) -> PyResult<Self> {
        let patience = Duration::try_from_secs_f64(callback_patience)
            .map_err(|_| PyValueError::new_err("callback_patience is a number of seconds"))?;
        let parts = Parts {
            identity: identity_from(credential, key_pair)?,
            signer: key_pair.secret.clone(),
            suite: key_pair.suite,
            groups: Groups(Arc::new(group_state_storage)),
            key_packages: KeyPackages(Arc::new(key_package_storage)),
            psks: PreSharedKeys(psk_storage.map(Arc::new)),
            provider: Provider::new(identity_provider)?,
            policy: Policy { rules: rules.unwrap_or_default(), limits: limits.unwrap_or_default() },
            extension_types,
            proposal_types: custom_proposal_types,
            lifetime: key_package_lifetime,
            clock: clock.map(Arc::new),
            patience,
        };
        Ok(Self(parts))
    }

    /// Who this client is.
    #[getter]
    fn signing_identity(&self) -> SigningIdentity {
        SigningIdentity(self.0.identity.clone())
    }

    /// The cipher suite's number (RFC 9420, section 17.1).
    #[getter]
    fn cipher_suite(&self) -> u16 {
        self.0.suite.into()
    }

    /// Make a key package (section 10) that is valid for `lifetime` seconds from `now`; its private half goes to the storage.
    ///
    /// `not_before` is an hour earlier, for clocks that differ. One of `last_resort` stays in the storage when it is used.
    /// Raises CallerError if it would be valid for longer than the client's own limit.
    #[pyo3(signature = (*, lifetime=None, extensions=vec![], leaf_extensions=vec![], last_resort=false, now=None))]
    fn generate_key_package(
        &self,
        py: Python<'_>,
        lifetime: Option<u64>,
        extensions: Vec<Extension>,
        leaf_extensions: Vec<Extension>,
        last_resort: bool,
        now: Option<u64>,
    ) -> PyResult<KeyPackage> {
        let now = self.0.now(py, now)?;
        let lifetime = lifetime.unwrap_or(self.0.lifetime);
        let mut extensions = extension::list(extensions);
        scope::run(py, Blame::Caller, || {
            if lifetime.saturating_add(CLOCK_TOLERANCE) > self.0.policy.limits.max_key_package_lifetime {
                return Err(Fault::new(
                    Kind::Caller,
                    "the lifetime is longer than max_key_package_lifetime, less an hour",
                ));
            }
            if last_resort {
                extensions.set_from(LastResortKeyPackageExt).map_err(mls_rs::error::MlsError::from)?;
            }
            let leaf_extensions = extension::list(leaf_extensions);
            KeyPackage::new(self.0.core(lifetime).generate_key_package_message(
                extensions,
                leaf_extensions,
                Some(not_before(now)),
            )?)
        })
    }

    /// Make a group with only ourselves in it (section 11), not yet written to the storage. No `group_id` takes a random one.
    #[pyo3(signature = (group_id=None, *, extensions=vec![], leaf_extensions=vec![], now=None))]
    fn create_group(
        &self,
        py: Python<'_>,
        group_id: Option<&[u8]>,
        extensions: Vec<Extension>,
        leaf_extensions: Vec<Extension>,
        now: Option<u64>,
    ) -> PyResult<Group> {
        let now = self.0.now(py, now)?;
        scope::run(py, Blame::Caller, || {
            let (core, extensions, leaf) = (self.core(), extension::list(extensions), extension::list(leaf_extensions));
            let group = match group_id {
                Some(group_id) => {
                    core.create_group_with_id(group_id.to_vec(), extensions, leaf, Some(not_before(now)))?
                }
                None => core.create_group(extensions, leaf, Some(not_before(now)))?,
            };
            Ok(self.group(group, Ratchets::default()))
        })
    }

    /// Join by a Welcome (section 12.4.3.1). `ratchet_tree` is for one that does not carry the tree.
    ///
    /// The key package is used up when the group is first written to the storage. Raises UnknownKeyPackageError and other
    /// PeerErrors, and what the identity provider says of any member.
    #[pyo3(signature = (welcome, *, ratchet_tree=None, now=None))]
    fn join(&self, py: Python<'_>, welcome: &[u8], ratchet_tree: Option<&[u8]>, now: Option<u64>) -> PyResult<Group> {
        let now = self.0.received_now(py, now)?;
        scope::run(py, Blame::Peer, || {
            let message = self.0.welcome(welcome, false)?;
            let (group, _) = self.core().join_group(self.tree(ratchet_tree)?, &message, now)?;
            Ok(self.group(group, Ratchets::default()))
        })
    }

    /// Decrypt a Welcome's GroupInfo without joining (section 12.4.3.1). Its signature is not verified yet.
    fn examine_welcome(&self, py: Python<'_>, welcome: &[u8]) -> PyResult<GroupInfo> {
        scope::run(py, Blame::Peer, || {
            let message = self.0.welcome(welcome, false)?;
            Ok(GroupInfo(self.core().examine_welcome_message(&message)?))
        })
    }

    /// Load a group from the storage. Raises GroupNotFoundError, StorageError.
    fn load_group(&self, py: Python<'_>, group_id: &[u8]) -> PyResult<Group> {
        scope::run(py, Blame::Storage, || {
            let group = self.core().load_group(group_id)?;
            let ratchets = Ratchets::from_bytes(&scope::take_companion())?;
            Ok(self.group(group, ratchets))
        })
    }

    /// Come in by an external commit (section 12.4.3.2); give the group and the Commit to send.
    ///
    /// `remove` takes out the leaf of an earlier self. `group_info` is one that allows it.
    #[pyo3(signature = (
        group_info,
        *,
        ratchet_tree=None,
        remove=None,
        psks=vec![],
        custom=vec![],
        leaf_extensions=vec![],
        authenticated_data=b"".as_slice(),
        now=None,
    ))]
    #[allow(clippy::too_many_arguments)]
    fn external_commit<'py>(
        &self,
        py: Python<'py>,
        group_info: &[u8],
        ratchet_tree: Option<&[u8]>,
        remove: Option<u32>,
        psks: Vec<Bound<'py, PyBytes>>,
        custom: Vec<CustomProposal>,
        leaf_extensions: Vec<Extension>,
        authenticated_data: &[u8],
        now: Option<u64>,
    ) -> PyResult<(Group, Bound<'py, PyBytes>)> {
        let now = self.0.now(py, now)?;
        let psks: Vec<_> = psks.iter().map(|id| ExternalPskId::new(id.as_bytes().to_vec())).collect();
        let (group, message) = scope::run(py, Blame::Peer, || {
            let mut builder = self
                .core()
                .external_commit_builder()?
                .with_authenticated_data(authenticated_data.to_vec())
                .with_leaf_node_extensions(extension::list(leaf_extensions))
                .commit_time(now);
            if let Some(tree) = self.tree(ratchet_tree)? {
                builder = builder.with_tree_data(tree);
            }
            if let Some(index) = remove {
                builder = builder.with_removal(index);
            }
            for psk in psks {
                builder = builder.with_external_psk(psk);
            }
            for proposal in custom {
                builder = builder.with_custom_proposal(proposal.into());
            }
            let (group, message) = builder.build(bounds::group_info_message(group_info, self.limits())?)?;
            Ok((self.group(group, Ratchets::default()), message.to_bytes()?))
        })?;
        Ok((group, value::bytes(py, &message)))
    }

    /// Ask to be added (section 12.1.8), with a new key package; give the proposal to send.
    #[pyo3(signature = (
        group_info,
        *,
        ratchet_tree=None,
        extensions=vec![],
        leaf_extensions=vec![],
        authenticated_data=b"".as_slice(),
        now=None,
    ))]
    #[allow(clippy::too_many_arguments)]
    fn propose_external_add<'py>(
        &self,
        py: Python<'py>,
        group_info: &[u8],
        ratchet_tree: Option<&[u8]>,
        extensions: Vec<Extension>,
        leaf_extensions: Vec<Extension>,
        authenticated_data: &[u8],
        now: Option<u64>,
    ) -> PyResult<Bound<'py, PyBytes>> {
        let now = self.0.now(py, now)?;
        let message = scope::run(py, Blame::Peer, || {
            let message = self.core().external_add_proposal(
                &bounds::group_info_message(group_info, self.limits())?,
                self.tree(ratchet_tree)?,
                authenticated_data.to_vec(),
                extension::list(extensions),
                extension::list(leaf_extensions),
                Some(now),
            )?;
            Ok(message.to_bytes()?)
        })?;
        Ok(value::bytes(py, &message))
    }

    fn __repr__(&self) -> String {
        format!("Client(cipher_suite={}, …)", u16::from(self.0.suite))
    }
}

impl From<CustomProposal> for mls_rs::group::proposal::CustomProposal {
    fn from(proposal: CustomProposal) -> Self {
        Self::new(proposal.proposal_type.into(), proposal.data)
    }
}

/// A new identity for an own leaf, with its key pair.
pub fn new_identity(
    identity: Option<(Bound<'_, PyAny>, PyRef<'_, SignatureKeyPair>)>,
) -> PyResult<Option<(Identity, SignatureSecretKey)>> {
    identity
        .map(|(credential, pair)| {
            let identity = identity_from(&credential, &pair)?;
            Ok((identity, pair.secret.clone()))
        })
        .transpose()
}
