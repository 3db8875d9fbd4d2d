//! Limits on the keys of messages that did not come yet (RFC 9420, section 9.1).
//!
//! mls-rs keeps every skipped key until its epoch goes, up to 1024 more with each message. This keeps book of which keys
//! those are, from the generation of each message that comes, so that the oldest can be used up when there are too many.
//! The book travels with the group's state (src/storage.rs).

use std::collections::{BTreeMap, BTreeSet};

use mls_rs_codec::{MlsDecode, MlsEncode, MlsSize};

use crate::{
    error::{Fault, Kind},
    rules::Limits,
};

/// One sender's application ratchet in one epoch.
#[derive(Clone, Debug, Default, PartialEq)]
struct Ratchet {
    /// The generation that comes next if none is missing.
    next: u32,
    /// Earlier generations that did not come, and whose keys are kept.
    skipped: BTreeSet<u32>,
}

/// The ratchets of all senders, by epoch and leaf index.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Ratchets(BTreeMap<(u64, u32), Ratchet>);

impl Ratchets {
    /// Note that a message came; give the generations whose keys have to go for it.
    pub fn note(&mut self, epoch: u64, sender: u32, generation: u32, limits: &Limits) -> Result<Vec<u32>, Fault> {
        let ratchet = self.0.entry((epoch, sender)).or_default();
        if generation < ratchet.next {
            ratchet.skipped.remove(&generation);
            return Ok(vec![]);
        }
        if generation - ratchet.next > limits.max_forward_steps {
            return Err(Fault::new(
                Kind::LimitExceeded,
                "too many messages of this sender are missing before this one",
            ));
        }
        ratchet.skipped.extend(ratchet.next..generation);
        ratchet.next = generation.saturating_add(1);
        let surplus = ratchet.skipped.len().saturating_sub(limits.max_skipped_keys as usize);
        Ok((0..surplus).filter_map(|_| ratchet.skipped.pop_first()).collect())
    }

    /// Forget the epochs before `oldest`.
    pub fn forget_before(&mut self, oldest: u64) {
        self.0 = self.0.split_off(&(oldest, 0));
    }

    pub fn to_bytes(&self) -> Result<Vec<u8>, Fault> {
        let rows = self.0.iter().map(|((epoch, sender), ratchet)| Row {
            epoch: *epoch,
            sender: *sender,
            next: ratchet.next,
            skipped: ratchet.skipped.iter().copied().collect(),
        });
        Ok(rows.collect::<Vec<_>>().mls_encode_to_vec()?)
    }

    pub fn from_bytes(octets: &[u8]) -> Result<Self, Fault> {
        if octets.is_empty() {
            return Ok(Self::default());
        }
        let rows = Vec::<Row>::mls_decode_exhaustive(octets)
            .map_err(|_| Fault::new(Kind::Storage, "the stored group state is damaged"))?;
        let ratchets = rows.into_iter().map(|row| {
            ((row.epoch, row.sender), Ratchet { next: row.next, skipped: row.skipped.into_iter().collect() })
        });
        Ok(Self(ratchets.collect()))
    }
}

#[derive(MlsSize, MlsEncode, MlsDecode)]
struct Row {
    epoch: u64,
    sender: u32,
    next: u32,
    skipped: Vec<u32>,
}
