//! A group's state as mls-rs encodes it, parted into what changes with a message and what only a commit changes.
//!
//! Most of a large group is its ratchet tree. mls-rs can leave the tree's nodes out of what it writes, but not the index and the
//! hashes that it derives from them. So its encoding is parted here, and put together again octet by octet.

use mls_rs::group::GroupContext;
use mls_rs_codec::{MlsDecode, MlsEncode, MlsSize, VarInt};
use sha2::{Digest, Sha256};
use zeroize::Zeroizing;

/// The first octet of a stored group state.
const VERSION: u8 = 3;

/// What mls-rs 0.57 starts its encoding with.
const CORE_VERSION: u16 = 1;

const HASH_SIZE: usize = 32;

/// Octets with their SHA-256 before them: mls-rs takes what it can read, and a single bit may have it ask for all memory there is.
pub fn with_hash(octets: &[u8]) -> Zeroizing<Vec<u8>> {
    Zeroizing::new([&Sha256::digest(octets), octets].concat())
}

/// Give the octets that `with_hash` got, if these are what it made.
pub fn verified(octets: &[u8]) -> Option<&[u8]> {
    let (hash, octets) = octets.split_at_checked(HASH_SIZE)?;
    (*hash == *Sha256::digest(octets)).then_some(octets)
}

/// What changes with a message.
#[derive(MlsSize, MlsEncode, MlsDecode)]
struct State {
    /// The SHA-256 of the tree that it goes with.
    tree_id: [u8; HASH_SIZE],
    /// What is kept about ratchets (src/ratchets.rs).
    #[mls_codec(with = "mls_rs_codec::byte_vec")]
    companion: Vec<u8>,
    #[mls_codec(with = "mls_rs_codec::byte_vec")]
    before_tree: Zeroizing<Vec<u8>>,
    #[mls_codec(with = "mls_rs_codec::byte_vec")]
    after_tree: Zeroizing<Vec<u8>>,
}

/// Which tree goes with a context. To hash a large one takes about as long as a message, and only a commit changes the two.
#[derive(Clone)]
pub struct Named {
    context: GroupContext,
    pub tree_id: [u8; HASH_SIZE],
}

impl Named {
    fn new(context: GroupContext, tree: &[u8]) -> Self {
        Self { context, tree_id: Sha256::digest(tree).into() }
    }
}

/// A group that was parted.
pub struct Parted<'a> {
    pub state: Zeroizing<Vec<u8>>,
    pub tree: &'a [u8],
    pub named: Named,
}

/// Part an encoded group into its state and what only a commit changes: the ratchet tree with its index and hashes, in which
/// there is no secret.
///
/// It starts with its version, the group context, the proposals that wait and our own among them; then come the tree's index
/// (five maps), its nodes and its hashes. `named` is the tree of this group that was last read or written.
pub fn part(encoded: &[u8], companion: Vec<u8>, named: Option<Named>) -> Result<Parted<'_>, mls_rs_codec::Error> {
    let mut rest = encoded;
    if u16::mls_decode(&mut rest)? != CORE_VERSION {
        return Err(mls_rs_codec::Error::UnsupportedEnumDiscriminant);
    }
    let context = GroupContext::mls_decode(&mut rest)?;
    skip(&mut rest, 2)?;
    let start = encoded.len() - rest.len();
    skip(&mut rest, 7)?;
    let tree = &encoded[start..encoded.len() - rest.len()];
    let named = named.filter(|named| named.context == context).unwrap_or_else(|| Named::new(context, tree));
    let state = State {
        tree_id: named.tree_id,
        companion,
        before_tree: Zeroizing::new(encoded[..start].to_vec()),
        after_tree: Zeroizing::new(rest.to_vec()),
    };
    let state = Zeroizing::new(state.mls_encode_to_vec()?);
    let state = Zeroizing::new([&[VERSION], with_hash(&state).as_slice()].concat());
    Ok(Parted { state, tree, named })
}

/// A group that was put together again.
pub struct Joined {
    pub encoded: Zeroizing<Vec<u8>>,
    pub companion: Vec<u8>,
    pub named: Named,
}

/// Read what `part` made, and put the group together again.
///
/// mls-rs compares the tree with nothing, so this does: on another one a group would make commits that nobody takes.
pub fn join(state: &[u8], tree: &[u8]) -> Result<Joined, &'static str> {
    let damaged = "the stored group state is damaged";
    let Some((&VERSION, state)) = state.split_first() else {
        return Err("the stored group state has an unknown format");
    };
    let state = State::mls_decode_exhaustive(verified(state).ok_or(damaged)?).map_err(|_| damaged)?;
    let (_, context) = <(u16, GroupContext)>::mls_decode(&mut state.before_tree.as_slice()).map_err(|_| damaged)?;
    let named = Named::new(context, tree);
    if state.tree_id != named.tree_id {
        return Err("the stored ratchet tree is not that of the stored group state, or it is damaged");
    }
    let encoded = Zeroizing::new([&state.before_tree, tree, &state.after_tree].concat());
    Ok(Joined { encoded, companion: state.companion, named })
}

/// Skip fields that start with their length.
fn skip(octets: &mut &[u8], fields: usize) -> Result<(), mls_rs_codec::Error> {
    for _ in 0..fields {
        let length = u32::from(VarInt::mls_decode(octets)?) as usize;
        *octets = octets.get(length..).ok_or(mls_rs_codec::Error::UnexpectedEOF)?;
    }
    Ok(())
}
