//! Proposals (RFC 9420, section 12.1), for reading; commits and `propose_*` make them.

use mls_rs::{
    CipherSuite, ProtocolVersion,
    group::{CachedProposal as Cached, ProposalSender as CoreSender, Sender, proposal::Proposal},
    mls_rules::ProposalInfo,
};
use pyo3::{prelude::*, types::PyBytes};

use crate::{
    error::Fault,
    extension::{self, Extension},
    identity::{Capabilities, SigningIdentity},
    key_package::KeyPackage,
    value,
};

/// Bring somebody in (section 12.1.1).
#[pyclass(frozen, eq, get_all, from_py_object, module = "mls_rs_py")]
#[derive(Clone, PartialEq)]
pub struct AddProposal {
    /// The newcomer's key package.
    key_package: KeyPackage,
}

/// Replace the sender's own leaf (section 12.1.2).
#[pyclass(frozen, eq, get_all, from_py_object, module = "mls_rs_py")]
#[derive(Clone, PartialEq)]
pub struct UpdateProposal {
    /// Who the sender will be.
    signing_identity: SigningIdentity,
    /// What its client will be able to do.
    capabilities: Capabilities,
    /// The new leaf node's extensions.
    extensions: Vec<Extension>,
}

/// Take a member out (section 12.1.3).
#[pyclass(frozen, eq, get_all, from_py_object, module = "mls_rs_py")]
#[derive(Clone, PartialEq)]
pub struct RemoveProposal {
    /// The member's leaf index.
    index: u32,
}

/// Mix a pre-shared key into the next epoch (section 12.1.4).
#[pyclass(frozen, eq, get_all, from_py_object, module = "mls_rs_py")]
#[derive(Clone, PartialEq)]
pub struct PreSharedKeyProposal {
    /// The id of an external pre-shared key; None for a resumption one.
    psk_id: Option<Vec<u8>>,
}

/// Close the group and go on in another (section 12.1.5).
#[pyclass(frozen, eq, get_all, from_py_object, module = "mls_rs_py")]
#[derive(Clone, PartialEq)]
pub struct ReInitProposal {
    /// The id of the group that follows.
    group_id: Vec<u8>,
    /// Its protocol version.
    protocol_version: u16,
    /// Its cipher suite.
    cipher_suite: u16,
    /// Its group context's extensions.
    extensions: Vec<Extension>,
}

/// Part of an external commit (section 12.1.6).
#[pyclass(frozen, eq, from_py_object, module = "mls_rs_py")]
#[derive(Clone, PartialEq)]
pub struct ExternalInitProposal {}

/// Replace the group context's extensions (section 12.1.7).
#[pyclass(frozen, eq, get_all, from_py_object, module = "mls_rs_py")]
#[derive(Clone, PartialEq)]
pub struct GroupContextExtensionsProposal {
    /// The extensions as they will be.
    extensions: Vec<Extension>,
}

/// Leave, by one's own wish (draft-ietf-mls-extensions, SelfRemove).
#[pyclass(frozen, eq, from_py_object, module = "mls_rs_py")]
#[derive(Clone, PartialEq)]
pub struct SelfRemoveProposal {}

/// A proposal of a type that the application defines (section 17.4).
#[pyclass(frozen, eq, hash, get_all, from_py_object, module = "mls_rs_py")]
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct CustomProposal {
    /// The type's number.
    pub proposal_type: u16,
    /// The proposal's own encoding.
    pub data: Vec<u8>,
}

#[pymethods]
impl ReInitProposal {
    #[new]
    #[pyo3(signature = (*, group_id, cipher_suite=1, extensions=vec![]))]
    fn new(group_id: &[u8], cipher_suite: u16, extensions: Vec<Extension>) -> Self {
        let protocol_version = ProtocolVersion::MLS_10.raw_value();
        Self { group_id: group_id.to_vec(), protocol_version, cipher_suite, extensions }
    }
}

impl ReInitProposal {
    pub fn parts(self) -> (Vec<u8>, ProtocolVersion, CipherSuite, mls_rs::ExtensionList) {
        let version = ProtocolVersion::from(self.protocol_version);
        (self.group_id, version, self.cipher_suite.into(), extension::list(self.extensions))
    }
}

#[pymethods]
impl CustomProposal {
    #[new]
    fn new(proposal_type: u16, data: &[u8]) -> Self {
        Self { proposal_type, data: data.to_vec() }
    }

    fn __repr__(&self) -> String {
        format!("CustomProposal(proposal_type={}, {} octets)", self.proposal_type, self.data.len())
    }
}

/// A proposal in Rust that can become any of the classes above.
#[derive(Clone, IntoPyObject)]
#[allow(clippy::large_enum_variant)] // short-lived, one at a time
pub enum AnyProposal {
    Add(AddProposal),
    Update(UpdateProposal),
    Remove(RemoveProposal),
    PreSharedKey(PreSharedKeyProposal),
    ReInit(ReInitProposal),
    ExternalInit(ExternalInitProposal),
    GroupContextExtensions(GroupContextExtensionsProposal),
    SelfRemove(SelfRemoveProposal),
    Custom(CustomProposal),
}

impl AnyProposal {
    pub fn new(proposal: &Proposal) -> Result<Self, Fault> {
        Ok(match proposal {
            Proposal::Add(add) => {
                AnyProposal::Add(AddProposal { key_package: KeyPackage::from_package(add.key_package())? })
            }
            Proposal::Update(update) => AnyProposal::Update(UpdateProposal {
                signing_identity: SigningIdentity(update.signing_identity().clone()),
                capabilities: Capabilities::from(&update.capabilities()),
                extensions: extension::from_list(&update.leaf_node_extensions()),
            }),
            Proposal::Remove(remove) => AnyProposal::Remove(RemoveProposal { index: remove.to_remove() }),
            Proposal::Psk(psk) => {
                AnyProposal::PreSharedKey(PreSharedKeyProposal { psk_id: psk.external_psk_id().map(|id| id.to_vec()) })
            }
            Proposal::ReInit(reinit) => AnyProposal::ReInit(ReInitProposal {
                group_id: reinit.group_id().to_vec(),
                protocol_version: reinit.new_version().raw_value(),
                cipher_suite: reinit.new_cipher_suite().into(),
                extensions: extension::from_list(reinit.new_group_context_extensions()),
            }),
            Proposal::ExternalInit(_) => AnyProposal::ExternalInit(ExternalInitProposal {}),
            Proposal::GroupContextExtensions(extensions) => {
                AnyProposal::GroupContextExtensions(GroupContextExtensionsProposal {
                    extensions: extension::from_list(extensions),
                })
            }
            Proposal::SelfRemove(_) => AnyProposal::SelfRemove(SelfRemoveProposal {}),
            Proposal::Custom(custom) => AnyProposal::Custom(CustomProposal {
                proposal_type: custom.proposal_type().raw_value(),
                data: custom.data().to_vec(),
            }),
            other => {
                let proposal_type = other.proposal_type().raw_value();
                AnyProposal::Custom(CustomProposal { proposal_type, data: vec![] })
            }
        })
    }
}

/// Who made a proposal or commit (section 6).
#[pyclass(frozen, eq, hash, get_all, from_py_object, module = "mls_rs_py")]
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct ProposalSender {
    /// "member", "external" (an external sender) or "new_member" (somebody who wants to come in).
    kind: &'static str,
    /// The member's leaf index, or the external sender's place in the extension.
    index: Option<u32>,
}

#[pymethods]
impl ProposalSender {
    pub fn __repr__(&self) -> String {
        match self.index {
            Some(index) => format!("ProposalSender(kind={:?}, index={index})", self.kind),
            None => format!("ProposalSender(kind={:?})", self.kind),
        }
    }
}

impl From<CoreSender> for ProposalSender {
    fn from(sender: CoreSender) -> Self {
        match sender {
            CoreSender::Member(index) => Self { kind: "member", index: Some(index) },
            CoreSender::External(index) => Self { kind: "external", index: Some(index) },
            CoreSender::NewMember => Self { kind: "new_member", index: None },
        }
    }
}

impl From<Sender> for ProposalSender {
    fn from(sender: Sender) -> Self {
        match sender {
            Sender::Member(index) => Self { kind: "member", index: Some(index) },
            Sender::External(index) => Self { kind: "external", index: Some(index) },
            _ => Self { kind: "new_member", index: None },
        }
    }
}

/// A proposal together with who made it; `reference` is None where it came inside a commit (section 12.4).
#[pyclass(frozen, module = "mls_rs_py")]
#[derive(Clone)]
pub struct CachedProposal {
    proposal: AnyProposal,
    sender: ProposalSender,
    reference: Option<Vec<u8>>,
}

impl CachedProposal {
    pub fn new(cached: &Cached) -> Result<Self, Fault> {
        Ok(Self {
            proposal: AnyProposal::new(cached.proposal())?,
            sender: (*cached.sender()).into(),
            reference: Some(cached.proposal_ref().to_vec()),
        })
    }

    pub fn from_info(info: &ProposalInfo<Proposal>) -> Result<Self, Fault> {
        Ok(Self {
            proposal: AnyProposal::new(&info.proposal)?,
            sender: info.sender.into(),
            reference: info.proposal_ref().map(|reference| reference.to_vec()),
        })
    }
}

#[pymethods]
impl CachedProposal {
    /// The proposal, of one of the classes whose names end in Proposal.
    #[getter]
    fn proposal(&self) -> AnyProposal {
        self.proposal.clone()
    }

    /// Who made it.
    #[getter]
    fn sender(&self) -> ProposalSender {
        self.sender.clone()
    }

    /// The ProposalRef (section 5.2).
    #[getter]
    fn reference<'py>(&self, py: Python<'py>) -> Option<Bound<'py, PyBytes>> {
        self.reference.as_ref().map(|reference| value::bytes(py, reference))
    }

    fn __repr__(&self) -> String {
        format!("CachedProposal(sender={}, …)", self.sender.__repr__())
    }
}
