//! The only way from Python into an operation of mls-rs, and from there back into Python.
//!
//! `run` releases the interpreter, turns a panic into an exception, and lets nobody in twice on one thread:
//! a storage or identity provider that calls back gets ReentrancyError, where waiting for the group's own lock
//! would wait for ever. Operations are synchronous, so what belongs to the current one lives in a thread-local.

use std::{
    cell::RefCell,
    panic::{AssertUnwindSafe, catch_unwind},
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
};

use pyo3::prelude::*;

use crate::{
    commit::Shape,
    error::{Blame, Fault, Inner, Kind, PeerError},
    snapshot::Named,
};

/// What belongs to the operation that runs on this thread.
#[derive(Default)]
struct Scope {
    /// The first exception of a callback that is no verdict about a peer: it fails the operation even where
    /// mls-rs takes it for a proposal that can be left out.
    failure: Option<PyErr>,
    /// How the commit that is being made should look, if not as the client's rules say.
    shape: Option<Shape>,
    /// The octets that travel with a group's state to and from the storage (src/ratchets.rs).
    companion: Vec<u8>,
    /// The tree of the group that is being read or written (src/snapshot.rs).
    tree: Option<Named>,
    /// Counts how often callbacks are entered and left, for those who wait for the same group (src/gate.rs).
    crossings: Option<Arc<AtomicU64>>,
}

thread_local! {
    static CURRENT: RefCell<Option<Scope>> = const { RefCell::new(None) };
}

/// Run one operation, detached from the interpreter.
pub fn run<R: Send>(py: Python<'_>, blame: Blame, operation: impl FnOnce() -> Result<R, Fault> + Send) -> PyResult<R> {
    let entered = CURRENT.with_borrow_mut(|current| match current {
        Some(_) => false,
        None => {
            *current = Some(Scope::default());
            true
        }
    });
    if !entered {
        let text = "a storage or an identity provider may not call a client or group while it is being called";
        return Err(Fault::new(Kind::Reentrancy, text).into_exception(blame, py));
    }
    let outcome = py.detach(|| catch_unwind(AssertUnwindSafe(operation)));
    let scope = CURRENT.with_borrow_mut(Option::take).unwrap_or_default();
    let result = outcome.unwrap_or_else(|_| Err(Fault::new(Kind::Platform, "mls_rs_py panicked")));
    match (scope.failure, result) {
        (Some(failure), _) => Err(failure),
        (None, Ok(value)) => Ok(value),
        (None, Err(fault)) => Err(fault.into_exception(blame, py)),
    }
}

/// Run something that takes a peer's octets but calls nothing back, so that it is allowed inside a callback too.
pub fn parse<R: Send>(py: Python<'_>, operation: impl FnOnce() -> Result<R, Fault> + Send) -> PyResult<R> {
    py.detach(|| catch_unwind(AssertUnwindSafe(operation)))
        .unwrap_or_else(|_| Err(Fault::new(Kind::Platform, "mls_rs_py panicked")))
        .map_err(|fault| fault.into_exception(Blame::Peer, py))
}

/// Call Python from within an operation.
pub fn call_back<R>(call: impl for<'py> FnOnce(Python<'py>) -> PyResult<R>) -> Result<R, Inner> {
    let _crossing = Crossing::new();
    Python::attach(|py| {
        call(py).map_err(|raised| {
            if !raised.is_instance_of::<PeerError>(py) {
                with(|scope| {
                    scope.failure.get_or_insert_with(|| raised.clone_ref(py));
                });
            }
            Inner::Raised(raised)
        })
    })
}

/// One callback: counts when it is entered and when it is left.
struct Crossing(Option<Arc<AtomicU64>>);

impl Crossing {
    fn new() -> Self {
        let crossing = Self(with(|scope| scope.crossings.clone()).flatten());
        crossing.count();
        crossing
    }

    fn count(&self) {
        if let Some(crossings) = &self.0 {
            crossings.fetch_add(1, Ordering::Relaxed);
        }
    }
}

impl Drop for Crossing {
    fn drop(&mut self) {
        self.count();
    }
}

/// Count the callbacks of this operation for those who wait for its group.
pub fn set_crossings(crossings: Arc<AtomicU64>) {
    with(|scope| scope.crossings = Some(crossings));
}

/// Fail if a callback has failed, though mls-rs went on without it.
pub fn check() -> Result<(), Fault> {
    match with(|scope| scope.failure.is_some()) {
        // `run` puts the callback's exception in this one's place.
        Some(true) => Err(Fault::new(Kind::Platform, "a callback failed")),
        _ => Ok(()),
    }
}

/// Make commits of the shape `shape` for the rest of this operation.
pub fn set_shape(shape: Option<Shape>) {
    with(|scope| scope.shape = shape);
}

/// The shape that this operation's commit should have, if it differs from the client's rules.
pub fn shape() -> Option<Shape> {
    with(|scope| scope.shape).flatten()
}

/// Leave octets for the storage adapter to write along with the group's state, or those that it read with it.
pub fn set_companion(octets: Vec<u8>) {
    with(|scope| scope.companion = octets);
}

/// Take what `set_companion` left.
pub fn take_companion() -> Vec<u8> {
    with(|scope| std::mem::take(&mut scope.companion)).unwrap_or_default()
}

/// Leave the name of a group's tree for the storage adapter, or for the group that it read or wrote.
pub fn set_tree(tree: Option<Named>) {
    with(|scope| scope.tree = tree);
}

/// Take what `set_tree` left.
pub fn take_tree() -> Option<Named> {
    with(|scope| scope.tree.take()).flatten()
}

fn with<R>(access: impl FnOnce(&mut Scope) -> R) -> Option<R> {
    CURRENT.with_borrow_mut(|current| current.as_mut().map(access))
}
