//! Small conversions that all rooms share.

use mls_rs::time::MlsTime;
use pyo3::{prelude::*, types::PyBytes};

/// Octets as Python `bytes`.
pub fn bytes<'py>(py: Python<'py>, octets: &[u8]) -> Bound<'py, PyBytes> {
    PyBytes::new(py, octets)
}

/// Unix seconds as mls-rs wants them.
pub fn time(seconds: u64) -> MlsTime {
    MlsTime::from(seconds)
}
