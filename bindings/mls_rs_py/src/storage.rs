//! mls-rs' storage traits, fulfilled by Python objects (the protocols in `mls_rs_py/storage.py`).

use std::sync::Arc;

use mls_rs_codec::{MlsDecode, MlsEncode};
use mls_rs_core::{
    group::{EpochRecord, GroupState, GroupStateStorage},
    key_package::{KeyPackageData, KeyPackageStorage},
    psk::{ExternalPskId, PreSharedKey, PreSharedKeyStorage},
};
use pyo3::{
    intern,
    prelude::*,
    types::{PyBytes, PyList},
};
use zeroize::Zeroizing;

use crate::{
    error::{Inner, Kind},
    scope,
    snapshot::{self, Joined, Parted},
};

type Object = Arc<Py<PyAny>>;

fn octets(answer: Bound<'_, PyAny>) -> PyResult<Option<Zeroizing<Vec<u8>>>> {
    Ok(answer.extract::<Option<Bound<'_, PyBytes>>>()?.map(|b| Zeroizing::new(b.as_bytes().to_vec())))
}

fn damaged(text: &'static str) -> Inner {
    Inner::Own(Kind::Storage, text.into())
}

/// Groups: a `GroupStateStorage` in Python.
#[derive(Clone)]
pub struct Groups(pub Object);

impl GroupStateStorage for Groups {
    type Error = Inner;

    fn state(&self, group_id: &[u8]) -> Result<Option<Zeroizing<Vec<u8>>>, Inner> {
        let stored = scope::call_back(|py| {
            let answer = self.0.bind(py).call_method1(intern!(py, "state"), (PyBytes::new(py, group_id),))?;
            let stored = answer.extract::<Option<(Bound<'_, PyBytes>, Bound<'_, PyBytes>)>>()?;
            Ok(stored.map(|(state, tree)| snapshot::join(state.as_bytes(), tree.as_bytes())))
        })?;
        let Some(joined) = stored else { return Ok(None) };
        let Joined { encoded, companion, named } = joined.map_err(damaged)?;
        scope::set_companion(companion);
        scope::set_tree(Some(named));
        Ok(Some(encoded))
    }

    fn epoch(&self, group_id: &[u8], epoch_id: u64) -> Result<Option<Zeroizing<Vec<u8>>>, Inner> {
        let stored = scope::call_back(|py| {
            let arguments = (PyBytes::new(py, group_id), epoch_id);
            octets(self.0.bind(py).call_method1(intern!(py, "epoch"), arguments)?)
        })?;
        let Some(stored) = stored else { return Ok(None) };
        let epoch = snapshot::verified(&stored).ok_or_else(|| damaged("the stored past epoch is damaged"))?;
        Ok(Some(Zeroizing::new(epoch.to_vec())))
    }

    fn write(&mut self, state: GroupState, inserts: Vec<EpochRecord>, updates: Vec<EpochRecord>) -> Result<(), Inner> {
        let unfit = |_| damaged("the group state cannot be stored");
        let Parted { state: encoded, tree, named } =
            snapshot::part(&state.data, scope::take_companion(), scope::take_tree()).map_err(unfit)?;
        scope::call_back(|py| {
            let records = |records: &[EpochRecord]| {
                PyList::new(
                    py,
                    records.iter().map(|record| (record.id, PyBytes::new(py, &snapshot::with_hash(&record.data)))),
                )
            };
            let arguments = (
                PyBytes::new(py, &state.id),
                PyBytes::new(py, &encoded),
                (PyBytes::new(py, &named.tree_id), PyBytes::new(py, tree)),
                records(&inserts)?,
                records(&updates)?,
            );
            self.0.bind(py).call_method1(intern!(py, "write"), arguments).map(drop)
        })?;
        scope::set_tree(Some(named));
        Ok(())
    }

    fn max_epoch_id(&self, group_id: &[u8]) -> Result<Option<u64>, Inner> {
        scope::call_back(|py| {
            self.0.bind(py).call_method1(intern!(py, "max_epoch_id"), (PyBytes::new(py, group_id),))?.extract()
        })
    }
}

/// Key packages: a `KeyPackageStorage` in Python.
#[derive(Clone)]
pub struct KeyPackages(pub Object);

impl KeyPackageStorage for KeyPackages {
    type Error = Inner;

    fn delete(&mut self, id: &[u8]) -> Result<(), Inner> {
        scope::call_back(|py| self.0.bind(py).call_method1(intern!(py, "delete"), (PyBytes::new(py, id),)).map(drop))
    }

    fn insert(&mut self, id: Vec<u8>, package: KeyPackageData) -> Result<(), Inner> {
        let data = package
            .mls_encode_to_vec()
            .map(Zeroizing::new)
            .map_err(|_| damaged("the key package is too large to be stored"))?;
        scope::call_back(|py| {
            let arguments = (PyBytes::new(py, &id), PyBytes::new(py, &data), package.expiration);
            self.0.bind(py).call_method1(intern!(py, "insert"), arguments).map(drop)
        })
    }

    fn get(&self, id: &[u8]) -> Result<Option<KeyPackageData>, Inner> {
        let stored =
            scope::call_back(|py| octets(self.0.bind(py).call_method1(intern!(py, "get"), (PyBytes::new(py, id),))?))?;
        stored
            .map(|data| {
                KeyPackageData::mls_decode(&mut data.as_slice())
                    .map_err(|_| damaged("the stored key package cannot be read"))
            })
            .transpose()
    }
}

/// External pre-shared keys: a `PreSharedKeyStorage` in Python, or none.
#[derive(Clone)]
pub struct PreSharedKeys(pub Option<Object>);

impl PreSharedKeyStorage for PreSharedKeys {
    type Error = Inner;

    fn get(&self, id: &ExternalPskId) -> Result<Option<PreSharedKey>, Inner> {
        let Some(storage) = &self.0 else { return Ok(None) };
        let stored =
            scope::call_back(|py| octets(storage.bind(py).call_method1(intern!(py, "get"), (PyBytes::new(py, id),))?))?;
        Ok(stored.map(|octets| PreSharedKey::new(octets.to_vec())))
    }
}
