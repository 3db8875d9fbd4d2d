//! A group (RFC 9420, section 8): every operation steps it as a whole, or leaves it as it was (src/state.rs).

use mls_rs::{
    CipherSuiteProvider, Group as Core, MlsMessage, MlsMessageDescription,
    group::{CommitBuilder, ContentType, ReceivedMessage},
    psk::ExternalPskId,
    time::MlsTime,
};
use pyo3::{prelude::*, types::PyBytes};

use crate::{
    bounds,
    client::{Config, Parts, new_identity, tree},
    commit::{CommitOptions, CommitOutput, CommitSecrets, Output},
    error::{Blame, Fault, Kind},
    extension::{self, Extension},
    gate::Gate,
    group_info::GroupContext,
    identity::{Member, SigningIdentity},
    key_package::KeyPackage,
    keys::{EncryptionKeys, SignatureKeyPair},
    proposal::{CachedProposal, CustomProposal, ReInitProposal},
    ratchets::Ratchets,
    received::{Applied, CommitMessage, Received},
    reinit::{self, ReInitClient},
    scope,
    state::{Live, State, Step, note, receive},
    value,
};

/// A group that this client is in, at one epoch (RFC 9420, section 8).
///
/// Every call either steps the group as a whole or raises and leaves it exactly as it was. Nothing is durable before
/// `write_to_storage`: write before anything that was made leaves the machine. Safe to share between threads.
#[pyclass(frozen, module = "mls_rs_py")]
pub struct Group {
    live: Gate<Live>,
    parts: Parts,
}

impl Group {
    pub fn new(group: Core<Config>, ratchets: Ratchets, parts: Parts) -> Self {
        let state = State { group, ratchets, tree: scope::take_tree() };
        Self { live: Gate::new(Live::new(state), parts.patience), parts }
    }

    /// Look at the group.
    fn read<R: Send>(
        &self,
        py: Python<'_>,
        look: impl FnOnce(&Core<Config>) -> Result<R, Fault> + Send,
    ) -> PyResult<R> {
        scope::run(py, Blame::Caller, || look(&self.live.enter()?.state().group))
    }

    /// Step the group, or leave it as it was. `step` gets it as it is, and what to step.
    fn step<R: Send>(
        &self,
        py: Python<'_>,
        blame: Blame,
        step: impl FnOnce(&Core<Config>, &mut State) -> Result<R, Fault> + Send,
    ) -> PyResult<R> {
        scope::run(py, blame, || self.live.enter()?.step(None, &self.parts.policy.limits, step))
    }

    fn propose<'py>(
        &self,
        py: Python<'py>,
        propose: impl FnOnce(&mut Core<Config>) -> Result<MlsMessage, mls_rs::error::MlsError> + Send,
    ) -> PyResult<Bound<'py, PyBytes>> {
        let limit = self.parts.policy.limits.max_cached_proposals;
        let message = self.step(py, Blame::Caller, |_, next| {
            let message = propose(&mut next.group)?;
            check_cache(&next.group, limit)?;
            Ok(message.to_bytes()?)
        })?;
        Ok(value::bytes(py, &message))
    }

    /// Take a message.
    fn take(&self, octets: &[u8], now: Option<MlsTime>) -> Result<Received, Fault> {
        let limits = &self.parts.policy.limits;
        let message = bounds::message(octets, limits)?;
        let mut live = self.live.enter()?;
        let group = &live.state().group;
        let current = group.current_epoch();
        let epoch = message.epoch().unwrap_or(current);
        if message.group_id().is_some_and(|group_id| group_id == group.group_id()) {
            if epoch > current {
                let text = "the message is from an epoch that the group has not reached";
                return Err(Fault::new(Kind::FutureEpoch, text));
            }
            if current - epoch > limits.max_past_epochs {
                return Err(Fault::new(Kind::PastEpoch, "the message is from an epoch that is no longer kept"));
            }
        }
        if epoch == current && is_application_message(&message) {
            return live.step(Some(Step::Received(octets)), limits, |before, state| {
                let received = receive(state, message, limits)?;
                Received::new(before, &state.group, epoch, received)
            });
        }
        live.step(None, limits, |before, next| {
            let received = match now {
                Some(now) => next.group.process_incoming_message_with_time(message, now),
                None => next.group.process_incoming_message(message),
            }?;
            if !note(next, epoch, &received, limits)?.is_empty() {
                // mls-rs gives no way to use up a past epoch's key.
                let text = "too many messages of this sender are missing in a past epoch";
                return Err(Fault::new(Kind::LimitExceeded, text));
            }
            match received {
                ReceivedMessage::Commit(_) => self.entered(next),
                ReceivedMessage::Proposal(_) => check_cache(&next.group, limits.max_cached_proposals)?,
                _ => {}
            }
            Received::new(before, &next.group, epoch, received)
        })
    }

    /// Tidy up after the group came to an epoch.
    fn entered(&self, next: &mut State) {
        let kept = self.parts.policy.limits.max_past_epochs;
        next.ratchets.forget_before(next.group.current_epoch().saturating_sub(kept));
        // mls-rs leaves a pending commit of the old epoch when a detached one is applied.
        next.group.clear_pending_commit();
    }
}

fn is_application_message(message: &MlsMessage) -> bool {
    let application = ContentType::Application;
    matches!(
        message.description(),
        MlsMessageDescription::PrivateProtocolMessage { content_type, .. } if content_type == application
    )
}

fn check_cache(group: &Core<Config>, limit: usize) -> Result<(), Fault> {
    if group.commit_required() && group.get_cached_proposals().len() > limit {
        return Err(Fault::new(Kind::LimitExceeded, "too many proposals are waiting for a commit"));
    }
    Ok(())
}

/// What a commit is to do, read from Python.
struct Plan {
    add: Vec<KeyPackage>,
    remove: Vec<u32>,
    psks: Vec<ExternalPskId>,
    resumption_psks: Vec<u64>,
    extensions: Option<Vec<Extension>>,
    reinit: Option<ReInitProposal>,
    custom: Vec<CustomProposal>,
    new_identity: Option<(mls_rs::identity::SigningIdentity, mls_rs::crypto::SignatureSecretKey)>,
    leaf_extensions: Option<Vec<Extension>>,
    group_info_extensions: Vec<Extension>,
    authenticated_data: Vec<u8>,
    options: Option<CommitOptions>,
    now: MlsTime,
}

impl Plan {
    fn builder(self, group: &mut Core<Config>) -> Result<CommitBuilder<'_, Config>, Fault> {
        scope::set_shape(self.options);
        for package in &self.add {
            package.check_extensions(group.context())?;
        }
        let mut builder = group
            .commit_builder()
            .authenticated_data(self.authenticated_data)
            .set_group_info_ext(extension::list(self.group_info_extensions))
            .commit_time(self.now);
        for package in self.add {
            builder = builder.add_member(package.message)?;
        }
        for index in self.remove {
            builder = builder.remove_member(index)?;
        }
        for psk in self.psks {
            builder = builder.add_external_psk(psk)?;
        }
        for epoch in self.resumption_psks {
            builder = builder.add_resumption_psk(epoch)?;
        }
        if let Some(extensions) = self.extensions {
            builder = builder.set_group_context_ext(extension::list(extensions))?;
        }
        if let Some(reinit) = self.reinit {
            let (group_id, version, suite, extensions) = reinit.parts();
            builder = builder.reinit(Some(group_id), version, suite, extensions)?;
        }
        for proposal in self.custom {
            builder = builder.custom_proposal(proposal.into());
        }
        if let Some((identity, signer)) = self.new_identity {
            builder = builder.set_new_signing_identity(signer, identity);
        }
        if let Some(extensions) = self.leaf_extensions {
            builder = builder.set_leaf_node_extensions(extension::list(extensions));
        }
        Ok(builder)
    }
}

type NewIdentity<'py> = (Bound<'py, PyAny>, PyRef<'py, SignatureKeyPair>);

impl Group {
    #[allow(clippy::too_many_arguments)]
    fn plan(
        &self,
        py: Python<'_>,
        add: Vec<KeyPackage>,
        remove: Vec<u32>,
        psks: Vec<Bound<'_, PyBytes>>,
        resumption_psks: Vec<u64>,
        extensions: Option<Vec<Extension>>,
        reinit: Option<ReInitProposal>,
        custom: Vec<CustomProposal>,
        identity: Option<NewIdentity<'_>>,
        leaf_extensions: Option<Vec<Extension>>,
        group_info_extensions: Vec<Extension>,
        authenticated_data: &[u8],
        options: Option<CommitOptions>,
        now: Option<u64>,
    ) -> PyResult<Plan> {
        Ok(Plan {
            add,
            remove,
            psks: psks.iter().map(|id| ExternalPskId::new(id.as_bytes().to_vec())).collect(),
            resumption_psks,
            extensions,
            reinit,
            custom,
            new_identity: new_identity(identity)?,
            leaf_extensions,
            group_info_extensions,
            authenticated_data: authenticated_data.to_vec(),
            options,
            now: self.parts.now(py, now)?,
        })
    }
}

#[pymethods]
impl Group {
    // -- looking

    /// The group's id.
    #[getter]
    fn group_id<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyBytes>> {
        let group_id = self.read(py, |group| Ok(group.group_id().to_vec()))?;
        Ok(value::bytes(py, &group_id))
    }

    /// The epoch (RFC 9420, section 8).
    #[getter]
    fn epoch(&self, py: Python<'_>) -> PyResult<u64> {
        self.read(py, |group| Ok(group.current_epoch()))
    }

    /// The cipher suite's number.
    #[getter]
    fn cipher_suite(&self, py: Python<'_>) -> PyResult<u16> {
        self.read(py, |group| Ok(group.cipher_suite().into()))
    }

    /// The group context (section 8.1).
    #[getter]
    fn context(&self, py: Python<'_>) -> PyResult<GroupContext> {
        self.read(py, |group| Ok(GroupContext(group.context().clone())))
    }

    /// Our own leaf index.
    #[getter]
    fn own_index(&self, py: Python<'_>) -> PyResult<u32> {
        self.read(py, |group| Ok(group.current_member_index()))
    }

    /// Who we are in this group.
    #[getter]
    fn own_identity(&self, py: Python<'_>) -> PyResult<SigningIdentity> {
        self.read(py, |group| Ok(SigningIdentity(group.current_member_signing_identity()?.clone())))
    }

    /// The members in the order of their leaves, ourselves among them.
    fn roster(&self, py: Python<'_>) -> PyResult<Vec<Member>> {
        self.read(py, |group| Ok(group.roster().members_iter().map(Member::from).collect()))
    }

    /// The member at a leaf index. Raises MemberNotFoundError.
    fn member(&self, py: Python<'_>, index: u32) -> PyResult<Member> {
        self.read(py, |group| {
            let member = group.member_at_index(index);
            Ok(member.ok_or_else(|| Fault::new(Kind::MemberNotFound, format!("no member at leaf {index}")))?.into())
        })
    }

    /// The member whom the identity provider's `identity` calls so. Raises MemberNotFoundError.
    fn member_with_identity(&self, py: Python<'_>, identity: &[u8]) -> PyResult<Member> {
        self.read(py, |group| Ok(group.member_with_identity(identity)?.into()))
    }

    /// A secret that is equal at all members at this epoch of this branch (section 8.7).
    #[getter]
    fn epoch_authenticator<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyBytes>> {
        let secret = self.read(py, |group| Ok(group.epoch_authenticator()?))?;
        Ok(value::bytes(py, secret.as_bytes()))
    }

    /// Derive a secret that all members share, of `length` octets (section 8.5). Raises CallerError if it is too long.
    fn export_secret<'py>(
        &self,
        py: Python<'py>,
        label: &[u8],
        context: &[u8],
        length: usize,
    ) -> PyResult<Bound<'py, PyBytes>> {
        let secret = self.read(py, |group| {
            // HKDF-Expand gives at most 255 times the hash's length (RFC 5869, section 2.3).
            let longest = 255 * crate::keys::suite_provider(group.cipher_suite())?.kdf_extract_size();
            if length > longest {
                return Err(Fault::new(Kind::Caller, format!("at most {longest} octets can be exported")));
            }
            Ok(group.export_secret(label, context, length)?)
        })?;
        Ok(value::bytes(py, secret.as_bytes()))
    }

    /// The ratchet tree, for Welcomes and GroupInfos that travel without it (section 12.4.3.3).
    fn export_tree<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyBytes>> {
        let tree = self.read(py, |group| Ok(group.export_tree().to_bytes()?))?;
        Ok(value::bytes(py, &tree))
    }

    /// Make a signed GroupInfo (section 12.4.3), which `allow_external_commit` lets others come in by.
    #[pyo3(signature = (*, allow_external_commit=false, ratchet_tree=true))]
    fn group_info<'py>(
        &self,
        py: Python<'py>,
        allow_external_commit: bool,
        ratchet_tree: bool,
    ) -> PyResult<Bound<'py, PyBytes>> {
        let message = self.read(py, |group| {
            let message = if allow_external_commit {
                group.group_info_message_allowing_ext_commit(ratchet_tree)?
            } else {
                group.group_info_message(ratchet_tree)?
            };
            Ok(message.to_bytes()?)
        })?;
        Ok(value::bytes(py, &message))
    }

    /// Whether a commit of ours waits to be applied.
    #[getter]
    fn has_pending_commit(&self, py: Python<'_>) -> PyResult<bool> {
        self.read(py, |group| Ok(group.has_pending_commit()))
    }

    /// The proposals that wait for a commit. While there are any, nothing can be encrypted (section 12.4).
    #[getter]
    fn cached_proposals(&self, py: Python<'_>) -> PyResult<Vec<CachedProposal>> {
        self.read(py, |group| group.get_cached_proposals().iter().map(CachedProposal::new).collect())
    }

    // -- committing

    /// Make a Commit (section 12.4) of the waiting proposals and those given here; pending until it is applied.
    ///
    /// Without any it gives our own leaf fresh keys. `add` takes key packages, `remove` leaf indexes, `psks` ids of external
    /// pre-shared keys, `resumption_psks` past epochs of this group, `extensions` all of the group context's, `new_identity` a
    /// credential with its key pair. Raises PendingCommitError, MemberNotFoundError, LifetimeError, and PeerError for a key
    /// package that is not right.
    #[pyo3(signature = (
        *,
        add=vec![],
        remove=vec![],
        psks=vec![],
        resumption_psks=vec![],
        extensions=None,
        reinit=None,
        custom=vec![],
        new_identity=None,
        leaf_extensions=None,
        group_info_extensions=vec![],
        authenticated_data=b"".as_slice(),
        options=None,
        now=None,
    ))]
    #[allow(clippy::too_many_arguments)]
    fn commit(
        &self,
        py: Python<'_>,
        add: Vec<KeyPackage>,
        remove: Vec<u32>,
        psks: Vec<Bound<'_, PyBytes>>,
        resumption_psks: Vec<u64>,
        extensions: Option<Vec<Extension>>,
        reinit: Option<ReInitProposal>,
        custom: Vec<CustomProposal>,
        new_identity: Option<NewIdentity<'_>>,
        leaf_extensions: Option<Vec<Extension>>,
        group_info_extensions: Vec<Extension>,
        authenticated_data: &[u8],
        options: Option<CommitOptions>,
        now: Option<u64>,
    ) -> PyResult<CommitOutput> {
        let plan = self.plan(
            py,
            add,
            remove,
            psks,
            resumption_psks,
            extensions,
            reinit,
            custom,
            new_identity,
            leaf_extensions,
            group_info_extensions,
            authenticated_data,
            options,
            now,
        )?;
        let output = self.step(py, Blame::Caller, |_, next| Output::new(plan.builder(&mut next.group)?.build()?))?;
        Ok(output.into_python(py))
    }

    /// Make a Commit as `commit` does, and give what it takes to apply it later; the group keeps nothing of it.
    ///
    /// Several can be made in one epoch, and one of them applied.
    #[pyo3(signature = (
        *,
        add=vec![],
        remove=vec![],
        psks=vec![],
        resumption_psks=vec![],
        extensions=None,
        reinit=None,
        custom=vec![],
        new_identity=None,
        leaf_extensions=None,
        group_info_extensions=vec![],
        authenticated_data=b"".as_slice(),
        options=None,
        now=None,
    ))]
    #[allow(clippy::too_many_arguments)]
    fn commit_detached(
        &self,
        py: Python<'_>,
        add: Vec<KeyPackage>,
        remove: Vec<u32>,
        psks: Vec<Bound<'_, PyBytes>>,
        resumption_psks: Vec<u64>,
        extensions: Option<Vec<Extension>>,
        reinit: Option<ReInitProposal>,
        custom: Vec<CustomProposal>,
        new_identity: Option<NewIdentity<'_>>,
        leaf_extensions: Option<Vec<Extension>>,
        group_info_extensions: Vec<Extension>,
        authenticated_data: &[u8],
        options: Option<CommitOptions>,
        now: Option<u64>,
    ) -> PyResult<(CommitOutput, CommitSecrets)> {
        let plan = self.plan(
            py,
            add,
            remove,
            psks,
            resumption_psks,
            extensions,
            reinit,
            custom,
            new_identity,
            leaf_extensions,
            group_info_extensions,
            authenticated_data,
            options,
            now,
        )?;
        let (output, secrets) = self.step(py, Blame::Caller, |before, next| {
            let (output, secrets) = plan.builder(&mut next.group)?.build_detached()?;
            Ok((Output::new(output)?, CommitSecrets::new(before, &secrets)?))
        })?;
        Ok((output.into_python(py), secrets))
    }

    /// Step to the epoch of our own pending commit. Raises NoPendingCommitError.
    fn apply_pending_commit(&self, py: Python<'_>) -> PyResult<CommitMessage> {
        let applied = self.step(py, Blame::Caller, |before, next| {
            let description = next.group.apply_pending_commit()?;
            self.entered(next);
            Applied::new(before, &next.group, description)
        })?;
        Ok(applied.into_python())
    }

    /// Step to the epoch of a detached commit. Raises StaleCommitError unless the group is at the epoch it was made in.
    fn apply_detached_commit(&self, py: Python<'_>, secrets: &CommitSecrets) -> PyResult<CommitMessage> {
        let applied = self.step(py, Blame::Caller, |before, next| {
            let description = next.group.apply_detached_commit(secrets.for_group(before)?)?;
            self.entered(next);
            Applied::new(before, &next.group, description)
        })?;
        Ok(applied.into_python())
    }

    /// Forget our own pending commit; without one nothing happens.
    fn clear_pending_commit(&self, py: Python<'_>) -> PyResult<()> {
        self.step(py, Blame::Caller, |_, next| {
            next.group.clear_pending_commit();
            Ok(())
        })
    }

    /// Forget the proposals that wait for a commit.
    fn clear_proposal_cache(&self, py: Python<'_>) -> PyResult<()> {
        self.step(py, Blame::Caller, |_, next| {
            next.group.clear_proposal_cache();
            Ok(())
        })
    }

    // -- going on elsewhere

    /// Make a group of some of the members, tied to this one by its resumption secret (section 11.3); give it and the Welcomes.
    ///
    /// The lifetimes of the key packages are checked against the system's clock, whatever `now` and the client's clock say.
    #[pyo3(signature = (group_id, key_packages, *, now=None))]
    fn branch<'py>(
        &self,
        py: Python<'py>,
        group_id: &[u8],
        key_packages: Vec<KeyPackage>,
        now: Option<u64>,
    ) -> PyResult<(Group, Vec<Bound<'py, PyBytes>>)> {
        let now = self.parts.now(py, now)?;
        let packages = key_packages.into_iter().map(|package| package.message).collect();
        let (group, welcomes) = self.read(py, |group| {
            let (group, welcomes) = group.branch(group_id.to_vec(), packages, Some(now))?;
            Ok((Group::new(group, Ratchets::default(), self.parts.clone()), reinit::encoded(&welcomes)?))
        })?;
        Ok((group, welcomes.iter().map(|welcome| value::bytes(py, welcome)).collect()))
    }

    /// Join a group that was branched off this one (section 11.3). Raises PeerErrors.
    #[pyo3(signature = (welcome, *, ratchet_tree=None, now=None))]
    fn join_subgroup(
        &self,
        py: Python<'_>,
        welcome: &[u8],
        ratchet_tree: Option<&[u8]>,
        now: Option<u64>,
    ) -> PyResult<Group> {
        let now = self.parts.received_now(py, now)?;
        scope::run(py, Blame::Peer, || {
            let message = self.parts.welcome(welcome, true)?;
            let tree = tree(ratchet_tree, &EncryptionKeys::of_some_suite(), &self.parts.policy.limits)?;
            let (group, _) = self.live.enter()?.state().group.join_subgroup(&message, tree, now)?;
            Ok(Group::new(group, Ratchets::default(), self.parts.clone()))
        })
    }

    /// Go on after a ReInit was committed (section 11.2). Raises GroupReInitializedError if there was none.
    ///
    /// `new_identity` is a credential with a key pair of the new cipher suite, where that is another one.
    #[pyo3(signature = (*, new_identity=None))]
    fn reinit_client(&self, py: Python<'_>, new_identity: Option<NewIdentity<'_>>) -> PyResult<ReInitClient> {
        let identity = crate::client::new_identity(new_identity)?;
        self.read(py, |group| ReInitClient::new(group.clone(), identity, self.parts.clone()))
    }

    // -- proposing

    /// Propose to add somebody (section 12.1.1).
    #[pyo3(signature = (key_package, *, authenticated_data=b"".as_slice()))]
    fn propose_add<'py>(
        &self,
        py: Python<'py>,
        key_package: KeyPackage,
        authenticated_data: &[u8],
    ) -> PyResult<Bound<'py, PyBytes>> {
        self.propose(py, |group| group.propose_add(key_package.message, authenticated_data.to_vec()))
    }

    /// Propose to remove a member (section 12.1.3). Raises MemberNotFoundError.
    #[pyo3(signature = (index, *, authenticated_data=b"".as_slice()))]
    fn propose_remove<'py>(
        &self,
        py: Python<'py>,
        index: u32,
        authenticated_data: &[u8],
    ) -> PyResult<Bound<'py, PyBytes>> {
        self.propose(py, |group| group.propose_remove(index, authenticated_data.to_vec()))
    }

    /// Propose fresh keys for our own leaf (section 12.1.2), optionally with a new identity.
    #[pyo3(signature = (*, new_identity=None, authenticated_data=b"".as_slice()))]
    fn propose_update<'py>(
        &self,
        py: Python<'py>,
        new_identity: Option<NewIdentity<'_>>,
        authenticated_data: &[u8],
    ) -> PyResult<Bound<'py, PyBytes>> {
        let identity = crate::client::new_identity(new_identity)?;
        self.propose(py, |group| match identity {
            Some((identity, signer)) => {
                group.propose_update_with_identity(signer, identity, authenticated_data.to_vec())
            }
            None => group.propose_update(authenticated_data.to_vec()),
        })
    }

    /// Propose to leave (draft-ietf-mls-extensions, SelfRemove).
    #[pyo3(signature = (*, authenticated_data=b"".as_slice()))]
    fn propose_self_remove<'py>(&self, py: Python<'py>, authenticated_data: &[u8]) -> PyResult<Bound<'py, PyBytes>> {
        self.propose(py, |group| group.propose_self_remove(authenticated_data.to_vec()))
    }

    /// Propose to mix in an external pre-shared key (section 12.1.4).
    #[pyo3(signature = (psk_id, *, authenticated_data=b"".as_slice()))]
    fn propose_psk<'py>(
        &self,
        py: Python<'py>,
        psk_id: &[u8],
        authenticated_data: &[u8],
    ) -> PyResult<Bound<'py, PyBytes>> {
        let psk_id = ExternalPskId::new(psk_id.to_vec());
        self.propose(py, |group| group.propose_external_psk(psk_id, authenticated_data.to_vec()))
    }

    /// Propose to mix in the resumption secret of a past epoch (section 12.1.4).
    #[pyo3(signature = (epoch, *, authenticated_data=b"".as_slice()))]
    fn propose_resumption_psk<'py>(
        &self,
        py: Python<'py>,
        epoch: u64,
        authenticated_data: &[u8],
    ) -> PyResult<Bound<'py, PyBytes>> {
        self.propose(py, |group| group.propose_resumption_psk(epoch, authenticated_data.to_vec()))
    }

    /// Propose to replace the group context's extensions (section 12.1.7).
    #[pyo3(signature = (extensions, *, authenticated_data=b"".as_slice()))]
    fn propose_extensions<'py>(
        &self,
        py: Python<'py>,
        extensions: Vec<Extension>,
        authenticated_data: &[u8],
    ) -> PyResult<Bound<'py, PyBytes>> {
        let extensions = extension::list(extensions);
        self.propose(py, |group| group.propose_group_context_extensions(extensions, authenticated_data.to_vec()))
    }

    /// Propose to close the group and go on in another (section 12.1.5).
    #[pyo3(signature = (reinit, *, authenticated_data=b"".as_slice()))]
    fn propose_reinit<'py>(
        &self,
        py: Python<'py>,
        reinit: ReInitProposal,
        authenticated_data: &[u8],
    ) -> PyResult<Bound<'py, PyBytes>> {
        let (group_id, version, suite, extensions) = reinit.parts();
        self.propose(py, |group| {
            group.propose_reinit(Some(group_id), version, suite, extensions, authenticated_data.to_vec())
        })
    }

    /// Propose something of the application's own (section 17.4).
    #[pyo3(signature = (proposal, *, authenticated_data=b"".as_slice()))]
    fn propose_custom<'py>(
        &self,
        py: Python<'py>,
        proposal: CustomProposal,
        authenticated_data: &[u8],
    ) -> PyResult<Bound<'py, PyBytes>> {
        self.propose(py, |group| group.propose_custom(proposal.into(), authenticated_data.to_vec()))
    }

    // -- messages

    /// Encrypt an application message (section 15). `authenticated_data` is authenticated but stays readable.
    ///
    /// Write the group to its storage before the message leaves: a ratchet that is rewound uses its keys twice.
    /// Raises CommitRequiredError.
    #[pyo3(signature = (data, *, authenticated_data=b"".as_slice()))]
    fn encrypt<'py>(&self, py: Python<'py>, data: &[u8], authenticated_data: &[u8]) -> PyResult<Bound<'py, PyBytes>> {
        let limits = &self.parts.policy.limits;
        let message = scope::run(py, Blame::Caller, || {
            self.live.enter()?.step(Some(Step::Sent), limits, |_, state| {
                Ok(state.group.encrypt_application_message(data, authenticated_data.to_vec())?.to_bytes()?)
            })
        })?;
        Ok(value::bytes(py, &message))
    }

    /// Take an MLSMessage that came for this group; say what it was (sections 12 and 15).
    ///
    /// Gives an ApplicationMessage, CommitMessage, ProposalMessage, WelcomeMessage, GroupInfoMessage or KeyPackageMessage.
    /// Raises PeerErrors, and what the identity provider or a storage raises.
    #[pyo3(signature = (message, *, now=None))]
    fn process<'py>(&self, py: Python<'py>, message: &[u8], now: Option<u64>) -> PyResult<Bound<'py, PyAny>> {
        let now = self.parts.received_now(py, now)?;
        scope::run(py, Blame::Peer, || self.take(message, now))?.into_python(py)
    }

    // -- keeping

    /// Write the group to its storage, with the epochs that have passed since it was last written.
    ///
    /// Raises what the storage raises; then the group still counts as unwritten.
    fn write_to_storage(&self, py: Python<'_>) -> PyResult<()> {
        scope::run(py, Blame::Storage, || {
            self.live.enter()?.keep(|state| {
                scope::set_companion(state.ratchets.to_bytes()?);
                scope::set_tree(state.tree.take());
                state.group.write_to_storage()?;
                state.tree = scope::take_tree();
                Ok(())
            })
        })
    }

    fn __repr__(&self, py: Python<'_>) -> PyResult<String> {
        self.read(py, |group| {
            Ok(format!("Group(epoch={}, own_index={}, …)", group.current_epoch(), group.current_member_index()))
        })
    }
}
