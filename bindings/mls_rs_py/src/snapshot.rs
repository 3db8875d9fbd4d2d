//! A group's state as mls-rs encodes it, parted into what changes with a message and what only a commit changes.
//!
//! Most of a large group is its ratchet tree. mls-rs can leave the tree's nodes out of what it writes, but not the index and the
//! hashes that it derives from them. So its encoding is parted here, and put together again octet by octet.

use mls_rs::{CipherSuiteProvider, group::GroupContext};
use mls_rs_codec::{MlsDecode, MlsEncode, MlsSize, VarInt};
use zeroize::Zeroizing;

use crate::keys;

/// The first octet of a stored group state.
const VERSION: u8 = 2;

/// What mls-rs 0.57 starts its encoding with.
const CORE_VERSION: u16 = 1;

const TREE_ID_SIZE: usize = 32;

/// What changes with a message.
#[derive(MlsSize, MlsEncode, MlsDecode)]
pub struct State {
    version: u8,
    /// The tree that it goes with.
    #[mls_codec(with = "mls_rs_codec::byte_vec")]
    pub tree_id: Vec<u8>,
    /// What is kept about ratchets (src/ratchets.rs).
    #[mls_codec(with = "mls_rs_codec::byte_vec")]
    pub companion: Vec<u8>,
    #[mls_codec(with = "mls_rs_codec::byte_vec")]
    before_tree: Zeroizing<Vec<u8>>,
    #[mls_codec(with = "mls_rs_codec::byte_vec")]
    after_tree: Zeroizing<Vec<u8>>,
}

/// What only a commit changes: the ratchet tree with its index and hashes. It holds no secret.
#[derive(MlsSize, MlsEncode, MlsDecode)]
pub struct Tree {
    #[mls_codec(with = "mls_rs_codec::byte_vec")]
    id: Vec<u8>,
    #[mls_codec(with = "mls_rs_codec::byte_vec")]
    octets: Vec<u8>,
}

/// Part an encoded group.
///
/// It starts with its version, the group context, the proposals that wait and our own among them; then come the tree's index
/// (five maps), its nodes and its hashes. Nothing but a commit changes these, nor the context, whose hash names them.
pub fn part(encoded: &[u8], companion: Vec<u8>) -> Result<(State, Tree), mls_rs_codec::Error> {
    let mut rest = encoded;
    if u16::mls_decode(&mut rest)? != CORE_VERSION {
        return Err(mls_rs_codec::Error::UnsupportedEnumDiscriminant);
    }
    let context = GroupContext::mls_decode(&mut rest)?;
    skip(&mut rest, 2)?;
    let start = encoded.len() - rest.len();
    skip(&mut rest, 7)?;
    let end = encoded.len() - rest.len();
    let id = tree_id(&context)?;
    let state = State {
        version: VERSION,
        tree_id: id.clone(),
        companion,
        before_tree: Zeroizing::new(encoded[..start].to_vec()),
        after_tree: Zeroizing::new(rest.to_vec()),
    };
    Ok((state, Tree { id, octets: encoded[start..end].to_vec() }))
}

/// Read what `part` made, and put the group together again; give what was kept about ratchets too.
pub fn join(state: &[u8], tree: &[u8]) -> Result<(Zeroizing<Vec<u8>>, Vec<u8>), &'static str> {
    if state.first() != Some(&VERSION) {
        return Err("the stored group state has an unknown format");
    }
    let state = State::mls_decode_exhaustive(state).map_err(|_| "the stored group state is damaged")?;
    let tree = Tree::mls_decode_exhaustive(tree).map_err(|_| "the stored ratchet tree is damaged")?;
    if state.tree_id != tree.id {
        return Err("the stored ratchet tree is not that of the stored group state");
    }
    let size = state.before_tree.len() + tree.octets.len() + state.after_tree.len();
    let mut encoded = Zeroizing::new(Vec::with_capacity(size));
    for part in [&state.before_tree, &tree.octets, &state.after_tree] {
        encoded.extend_from_slice(part);
    }
    Ok((encoded, state.companion))
}

/// What tells the tree of one epoch of one branch from all others.
fn tree_id(context: &GroupContext) -> Result<Vec<u8>, mls_rs_codec::Error> {
    let encoded = context.mls_encode_to_vec()?;
    let provider = keys::suite_provider(context.cipher_suite).map_err(|_| mls_rs_codec::Error::InvalidContent)?;
    let mut hash = provider.hash(&encoded).map_err(|_| mls_rs_codec::Error::InvalidContent)?;
    hash.truncate(TREE_ID_SIZE);
    Ok(hash)
}

/// Skip fields that start with their length.
fn skip(octets: &mut &[u8], fields: usize) -> Result<(), mls_rs_codec::Error> {
    for _ in 0..fields {
        let length = u32::from(VarInt::mls_decode(octets)?) as usize;
        *octets = octets.get(length..).ok_or(mls_rs_codec::Error::UnexpectedEOF)?;
    }
    Ok(())
}
