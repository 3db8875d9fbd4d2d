//! What processing a message gives (RFC 9420, sections 12 and 15).

use std::collections::BTreeSet;

use mls_rs::{
    Group, MlsMessage, MlsMessageDescription,
    group::{
        ApplicationMessageDescription, CommitEffect, CommitMessageDescription, ContentType, ExportedTree, LeafIndex,
        NewEpoch, ProposalMessageDescription, ReceivedMessage, Sender, proposal::Proposal,
    },
};
use pyo3::{prelude::*, types::PyBytes};

use crate::{
    bounds::{self, PrivateHeader, Welcome},
    client::Config,
    error::{Blame, Fault},
    group_info::GroupInfo,
    identity::{Member, SigningIdentity},
    key_package::KeyPackage,
    proposal::{AnyProposal, CachedProposal, ProposalSender, ReInitProposal},
    rules::Limits,
    scope, value,
};

/// An application message (RFC 9420, section 15).
#[pyclass(frozen, get_all, module = "mls_rs_py")]
pub struct ApplicationMessage {
    /// The epoch that it was sent in.
    epoch: u64,
    /// The sender's leaf index.
    sender_index: u32,
    /// Who sent it: the signature is verified.
    sender: SigningIdentity,
    /// The plaintext.
    data: Py<PyBytes>,
    /// What was authenticated along with it, and could be read on the way.
    authenticated_data: Py<PyBytes>,
}

#[pymethods]
impl ApplicationMessage {
    fn __repr__(&self) -> String {
        format!("ApplicationMessage(epoch={}, sender_index={}, …)", self.epoch, self.sender_index)
    }
}

/// A commit that was applied (section 12.4), a peer's or our own.
#[pyclass(frozen, get_all, module = "mls_rs_py")]
pub struct CommitMessage {
    /// The epoch that the commit leads to.
    epoch: u64,
    /// What came of it: "new_epoch", "removed" (we are out, and the group stays at its last epoch) or "reinit".
    effect: &'static str,
    /// The committer's leaf index.
    committer_index: u32,
    /// Who committed.
    committer: SigningIdentity,
    /// Whether the committer came in by it (section 12.4.3.2).
    is_external: bool,
    /// Who came in.
    added: Vec<Member>,
    /// Who went, as they were.
    removed: Vec<Member>,
    /// Whose leaf changed, as they are now.
    updated: Vec<Member>,
    /// The proposals that took effect.
    applied_proposals: Vec<CachedProposal>,
    /// The proposals that were waiting and did not.
    unused_proposals: Vec<CachedProposal>,
    /// What the group that follows is to be like, where the effect is "reinit".
    reinit: Option<ReInitProposal>,
    /// What was authenticated along with it.
    authenticated_data: Vec<u8>,
}

#[pymethods]
impl CommitMessage {
    fn __repr__(&self) -> String {
        format!(
            "CommitMessage(epoch={}, effect={:?}, committer_index={}, {} added, {} removed, {} updated)",
            self.epoch,
            self.effect,
            self.committer_index,
            self.added.len(),
            self.removed.len(),
            self.updated.len()
        )
    }
}

/// A proposal that now waits for a commit (section 12.1).
#[pyclass(frozen, get_all, module = "mls_rs_py")]
pub struct ProposalMessage {
    /// Who made it.
    sender: ProposalSender,
    /// The proposal.
    proposal: AnyProposal,
    /// The ProposalRef (section 5.2).
    reference: Vec<u8>,
    /// What was authenticated along with it.
    authenticated_data: Vec<u8>,
}

#[pymethods]
impl ProposalMessage {
    fn __repr__(&self) -> String {
        format!("ProposalMessage(sender={}, …)", self.sender.__repr__())
    }
}

/// A Welcome (RFC 9420, section 12.4.3.1), which is nothing for a group: `Client.join` takes it.
#[pyclass(frozen, module = "mls_rs_py")]
pub struct WelcomeMessage {}

/// A GroupInfo (RFC 9420, section 12.4.3) that describes the group as it is.
#[pyclass(frozen, get_all, module = "mls_rs_py")]
pub struct GroupInfoMessage {
    /// The GroupInfo: its signature is verified.
    group_info: GroupInfo,
}

/// A key package (RFC 9420, section 10) that could be added.
#[pyclass(frozen, get_all, module = "mls_rs_py")]
pub struct KeyPackageMessage {
    /// The key package: signature, lifetime and credential are checked.
    key_package: KeyPackage,
}

/// A commit as the group has taken it, before it has become a Python object.
pub struct Applied {
    message: CommitMessage,
}

/// What a group made of a message, before it has become a Python object.
#[allow(clippy::large_enum_variant)]
pub enum Received {
    Application { epoch: u64, sender: SigningIdentity, message: ApplicationMessageDescription },
    Commit(Applied),
    Proposal(ProposalMessage),
    Welcome,
    GroupInfo(GroupInfo),
    KeyPackage(KeyPackage),
}

impl Received {
    /// Describe what `after`, which was `before`, made of a message of the epoch `epoch`.
    pub fn new(
        before: &Group<Config>,
        after: &Group<Config>,
        epoch: u64,
        received: ReceivedMessage,
    ) -> Result<Self, Fault> {
        Ok(match received {
            ReceivedMessage::ApplicationMessage(message) => {
                let tree = after.export_tree();
                let sender = leaf(&tree, message.sender_index).ok_or(mls_rs::error::MlsError::MemberNotFound)?;
                Received::Application { epoch, sender: SigningIdentity(sender.signing_identity.clone()), message }
            }
            ReceivedMessage::Commit(commit) => Received::Commit(Applied::new(before, after, commit)?),
            ReceivedMessage::Proposal(proposal) => Received::Proposal(ProposalMessage::new(proposal)?),
            ReceivedMessage::Welcome => Received::Welcome,
            ReceivedMessage::GroupInfo(info) => Received::GroupInfo(GroupInfo(info)),
            ReceivedMessage::KeyPackage(package) => Received::KeyPackage(KeyPackage::from_package(&package)?),
        })
    }

    pub fn into_python(self, py: Python<'_>) -> PyResult<Bound<'_, PyAny>> {
        Ok(match self {
            Received::Application { epoch, sender, message } => {
                let data = value::bytes(py, message.data()).unbind();
                let authenticated_data = value::bytes(py, &message.authenticated_data).unbind();
                let sender_index = message.sender_index;
                Bound::new(py, ApplicationMessage { epoch, sender_index, sender, data, authenticated_data })?.into_any()
            }
            Received::Commit(applied) => Bound::new(py, applied.message)?.into_any(),
            Received::Proposal(proposal) => Bound::new(py, proposal)?.into_any(),
            Received::Welcome => Bound::new(py, WelcomeMessage {})?.into_any(),
            Received::GroupInfo(group_info) => Bound::new(py, GroupInfoMessage { group_info })?.into_any(),
            Received::KeyPackage(key_package) => Bound::new(py, KeyPackageMessage { key_package })?.into_any(),
        })
    }
}

impl ProposalMessage {
    fn new(description: ProposalMessageDescription) -> Result<Self, Fault> {
        Ok(Self {
            proposal: AnyProposal::new(&description.proposal)?,
            reference: description.proposal_ref(),
            sender: description.sender.into(),
            authenticated_data: description.authenticated_data,
        })
    }
}

impl Applied {
    pub fn new(
        before: &Group<Config>,
        after: &Group<Config>,
        description: CommitMessageDescription,
    ) -> Result<Self, Fault> {
        let (effect, new_epoch, reinit) = match &description.effect {
            CommitEffect::NewEpoch(new_epoch) => ("new_epoch", Some(new_epoch), None),
            CommitEffect::Removed { new_epoch, .. } => ("removed", Some(new_epoch), None),
            CommitEffect::ReInit(info) => {
                let AnyProposal::ReInit(reinit) = AnyProposal::new(&Proposal::ReInit(info.proposal.clone()))? else {
                    unreachable!("a ReInit proposal reads as one")
                };
                ("reinit", None, Some(reinit))
            }
        };
        let roster = match (effect, new_epoch) {
            // Who is removed does not follow the group into the next epoch, and sees only who goes with it.
            ("removed", Some(new_epoch)) => {
                Roster { removed: proposed_removals(before, new_epoch), ..Roster::default() }
            }
            (_, Some(new_epoch)) => Roster::between(before, after, new_epoch, description.committer)?,
            _ => Roster::default(),
        };
        let holder = if description.is_external { after } else { before };
        let committer = holder.member_at_index(description.committer).ok_or(mls_rs::error::MlsError::MemberNotFound)?;
        let proposals = |list: &[mls_rs::mls_rules::ProposalInfo<Proposal>]| {
            list.iter().map(CachedProposal::from_info).collect::<Result<Vec<_>, _>>()
        };
        let message = CommitMessage {
            epoch: new_epoch.map_or(before.current_epoch() + 1, |new_epoch| new_epoch.epoch),
            effect,
            committer_index: description.committer,
            committer: SigningIdentity(committer.signing_identity),
            is_external: description.is_external,
            added: roster.added,
            removed: roster.removed,
            updated: roster.updated,
            applied_proposals: new_epoch.map_or(Ok(vec![]), |new_epoch| proposals(&new_epoch.applied_proposals))?,
            unused_proposals: new_epoch.map_or(Ok(vec![]), |new_epoch| proposals(&new_epoch.unused_proposals))?,
            reinit,
            authenticated_data: description.authenticated_data,
        };
        Ok(Self { message })
    }

    pub fn into_python(self) -> CommitMessage {
        self.message
    }
}

/// How the roster changed.
#[derive(Default)]
struct Roster {
    added: Vec<Member>,
    removed: Vec<Member>,
    updated: Vec<Member>,
}

fn removed_indexes(new_epoch: &NewEpoch) -> impl Iterator<Item = u32> {
    new_epoch.applied_proposals.iter().filter_map(|info| match (&info.proposal, info.sender) {
        (Proposal::Remove(remove), _) => Some(remove.to_remove()),
        (Proposal::SelfRemove(_), Sender::Member(index)) => Some(index),
        _ => None,
    })
}

fn proposed_removals(before: &Group<Config>, new_epoch: &NewEpoch) -> Vec<Member> {
    removed_indexes(new_epoch).filter_map(|index| before.member_at_index(index)).map(Member::from).collect()
}

impl Roster {
    /// Compare the leaves that can have changed. One that was freed in this commit may be somebody else's now.
    fn between(
        before: &Group<Config>,
        after: &Group<Config>,
        new_epoch: &NewEpoch,
        committer: u32,
    ) -> Result<Self, Fault> {
        let mut roster = Self { removed: proposed_removals(before, new_epoch), ..Self::default() };
        let freed: Vec<u32> = removed_indexes(new_epoch).collect();
        let (old_tree, new_tree) = (before.export_tree(), after.export_tree());
        let mut changed = vec![];
        for index in changeable_indexes(new_epoch, committer, new_tree.total_leaf_count()) {
            let Some(new_leaf) = leaf(&new_tree, index) else { continue };
            let list = match leaf(&old_tree, index) {
                Some(old_leaf) if !freed.contains(&index) => {
                    if old_leaf == new_leaf {
                        continue;
                    }
                    &mut roster.updated
                }
                _ => &mut roster.added,
            };
            list.extend(after.member_at_index(index).map(Member::from));
            changed.push(new_leaf);
        }
        bounds::committed(after.context(), changed.into_iter())?;
        Ok(roster)
    }
}

/// The leaves that a commit can have filled or changed: any where it adds somebody, or else its maker's and those of updates.
fn changeable_indexes(new_epoch: &NewEpoch, committer: u32, leaves: u32) -> BTreeSet<u32> {
    let mut indexes = BTreeSet::from([committer]);
    for info in &new_epoch.applied_proposals {
        match (&info.proposal, info.sender) {
            (Proposal::Add(_), _) => return (0..leaves).collect(),
            (Proposal::Update(_), Sender::Member(index)) => drop(indexes.insert(index)),
            _ => {}
        }
    }
    indexes
}

fn leaf<'a>(tree: &'a ExportedTree<'_>, index: u32) -> Option<&'a mls_rs::group::LeafNode> {
    tree.get_leaf(LeafIndex::try_from(index).ok()?).ok().flatten()
}

/// What can be read of an MLSMessage without any key (RFC 9420, section 6). Nothing of it is verified.
#[pyclass(frozen, eq, get_all, module = "mls_rs_py")]
#[derive(PartialEq)]
pub struct MessageInfo {
    /// "public_message", "private_message", "welcome", "group_info" or "key_package".
    wire_format: &'static str,
    /// "application", "proposal" or "commit", for the first two.
    content_type: Option<&'static str>,
    /// The group, where it is in the clear.
    group_id: Option<Vec<u8>>,
    /// The epoch, where it is in the clear.
    epoch: Option<u64>,
    /// The cipher suite, of a Welcome, GroupInfo or key package.
    cipher_suite: Option<u16>,
    /// The KeyPackageRefs that a Welcome answers.
    key_package_references: Vec<Vec<u8>>,
}

#[pymethods]
impl MessageInfo {
    /// Read an MLSMessage. Raises MalformedMessageError, LimitExceededError.
    ///
    /// `limits` are the default ones, if none are given. Where it is known what is expected, a PrivateMessageHeader or a
    /// WelcomeHeader costs less, whatever comes.
    #[staticmethod]
    #[pyo3(signature = (message, *, limits=None))]
    fn from_bytes(py: Python<'_>, message: &[u8], limits: Option<Limits>) -> PyResult<Self> {
        scope::parse(py, || Ok(Self::new(&bounds::message(message, &limits.unwrap_or_default())?)))
    }

    fn __repr__(&self) -> String {
        format!("MessageInfo(wire_format={:?}, content_type={:?}, …)", self.wire_format, self.content_type)
    }
}

impl MessageInfo {
    fn new(message: &MlsMessage) -> Self {
        let content = |content_type| match content_type {
            ContentType::Application => Some("application"),
            ContentType::Proposal => Some("proposal"),
            ContentType::Commit => Some("commit"),
        };
        let (wire_format, content_type, references) = match message.description() {
            MlsMessageDescription::Welcome { key_package_refs, .. } => {
                ("welcome", None, key_package_refs.iter().map(|reference| reference.to_vec()).collect())
            }
            MlsMessageDescription::PrivateProtocolMessage { content_type, .. } => {
                ("private_message", content(content_type), vec![])
            }
            MlsMessageDescription::PublicProtocolMessage { content_type, .. } => {
                ("public_message", content(content_type), vec![])
            }
            MlsMessageDescription::GroupInfo => ("group_info", None, vec![]),
            MlsMessageDescription::KeyPackage => ("key_package", None, vec![]),
        };
        Self {
            wire_format,
            content_type,
            group_id: message.group_id().map(<[u8]>::to_vec),
            epoch: message.epoch(),
            cipher_suite: message.cipher_suite().map(u16::from),
            key_package_references: references,
        }
    }
}

/// What stands in the clear before the content of a PrivateMessage (RFC 9420, section 6.3). Nothing of it is verified.
#[pyclass(frozen, eq, get_all, module = "mls_rs_py")]
#[derive(PartialEq)]
pub struct PrivateMessageHeader {
    /// The group, by an id of at most 255 octets.
    group_id: Vec<u8>,
    /// The epoch.
    epoch: u64,
    /// "application", "proposal" or "commit".
    content_type: &'static str,
}

#[pymethods]
impl PrivateMessageHeader {
    /// Read the first octets of an MLSMessage; what follows them is not looked at.
    ///
    /// Raises MalformedMessageError, also for an MLSMessage of another kind or version, and LimitExceededError.
    #[staticmethod]
    fn from_bytes(py: Python<'_>, message: &[u8]) -> PyResult<Self> {
        let header = PrivateHeader::of_message(message).map_err(|fault| fault.into_exception(Blame::Peer, py))?;
        let (group_id, epoch) = (header.group_id.to_vec(), header.epoch);
        Ok(Self { group_id, epoch, content_type: header.content_name() })
    }

    fn __repr__(&self) -> String {
        format!("PrivateMessageHeader(epoch={}, content_type={:?}, …)", self.epoch, self.content_type)
    }
}

/// What stands in the clear in a Welcome (RFC 9420, section 12.4.3.1). Nothing of it is verified.
#[pyclass(frozen, eq, get_all, module = "mls_rs_py")]
#[derive(PartialEq)]
pub struct WelcomeHeader {
    /// The cipher suite's number.
    cipher_suite: u16,
    /// The KeyPackageRefs of those who are invited, each of another one.
    key_package_references: Vec<Vec<u8>>,
}

#[pymethods]
impl WelcomeHeader {
    /// Read an MLSMessage with a Welcome for at most `max_leaves` new members.
    ///
    /// Raises MalformedMessageError, also for an MLSMessage of another kind or version, and LimitExceededError.
    #[staticmethod]
    #[pyo3(signature = (message, *, limits=None))]
    fn from_bytes(py: Python<'_>, message: &[u8], limits: Option<Limits>) -> PyResult<Self> {
        scope::parse(py, || {
            let welcome = Welcome::of_message(message, &limits.unwrap_or_default())?;
            let references = welcome.secrets.iter().map(|each| each.reference.to_vec()).collect();
            Ok(Self { cipher_suite: welcome.suite, key_package_references: references })
        })
    }

    fn __repr__(&self) -> String {
        format!("WelcomeHeader({} new members)", self.key_package_references.len())
    }
}
