//! Extensions (RFC 9420, section 13).

use mls_rs::ExtensionList;
use pyo3::prelude::*;

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

    fn __repr__(&self) -> String {
        format!("Extension(extension_type={}, {} octets)", self.extension_type, self.data.len())
    }
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
