//! Extensions (RFC 9420, section 13).

use mls_rs::{
    ExtensionList,
    extension::{
        MlsExtension,
        built_in::{ApplicationIdExt, ExternalSendersExt, RequiredCapabilitiesExt},
    },
};
use pyo3::prelude::*;

use crate::{identity::SigningIdentity, scope};

/// One extension of a key package, leaf node, group context or GroupInfo (RFC 9420, section 13).
#[pyclass(frozen, eq, hash, get_all, from_py_object, module = "mls_rs_py")]
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct Extension {
    /// The IANA-registered or private-use type (RFC 9420, section 17.3).
    extension_type: u16,
    /// The extension's own encoding.
    data: Vec<u8>,
}

#[pymethods]
impl Extension {
    #[new]
    fn new(extension_type: u16, data: &[u8]) -> Self {
        Self { extension_type, data: data.to_vec() }
    }

    /// Make an application_id extension, for a leaf (section 5.3.3). mls-rs 0.57 adds nobody whose leaf has one.
    #[staticmethod]
    fn application_id(py: Python<'_>, application_id: &[u8]) -> PyResult<Self> {
        from_typed(py, ApplicationIdExt::new(application_id.to_vec()))
    }

    /// Make a required_capabilities extension, for a group context (section 11.1). All are types' numbers.
    #[staticmethod]
    #[pyo3(signature = (*, extensions=vec![], proposals=vec![], credentials=vec![]))]
    fn required_capabilities(
        py: Python<'_>,
        extensions: Vec<u16>,
        proposals: Vec<u16>,
        credentials: Vec<u16>,
    ) -> PyResult<Self> {
        let required = RequiredCapabilitiesExt::new(
            extensions.into_iter().map(Into::into).collect(),
            proposals.into_iter().map(Into::into).collect(),
            credentials.into_iter().map(Into::into).collect(),
        );
        from_typed(py, required)
    }

    /// Make an external_senders extension, for a group context (section 12.1.8.1).
    #[staticmethod]
    fn external_senders(py: Python<'_>, signing_identities: Vec<SigningIdentity>) -> PyResult<Self> {
        from_typed(py, ExternalSendersExt::new(signing_identities.into_iter().map(|identity| identity.0).collect()))
    }

    fn __repr__(&self) -> String {
        format!("Extension(extension_type={}, {} octets)", self.extension_type, self.data.len())
    }
}

fn from_typed(py: Python<'_>, extension: impl MlsExtension + Send) -> PyResult<Extension> {
    scope::parse(py, || {
        let extension = extension.into_extension().map_err(mls_rs::error::MlsError::from)?;
        Ok(Extension {
            extension_type: extension.extension_type().raw_value(),
            data: extension.extension_data().to_vec(),
        })
    })
}

/// Extensions from Python; a later one of the same type replaces an earlier one.
pub fn list(extensions: Vec<Extension>) -> ExtensionList {
    let mut list = ExtensionList::new();
    for extension in extensions {
        list.set(mls_rs::Extension::new(extension.extension_type.into(), extension.data));
    }
    list
}

/// Extensions for Python.
pub fn from_list(list: &ExtensionList) -> Vec<Extension> {
    list.iter()
        .map(|extension| Extension {
            extension_type: extension.extension_type().raw_value(),
            data: extension.extension_data().to_vec(),
        })
        .collect()
}
