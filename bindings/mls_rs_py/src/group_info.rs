//! Group contexts and GroupInfo (RFC 9420, sections 8.1 and 12.4.3).

use mls_rs::{group::GroupInfo as Info, mls_rs_codec::MlsEncode};
use mls_rs_core::group::GroupContext as Context;
use pyo3::{prelude::*, types::PyBytes};

use crate::{
    bounds,
    error::{Fault, Kind},
    extension::{self, Extension},
    rules::Limits,
    scope, value,
};

/// What all members of a group agree on in one epoch (RFC 9420, section 8.1).
#[pyclass(frozen, eq, from_py_object, module = "mls_rs_py")]
#[derive(Clone, PartialEq)]
pub struct GroupContext(pub Context);

#[pymethods]
impl GroupContext {
    /// The protocol version; 1 is MLS 1.0.
    #[getter]
    fn protocol_version(&self) -> u16 {
        self.0.protocol_version.raw_value()
    }

    /// The cipher suite's number.
    #[getter]
    fn cipher_suite(&self) -> u16 {
        self.0.cipher_suite.into()
    }

    /// The group's id.
    #[getter]
    fn group_id<'py>(&self, py: Python<'py>) -> Bound<'py, PyBytes> {
        value::bytes(py, &self.0.group_id)
    }

    /// The epoch.
    #[getter]
    fn epoch(&self) -> u64 {
        self.0.epoch
    }

    /// The hash of the tree (section 7.8).
    #[getter]
    fn tree_hash<'py>(&self, py: Python<'py>) -> Bound<'py, PyBytes> {
        value::bytes(py, &self.0.tree_hash)
    }

    /// The hash of all commits so far (section 8.2): two branches of one group differ in it.
    #[getter]
    fn confirmed_transcript_hash<'py>(&self, py: Python<'py>) -> Bound<'py, PyBytes> {
        value::bytes(py, &self.0.confirmed_transcript_hash)
    }

    /// The group context's extensions.
    #[getter]
    fn extensions(&self) -> Vec<Extension> {
        extension::from_list(&self.0.extensions)
    }

    /// The structure as RFC 9420 encodes it.
    fn to_bytes<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyBytes>> {
        let encoded = scope::parse(py, || self.0.mls_encode_to_vec().map_err(Fault::from))?;
        Ok(value::bytes(py, &encoded))
    }

    fn __repr__(&self) -> String {
        format!("GroupContext(epoch={}, …)", self.0.epoch)
    }
}

/// A signed description of a group's epoch (RFC 9420, section 12.4.3).
#[pyclass(frozen, eq, from_py_object, module = "mls_rs_py")]
#[derive(Clone, PartialEq)]
pub struct GroupInfo(pub Info);

#[pymethods]
impl GroupInfo {
    /// Read an MLSMessage that holds a GroupInfo; its signature is not verified. Raises MalformedMessageError.
    #[staticmethod]
    fn from_bytes(py: Python<'_>, message: &[u8]) -> PyResult<Self> {
        scope::parse(py, || {
            let info = bounds::group_info_message(message, &Limits::default())?.into_group_info();
            Ok(Self(info.ok_or_else(|| Fault::new(Kind::MalformedMessage, "this MLS message is no GroupInfo"))?))
        })
    }

    /// The group context.
    #[getter]
    fn group_context(&self) -> GroupContext {
        GroupContext(self.0.group_context().clone())
    }

    /// The extensions, the ratchet tree among them if it travels inside.
    #[getter]
    fn extensions(&self) -> Vec<Extension> {
        extension::from_list(self.0.extensions())
    }

    /// The leaf index of the member who signed it.
    #[getter]
    fn signer_index(&self) -> u32 {
        self.0.sender()
    }

    fn __repr__(&self) -> String {
        format!("GroupInfo(epoch={}, signer_index={}, …)", self.0.group_context().epoch, self.0.sender())
    }
}
