//! A Welcome is decrypted and walked over before mls-rs parses what is inside (RFC 9420, section 12.4.3.1).
//!
//! mls-rs has no way to look between the two. The steps are the RFC's; keys, hashes and ciphers are those of the very provider
//! that mls-rs uses.

use std::{collections::BTreeSet, error::Error};

use mls_rs::{
    CipherSuite, CipherSuiteProvider,
    crypto::{HpkeCiphertext, HpkePublicKey},
};
use mls_rs_core::{
    key_package::{KeyPackageData, KeyPackageStorage},
    psk::{ExternalPskId, PreSharedKeyStorage},
};
use zeroize::Zeroizing;

use crate::{
    bounds::{GroupInfo, MAX_PSKS, Welcome},
    error::{Fault, Inner, Kind},
    keys::suite_provider,
    octets::Reader,
    rules::Limits,
    storage::{KeyPackages, PreSharedKeys},
};

/// Octets that are to be zeroed.
type Secret = Zeroizing<Vec<u8>>;

/// Refuse a Welcome that is not right where mls-rs does not look, or where looking would cost it too much.
///
/// One that follows from another group needs a key that only mls-rs has: then the GroupInfo is limited in size instead, and was
/// made by a member of that group.
pub fn check(
    octets: &[u8],
    key_packages: &KeyPackages,
    psks: &PreSharedKeys,
    limits: &Limits,
    follows_a_group: bool,
) -> Result<(), Fault> {
    let welcome = Welcome::of_message(octets, limits)?;
    let Some((index, package)) = ours(&welcome, key_packages)? else {
        return Err(Fault::new(Kind::UnknownKeyPackage, "this Welcome answers no key package that is here"));
    };
    // The KeyPackage is our own, and starts with version, suite and init key (section 10).
    let mut reader = Reader::new(&package.key_package_bytes);
    let (version, suite, init_key) = (reader.u16()?, reader.u16()?, reader.key()?);
    if (version, suite) != (1, welcome.suite) {
        return Err(Fault::new(
            Kind::Peer,
            "a Welcome of another suite or version than the key package that it answers",
        ));
    }
    let unsupported = |_| Fault::new(Kind::Peer, "a Welcome of a cipher suite that is not supported");
    let provider = suite_provider(CipherSuite::from(suite)).map_err(unsupported)?;
    let provider = Primitives(&provider);

    let secrets = &welcome.secrets[index];
    let sealed = HpkeCiphertext { kem_output: secrets.kem_output.to_vec(), ciphertext: secrets.ciphertext.to_vec() };
    let info = [vector(b"MLS 1.0 Welcome")?, vector(welcome.group_info)?].concat();
    let opened = provider
        .0
        .hpke_open(&sealed, &package.init_key, &HpkePublicKey::from(init_key.to_vec()), &info, None)
        .map_err(|_| Fault::new(Kind::Peer, "a Welcome that its key package does not open"))?;
    let secrets = GroupSecrets::read(&opened, provider.0.kdf_extract_size())?;
    let Some(psk_secret) = provider.psk_secret(&secrets, psks)? else {
        if !follows_a_group {
            return Err(Fault::new(Kind::Peer, "a Welcome that needs a key of another group"));
        }
        return if welcome.group_info.len() > limits.max_handshake_octets {
            Err(Fault::new(Kind::LimitExceeded, "a Welcome that is larger than a commit may be"))
        } else {
            Ok(())
        };
    };
    let group_info = provider.open_group_info(secrets.joiner_secret, &psk_secret, welcome.group_info)?;
    let walked = GroupInfo::read(Reader::new(&group_info), limits)?;
    if walked.suite != suite {
        return Err(Fault::new(Kind::Peer, "a group of another cipher suite than the key package that was used"));
    }
    Ok(())
}

/// The first of a Welcome's secrets that is for us, with what opens it.
fn ours(welcome: &Welcome<'_>, key_packages: &KeyPackages) -> Result<Option<(usize, KeyPackageData)>, Fault> {
    for (index, secrets) in welcome.secrets.iter().enumerate() {
        if let Some(package) = key_packages.get(secrets.reference).map_err(raised)? {
            return Ok(Some((index, package)));
        }
    }
    Ok(None)
}

/// A failure of one of our storages.
fn raised(inner: Inner) -> Fault {
    Fault::Inner(inner)
}

/// A key that a Welcome names besides its own.
struct Psk<'a> {
    /// The PreSharedKeyID.
    encoded: &'a [u8],
    /// The id of one from outside of MLS; none for one of another group.
    external: Option<&'a [u8]>,
}

/// A Welcome's GroupSecrets.
struct GroupSecrets<'a> {
    joiner_secret: &'a [u8],
    psks: Vec<Psk<'a>>,
}

impl<'a> GroupSecrets<'a> {
    fn read(octets: &'a [u8], hash_size: usize) -> Result<Self, Fault> {
        let malformed = |text: &'static str| Fault::new(Kind::MalformedMessage, text);
        let mut reader = Reader::new(octets);
        let joiner_secret = reader.key()?;
        let path_secret = match reader.u8()? {
            0 => None,
            1 => Some(reader.key()?),
            _ => return Err(malformed("a path secret that is neither there nor absent")),
        };
        if joiner_secret.len() != hash_size || path_secret.is_some_and(|secret| secret.len() != hash_size) {
            return Err(malformed("a secret of another length than the suite's hash"));
        }
        let list = reader.vector()?;
        reader.end()?;
        let (mut psks, mut ids, mut alone) = (vec![], BTreeSet::new(), false);
        let mut rest = Reader::new(list);
        while !rest.is_empty() {
            let before = rest;
            let external = match rest.u8()? {
                1 => Some(rest.vector()?),
                2 => {
                    // Usages: 1 application, 2 reinit, 3 branch (section 8.4).
                    let usage = rest.u8()?;
                    if !(1..=3).contains(&usage) {
                        return Err(malformed("a pre-shared key of an unknown use"));
                    }
                    alone |= usage != 1;
                    rest.group_id()?;
                    rest.u64()?;
                    None
                }
                _ => return Err(malformed("a pre-shared key of an unknown kind")),
            };
            if rest.key()?.len() != hash_size {
                return Err(malformed("a nonce of another length than the suite's hash"));
            }
            let encoded = before.until(rest);
            if !ids.insert(encoded) {
                return Err(malformed("a pre-shared key that is named twice"));
            }
            psks.push(Psk { encoded, external });
            if psks.len() > MAX_PSKS {
                return Err(Fault::new(Kind::LimitExceeded, format!("more than {MAX_PSKS} pre-shared keys")));
            }
        }
        if alone && psks.len() > 1 {
            return Err(malformed("a key of the group before, and others with it"));
        }
        Ok(Self { joiner_secret, psks })
    }
}

/// mls-rs' primitives of a suite, as the key schedule uses them (section 8).
struct Primitives<'a, P>(&'a P);

impl<P: CipherSuiteProvider<Error: Error>> Primitives<'_, P> {
    fn extract(&self, salt: &[u8], ikm: &[u8]) -> Result<Secret, Fault> {
        self.0.kdf_extract(salt, ikm).map_err(failed)
    }

    fn expand_with_label(&self, secret: &[u8], label: &str, context: &[u8], size: usize) -> Result<Secret, Fault> {
        let length = u16::try_from(size).unwrap_or(u16::MAX).to_be_bytes();
        let label = vector(format!("MLS 1.0 {label}").as_bytes())?;
        let info = [length.as_slice(), &label, &vector(context)?].concat();
        self.0.kdf_expand(secret, &info, size).map_err(failed)
    }

    /// The secret of all pre-shared keys (section 8.4); none where one is another group's.
    fn psk_secret(&self, secrets: &GroupSecrets<'_>, storage: &PreSharedKeys) -> Result<Option<Secret>, Fault> {
        let size = self.0.kdf_extract_size();
        let zero = vec![0; size];
        let mut secret = Zeroizing::new(zero.clone());
        let count = u16::try_from(secrets.psks.len()).unwrap_or(u16::MAX).to_be_bytes();
        for (index, psk) in (0u16..).zip(&secrets.psks) {
            let Some(id) = psk.external else { return Ok(None) };
            let Some(key) = storage.get(&ExternalPskId::new(id.to_vec())).map_err(raised)? else {
                return Err(Fault::new(Kind::Peer, "a Welcome with a pre-shared key that is not here"));
            };
            let label = [psk.encoded, index.to_be_bytes().as_slice(), &count].concat();
            let input = self.expand_with_label(&self.extract(&zero, &key)?, "derived psk", &label, size)?;
            secret = self.extract(&input, &secret)?;
        }
        Ok(Some(secret))
    }

    fn open_group_info(&self, joiner_secret: &[u8], psk_secret: &[u8], sealed: &[u8]) -> Result<Secret, Fault> {
        let member_secret = self.extract(joiner_secret, psk_secret)?;
        let welcome_secret = self.expand_with_label(&member_secret, "welcome", b"", self.0.kdf_extract_size())?;
        let key = self.expand_with_label(&welcome_secret, "key", b"", self.0.aead_key_size())?;
        let nonce = self.expand_with_label(&welcome_secret, "nonce", b"", self.0.aead_nonce_size())?;
        self.0
            .aead_open(&key, sealed, None, &nonce)
            .map_err(|_| Fault::new(Kind::Peer, "a Welcome whose GroupInfo does not open"))
    }
}

fn failed(error: impl Error) -> Fault {
    Fault::new(Kind::Platform, error.to_string())
}

fn vector(octets: &[u8]) -> Result<Vec<u8>, Fault> {
    let mut encoded = vec![];
    mls_rs_codec::byte_vec::mls_encode(&octets, &mut encoded)?;
    Ok(encoded)
}
