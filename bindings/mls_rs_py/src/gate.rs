//! The way into a group, for one operation at a time.
//!
//! A thread that comes while another is in the group waits, and might wait for ever: the other may be in a callback that
//! waits for it in turn. On one thread `scope` sees that at once. Between threads nobody can see it, but that a callback does
//! not end.

use std::{
    ops::{Deref, DerefMut},
    sync::{
        Arc, Condvar, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use crate::{
    error::{Fault, Kind},
    scope,
};

/// Something that one operation has at a time.
pub struct Gate<T> {
    inside: Mutex<T>,
    queue: Mutex<Queue>,
    left: Condvar,
    /// How often a callback was entered and left: odd within one.
    crossings: Arc<AtomicU64>,
    /// How long a callback may run before whoever waits gives up.
    patience: Duration,
}

/// Who is at the gate.
#[derive(Default)]
struct Queue {
    taken: bool,
    /// Without any nobody is woken: that is a system call.
    waiting: usize,
}

impl<T> Gate<T> {
    pub fn new(inside: T, patience: Duration) -> Self {
        Self {
            inside: Mutex::new(inside),
            queue: Mutex::default(),
            left: Condvar::new(),
            crossings: Arc::new(AtomicU64::new(0)),
            patience,
        }
    }

    /// Wait for whoever is inside, but not longer for a single callback than we have patience.
    pub fn enter(&self) -> Result<Inside<'_, T>, Fault> {
        // A panic leaves what is inside as it was, like an error: no lock is ever poisoned.
        let mut queue = self.queue.lock().unwrap_or_else(PoisonError::into_inner);
        while queue.taken {
            let crossings = self.crossings.load(Ordering::Relaxed);
            queue.waiting += 1;
            let waited = self.left.wait_timeout_while(queue, self.patience, |queue| queue.taken);
            queue = waited.unwrap_or_else(PoisonError::into_inner).0;
            queue.waiting -= 1;
            if queue.taken && crossings % 2 == 1 && crossings == self.crossings.load(Ordering::Relaxed) {
                let text = "the group is in use, by a storage or an identity provider that does not come back";
                return Err(Fault::new(Kind::Reentrancy, text));
            }
        }
        queue.taken = true;
        drop(queue);
        scope::set_crossings(self.crossings.clone());
        Ok(Inside { gate: self, inside: self.inside.lock().unwrap_or_else(PoisonError::into_inner) })
    }
}

/// Who is inside; others come in when it is dropped.
pub struct Inside<'a, T> {
    gate: &'a Gate<T>,
    inside: MutexGuard<'a, T>,
}

impl<T> Deref for Inside<'_, T> {
    type Target = T;

    fn deref(&self) -> &T {
        &self.inside
    }
}

impl<T> DerefMut for Inside<'_, T> {
    fn deref_mut(&mut self) -> &mut T {
        &mut self.inside
    }
}

impl<T> Drop for Inside<'_, T> {
    fn drop(&mut self) {
        let mut queue = self.gate.queue.lock().unwrap_or_else(PoisonError::into_inner);
        queue.taken = false;
        // Whoever comes next waits for the lock inside no longer than this thread takes to leave.
        if queue.waiting > 0 {
            self.gate.left.notify_one();
        }
    }
}
