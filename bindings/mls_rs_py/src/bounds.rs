//! What MLS structures of others are taken, before mls-rs parses them (RFC 9420, sections 6 to 12).
//!
//! mls-rs compares every extension of a list with every other, every required capability with every one that a leaf has, and verifies
//! every leaf of a tree. So a walk over the octets comes first, in time linear in their number: it counts, and refuses what is longer
//! than the table below allows, nested rightly or not at all, or followed by anything. What lies in a Welcome's encrypted parts is
//! walked over by `welcome.rs`; what lies in an encrypted commit cannot be, and is limited in size.

use mls_rs::{
    MlsMessage,
    group::{GroupContext, LeafNode},
    mls_rs_codec::MlsEncode,
};

use crate::{
    error::{Fault, Kind},
    keys::EncryptionKeys,
    octets::{Reader, at_most, malformed},
    rules::Limits,
};

// The table: constants, the same for everybody. `Limits` has what depends on how large the groups are.

/// Extensions in any list.
pub const MAX_EXTENSIONS: usize = 32;
/// Types in each list of capabilities, of a leaf or required by a group.
pub const MAX_CAPABILITIES: usize = 64;
/// Certificates in a credential.
pub const MAX_CERTIFICATES: usize = 16;
/// External senders of a group.
pub const MAX_EXTERNAL_SENDERS: usize = 16;
/// Pre-shared keys that a Welcome names.
pub const MAX_PSKS: usize = 16;
/// Octets of a group id.
pub const MAX_GROUP_ID: usize = 255;
/// Octets of a key, a hash, a tag or a signature.
pub const MAX_KEY: usize = 1024;
/// The epoch of a group that is joined: at a commit each second it takes 136 years to come there.
pub const MAX_EPOCH: u64 = 1 << 32;

const MLS_10: u16 = 1;
const PUBLIC_MESSAGE: u16 = 1;
const PRIVATE_MESSAGE: u16 = 2;
const WELCOME: u16 = 3;
const GROUP_INFO: u16 = 4;
const KEY_PACKAGE: u16 = 5;

const APPLICATION: u8 = 1;
const COMMIT: u8 = 3;

const RATCHET_TREE: u16 = 2;
const REQUIRED_CAPABILITIES: u16 = 3;
const EXTERNAL_SENDERS: u16 = 5;

const X509: u16 = 2;

fn has_duplicate(mut list: Vec<&[u8]>) -> bool {
    list.sort_unstable();
    list.windows(2).any(|pair| pair[0] == pair[1])
}

/// What says that octets are an MLSMessage, and which (section 6).
fn wire_format(reader: &mut Reader<'_>) -> Result<u16, Fault> {
    version(reader)?;
    reader.u16()
}

/// The only version that there is.
fn version(reader: &mut Reader<'_>) -> Result<(), Fault> {
    match reader.u16()? {
        MLS_10 => Ok(()),
        _ => malformed("a protocol version other than MLS 1.0"),
    }
}

/// What stands in the clear before a PrivateMessage's content (section 6.3).
pub struct PrivateHeader<'a> {
    pub group_id: &'a [u8],
    pub epoch: u64,
    pub content_type: u8,
}

impl<'a> PrivateHeader<'a> {
    /// Read the header of an MLSMessage with a PrivateMessage; what follows is not looked at.
    pub fn of_message(octets: &'a [u8]) -> Result<Self, Fault> {
        let mut reader = Reader::new(octets);
        if wire_format(&mut reader)? != PRIVATE_MESSAGE {
            return malformed("this MLS message is no PrivateMessage");
        }
        Self::read(&mut reader)
    }

    fn read(reader: &mut Reader<'a>) -> Result<Self, Fault> {
        let header = Self { group_id: reader.group_id()?, epoch: reader.u64()?, content_type: reader.u8()? };
        if !(APPLICATION..=COMMIT).contains(&header.content_type) {
            return malformed("a content type that MLS does not have");
        }
        Ok(header)
    }

    pub fn content_name(&self) -> &'static str {
        match self.content_type {
            APPLICATION => "application",
            COMMIT => "commit",
            _ => "proposal",
        }
    }
}

/// Read an MLSMessage of any kind.
pub fn message(octets: &[u8], limits: &Limits) -> Result<MlsMessage, Fault> {
    walk(octets, limits)?;
    Ok(MlsMessage::from_bytes(octets)?)
}

/// Read an MLSMessage with a key package, and nothing else.
pub fn key_package_message(octets: &[u8], limits: &Limits) -> Result<MlsMessage, Fault> {
    if wire_format(&mut Reader::new(octets))? != KEY_PACKAGE {
        return malformed("this MLS message is no key package");
    }
    message(octets, limits)
}

/// Read an MLSMessage with a GroupInfo, and nothing else.
pub fn group_info_message(octets: &[u8], limits: &Limits) -> Result<MlsMessage, Fault> {
    if wire_format(&mut Reader::new(octets))? != GROUP_INFO {
        return malformed("this MLS message is no GroupInfo");
    }
    message(octets, limits)
}

/// Walk over an MLSMessage of any kind, as far as it is in the clear.
fn walk(octets: &[u8], limits: &Limits) -> Result<(), Fault> {
    let mut reader = Reader::new(octets);
    match wire_format(&mut reader)? {
        // What it holds is looked at by mls-rs before its signature, and is of a proposal or a commit.
        PUBLIC_MESSAGE => handshake(octets, limits),
        PRIVATE_MESSAGE => {
            if PrivateHeader::read(&mut reader)?.content_type != APPLICATION {
                handshake(octets, limits)?;
            }
            // Authenticated data, sender data and ciphertext.
            for _ in 0..3 {
                reader.vector()?;
            }
            reader.end()
        }
        WELCOME => Welcome::read(reader, limits).map(drop),
        GROUP_INFO => GroupInfo::read(reader, limits).map(drop),
        KEY_PACKAGE => key_package(reader, octets.len(), limits),
        _ => malformed("a wire format that MLS does not have"),
    }
}

fn handshake(octets: &[u8], limits: &Limits) -> Result<(), Fault> {
    at_most(octets.len(), limits.max_handshake_octets, "octets of a proposal or commit")
}

/// A Welcome (section 12.4.3.1), as far as it is in the clear.
pub struct Welcome<'a> {
    pub suite: u16,
    pub secrets: Vec<EncryptedSecrets<'a>>,
    pub group_info: &'a [u8],
}

/// The secrets of a group for one of its new members.
pub struct EncryptedSecrets<'a> {
    pub reference: &'a [u8],
    pub kem_output: &'a [u8],
    pub ciphertext: &'a [u8],
}

impl<'a> Welcome<'a> {
    /// Read an MLSMessage with a Welcome.
    pub fn of_message(octets: &'a [u8], limits: &Limits) -> Result<Self, Fault> {
        let mut reader = Reader::new(octets);
        if wire_format(&mut reader)? != WELCOME {
            return malformed("this MLS message is no Welcome");
        }
        Self::read(reader, limits)
    }

    fn read(mut reader: Reader<'a>, limits: &Limits) -> Result<Self, Fault> {
        let suite = reader.u16()?;
        let mut list = reader.inside()?;
        let mut secrets = vec![];
        while !list.is_empty() {
            at_most(secrets.len() + 1, limits.max_leaves as usize, "new members in a Welcome")?;
            let (reference, kem_output) = (list.key()?, list.key()?);
            secrets.push(EncryptedSecrets { reference, kem_output, ciphertext: list.vector()? });
        }
        if has_duplicate(secrets.iter().map(|each| each.reference).collect()) {
            return malformed("a Welcome that answers one key package twice");
        }
        let group_info = reader.vector()?;
        reader.end()?;
        Ok(Self { suite, secrets, group_info })
    }
}

/// Walk over a KeyPackage (section 10).
fn key_package(mut reader: Reader<'_>, size: usize, limits: &Limits) -> Result<(), Fault> {
    at_most(size, limits.max_key_package_octets, "octets of a key package")?;
    version(&mut reader)?;
    let keys = EncryptionKeys::of(reader.u16()?.into());
    keys.check(reader.key()?)?;
    leaf(&mut reader, &keys)?;
    extensions(&mut reader, &mut |_, _| Ok(()))?;
    reader.key()?;
    reader.end()
}

/// Walk over a LeafNode (section 7.2); give its encryption key.
fn leaf<'a>(reader: &mut Reader<'a>, keys: &EncryptionKeys) -> Result<&'a [u8], Fault> {
    let key = keys.check(reader.key()?)?;
    signing_identity(reader)?;
    // Versions, suites, extensions, proposals, credentials.
    types(reader, 5)?;
    match reader.u8()? {
        1 => reader.take(16).map(drop)?,
        2 => {}
        3 => reader.key().map(drop)?,
        _ => return malformed("a leaf of an unknown source"),
    }
    extensions(reader, &mut |_, _| Ok(()))?;
    reader.key()?;
    Ok(key)
}

/// Walk over a signature key and a credential (section 5.3).
fn signing_identity(reader: &mut Reader<'_>) -> Result<(), Fault> {
    reader.key()?;
    if reader.u16()? == X509 {
        let mut chain = reader.inside()?;
        let mut count = 0;
        while !chain.is_empty() {
            count += 1;
            at_most(count, MAX_CERTIFICATES, "certificates in a credential")?;
            chain.vector()?;
        }
        return Ok(());
    }
    reader.vector().map(drop)
}

/// Walk over lists of types.
fn types(reader: &mut Reader<'_>, lists: usize) -> Result<(), Fault> {
    for _ in 0..lists {
        let list = reader.vector()?;
        if list.len() % 2 != 0 {
            return malformed("half a type in a list of types");
        }
        at_most(list.len() / 2, MAX_CAPABILITIES, "types in a list of capabilities")?;
    }
    Ok(())
}

/// Walk over a list of extensions (section 13); `look` is given each.
fn extensions<'a>(
    reader: &mut Reader<'a>,
    look: &mut dyn FnMut(u16, Reader<'a>) -> Result<(), Fault>,
) -> Result<(), Fault> {
    let mut list = reader.inside()?;
    let mut seen = Vec::with_capacity(MAX_EXTENSIONS);
    while !list.is_empty() {
        let extension_type = list.u16()?;
        let data = list.inside()?;
        if seen.contains(&extension_type) {
            return malformed("two extensions of one type");
        }
        at_most(seen.len() + 1, MAX_EXTENSIONS, "extensions in a list")?;
        seen.push(extension_type);
        look(extension_type, data)?;
    }
    Ok(())
}

/// What a walk over a GroupInfo saw (section 12.4.3).
pub struct GroupInfo {
    pub suite: u16,
}

impl GroupInfo {
    /// Walk over a GroupInfo, to its end.
    pub fn read(mut reader: Reader<'_>, limits: &Limits) -> Result<Self, Fault> {
        let suite = group_context(&mut reader)?;
        extensions(&mut reader, &mut |extension_type, data| match extension_type {
            RATCHET_TREE => tree(data, &EncryptionKeys::of(suite.into()), limits),
            _ => Ok(()),
        })?;
        reader.key()?;
        let signer = reader.u32()?;
        if signer >= limits.max_leaves {
            return malformed("a GroupInfo by somebody who is not in the tree");
        }
        reader.key()?;
        reader.end()?;
        Ok(Self { suite })
    }
}

/// Walk over a GroupContext (section 8.1); give its suite.
fn group_context(reader: &mut Reader<'_>) -> Result<u16, Fault> {
    version(reader)?;
    let suite = reader.u16()?;
    reader.group_id()?;
    if reader.u64()? > MAX_EPOCH {
        return Err(Fault::new(Kind::LimitExceeded, "an epoch that no group reaches"));
    }
    // The hash of the tree, and that of all commits.
    reader.key()?;
    reader.key()?;
    extensions(reader, &mut |extension_type, mut data| match extension_type {
        REQUIRED_CAPABILITIES => {
            types(&mut data, 3)?;
            data.end()
        }
        EXTERNAL_SENDERS => external_senders(data),
        _ => Ok(()),
    })?;
    Ok(suite)
}

/// Walk over what a commit has made of a group: it came encrypted, so that this comes after it was applied to a copy.
pub fn committed<'a>(context: &GroupContext, leaves: impl Iterator<Item = &'a LeafNode>) -> Result<(), Fault> {
    let suite = group_context(&mut Reader::new(&context.mls_encode_to_vec()?))?;
    let keys = EncryptionKeys::of(suite.into());
    for changed in leaves {
        leaf(&mut Reader::new(&changed.mls_encode_to_vec()?), &keys)?;
    }
    Ok(())
}

fn external_senders(mut data: Reader<'_>) -> Result<(), Fault> {
    let mut list = data.inside()?;
    data.end()?;
    let mut count = 0;
    while !list.is_empty() {
        count += 1;
        at_most(count, MAX_EXTERNAL_SENDERS, "external senders")?;
        signing_identity(&mut list)?;
    }
    Ok(())
}

/// Walk over a ratchet tree (section 12.4.3.3).
pub fn tree(mut data: Reader<'_>, keys: &EncryptionKeys, limits: &Limits) -> Result<(), Fault> {
    let mut nodes = data.inside()?;
    data.end()?;
    let most = limits.max_leaves as usize;
    let (mut count, mut last_is_blank, mut encryption_keys) = (0usize, true, vec![]);
    while !nodes.is_empty() {
        let is_leaf = count % 2 == 0;
        count += 1;
        at_most(count.div_ceil(2), most, "leaves in a tree")?;
        last_is_blank = match nodes.u8()? {
            0 => true,
            1 => false,
            _ => return malformed("a node that is neither there nor blank"),
        };
        if last_is_blank {
            continue;
        }
        encryption_keys.push(match (nodes.u8()?, is_leaf) {
            (1, true) => leaf(&mut nodes, keys)?,
            (2, false) => parent(&mut nodes, keys, most)?,
            _ => return malformed("a leaf or parent in the other's place, or neither"),
        });
    }
    if count % 2 == 0 || last_is_blank {
        return malformed("a tree that does not end with a leaf");
    }
    // mls-rs compares those of leaves only (section 12.4.3.1).
    if has_duplicate(encryption_keys) {
        return malformed("two nodes with one encryption key");
    }
    Ok(())
}

/// Walk over a ParentNode (section 7.1); give its encryption key.
fn parent<'a>(reader: &mut Reader<'a>, keys: &EncryptionKeys, most: usize) -> Result<&'a [u8], Fault> {
    let key = keys.check(reader.key()?)?;
    reader.key()?;
    let mut unmerged = reader.inside()?;
    let mut before = None;
    while !unmerged.is_empty() {
        let leaf = unmerged.u32()?;
        if before.is_some_and(|before| leaf <= before) {
            return malformed("unmerged leaves that are not in order");
        }
        at_most(leaf as usize + 1, most, "leaves in a tree")?;
        before = Some(leaf);
    }
    Ok(key)
}
