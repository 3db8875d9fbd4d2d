//! How a group is stepped as a whole or not at all.
//!
//! mls-rs may stop half-way on an error, with a message key used up or an epoch inserted. So a copy from before a step brings
//! the group back should it fail. A copy costs more than a message does in a large group: messages of the current epoch
//! leave it where it is, and are noted, to be done again on it. Any other step needs it no longer once it has succeeded.
//!
//! The price: that copy can still derive the keys of up to `MAX_STEPS` messages that were already read. The next epoch drops
//! it, and so does writing the group to its storage.

use mls_rs::{Group, MlsMessage, group::ReceivedMessage};

use crate::{
    client::Config,
    error::{Fault, Kind},
    ratchets::Ratchets,
    rules::Limits,
    scope,
    snapshot::Named,
};

/// Steps before a new copy is made.
const MAX_STEPS: usize = 256;

/// Octets of messages kept before a new copy is made.
const MAX_OCTETS: usize = 256 * 1024;

/// What an operation steps.
#[derive(Clone)]
pub struct State {
    pub group: Group<Config>,
    pub ratchets: Ratchets,
    /// The tree that was last read or written.
    pub tree: Option<Named>,
}

/// A step that depends on nothing but the state: it calls no storage and no identity provider.
#[derive(Clone, Copy)]
pub enum Step<'a> {
    /// An application message was encrypted.
    Sent,
    /// An application message of the current epoch came.
    Received(&'a [u8]),
}

/// A group that can be brought back to where it was.
pub struct Live {
    state: State,
    earlier: Option<Earlier>,
}

struct Earlier {
    state: State,
    /// The steps since, one message after the other in `octets`; nothing for one that was sent.
    lengths: Vec<Option<usize>>,
    octets: Vec<u8>,
}

impl Live {
    pub fn new(state: State) -> Self {
        Self { state, earlier: None }
    }

    pub fn state(&self) -> &State {
        &self.state
    }

    /// Run `operation`, given the group as it is and what to step, and bring the group back if it fails.
    ///
    /// The former is the group of this epoch, some messages ago. `step` is what the operation amounts to, if it is a `Step`.
    pub fn step<R>(
        &mut self,
        step: Option<Step<'_>>,
        limits: &Limits,
        operation: impl FnOnce(&Group<Config>, &mut State) -> Result<R, Fault>,
    ) -> Result<R, Fault> {
        let earlier = match self.earlier.take() {
            Some(earlier) if step.is_none() || earlier.has_room() => earlier,
            _ => Earlier::new(self.state.clone()),
        };
        // Should `operation` panic, the guard still brings the group back.
        let mut guard = Guard { live: self, earlier: Some(earlier), limits };
        let Guard { live, earlier: Some(before), .. } = &mut guard else { unreachable!("it was put there") };
        let result = operation(&before.state.group, &mut live.state)?;
        scope::check()?;
        let earlier = guard.earlier.take();
        if let (Some(mut earlier), Some(step)) = (earlier, step) {
            earlier.note(step);
            guard.live.earlier = Some(earlier);
        }
        Ok(result)
    }

    /// Run `operation`, which changes the group only at its end, when nothing can fail any more.
    pub fn keep(&mut self, operation: impl FnOnce(&mut State) -> Result<(), Fault>) -> Result<(), Fault> {
        operation(&mut self.state)?;
        self.earlier = None;
        Ok(())
    }
}

impl Earlier {
    fn new(state: State) -> Self {
        Self { state, lengths: vec![], octets: vec![] }
    }

    fn has_room(&self) -> bool {
        self.lengths.len() < MAX_STEPS && self.octets.len() < MAX_OCTETS
    }

    fn note(&mut self, step: Step<'_>) {
        self.lengths.push(match step {
            Step::Sent => None,
            Step::Received(message) => {
                self.octets.extend_from_slice(message);
                Some(message.len())
            }
        });
    }

    /// The state after all steps.
    fn replay(&self, limits: &Limits) -> Result<State, Fault> {
        let mut state = self.state.clone();
        let mut octets = self.octets.as_slice();
        for length in &self.lengths {
            if let Some(length) = length {
                let (message, rest) = octets.split_at(*length);
                receive(&mut state, MlsMessage::from_bytes(message)?, limits)?;
                octets = rest;
            } else {
                state.group.next_encryption_key()?;
            }
        }
        Ok(state)
    }
}

/// Brings the group back when dropped with `earlier` still inside.
struct Guard<'a> {
    live: &'a mut Live,
    earlier: Option<Earlier>,
    limits: &'a Limits,
}

impl Drop for Guard<'_> {
    fn drop(&mut self) {
        let Some(earlier) = self.earlier.take() else { return };
        if earlier.lengths.is_empty() {
            *self.live = Live { state: earlier.state.clone(), earlier: Some(earlier) };
            return;
        }
        // The same steps on the same state: they cannot fail. Were they to, the earlier state is better than half a step.
        let state = earlier.replay(self.limits).unwrap_or(earlier.state);
        *self.live = Live { earlier: Some(Earlier::new(state.clone())), state };
    }
}

/// Process an application message of the current epoch.
pub fn receive(state: &mut State, message: MlsMessage, limits: &Limits) -> Result<ReceivedMessage, Fault> {
    let epoch = state.group.current_epoch();
    let received = state.group.process_incoming_message(message)?;
    for generation in note(state, epoch, &received, limits)? {
        if let ReceivedMessage::ApplicationMessage(message) = &received {
            // mls-rs takes the node index here, not the leaf index (RFC 9420, appendix C: twice the leaf's).
            state.group.derive_decryption_key(message.sender_index * 2, generation)?;
        }
    }
    Ok(received)
}

/// Keep book of an application message of the epoch `epoch`; give the generations whose keys have to go for it.
pub fn note(state: &mut State, epoch: u64, received: &ReceivedMessage, limits: &Limits) -> Result<Vec<u32>, Fault> {
    let ReceivedMessage::ApplicationMessage(message) = received else { return Ok(vec![]) };
    let Some(generation) = message.unauthenticated_key_generation else {
        return Err(Fault::new(Kind::Platform, "a message without a generation"));
    };
    state.ratchets.note(epoch, message.sender_index, generation, limits)
}
