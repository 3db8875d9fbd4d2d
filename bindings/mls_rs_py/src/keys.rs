//! Signature key pairs (RFC 9420, section 5.1), and what encryption keys look like.

use ed25519_dalek::SigningKey;
use mls_rs::{
    CipherSuite, CipherSuiteProvider, CryptoProvider,
    crypto::{HpkePublicKey, SignaturePublicKey, SignatureSecretKey},
};
use mls_rs_crypto_rustcrypto::RustCryptoProvider;
use pyo3::{prelude::*, types::PyBytes};
use x25519_dalek::x25519;
use zeroize::Zeroizing;

use crate::{
    error::{Blame, Fault, Kind},
    scope, value,
};

const SEED_SIZE: usize = 32;
const KEY_SIZE: usize = 32;

/// Whether a suite's keys are those of Curve25519: Ed25519 to sign with, X25519 to encrypt to.
fn is_curve25519(suite: CipherSuite) -> bool {
    matches!(suite, CipherSuite::CURVE25519_AES128 | CipherSuite::CURVE25519_CHACHA)
}

/// The primitives of a cipher suite.
pub fn suite_provider(
    suite: CipherSuite,
) -> Result<<RustCryptoProvider as CryptoProvider>::CipherSuiteProvider, Fault> {
    RustCryptoProvider::default()
        .cipher_suite_provider(suite)
        .ok_or_else(|| Fault::new(Kind::Unsupported, format!("cipher suite {} is not supported", u16::from(suite))))
}

/// A signature key pair for one cipher suite (RFC 9420, section 5.1).
///
/// Ed25519 for suites 1 and 3, ECDSA P-256 for suite 2, ECDSA P-384 for suite 7. `repr` shows nothing of the secret.
#[pyclass(frozen, module = "mls_rs_py")]
pub struct SignatureKeyPair {
    pub suite: CipherSuite,
    pub secret: SignatureSecretKey,
    pub public: SignaturePublicKey,
}

#[pymethods]
impl SignatureKeyPair {
    /// Make a new key pair. Raises UnsupportedError, PlatformError.
    #[staticmethod]
    #[pyo3(signature = (cipher_suite=1))]
    fn generate(py: Python<'_>, cipher_suite: u16) -> PyResult<Self> {
        let make = || {
            let suite = CipherSuite::from(cipher_suite);
            let (secret, public) = suite_provider(suite)?
                .signature_key_generate()
                .map_err(|error| Fault::new(Kind::Platform, error.to_string()))?;
            Ok(Self { suite, secret, public })
        };
        py.detach(make).map_err(|fault: Fault| fault.into_exception(Blame::Caller, py))
    }

    /// Take a secret key: a 32-octet seed for Ed25519 (RFC 8032), a big-endian scalar for ECDSA.
    ///
    /// Raises UnsupportedError, CallerError if it is no secret key of the suite.
    #[staticmethod]
    #[pyo3(signature = (secret_key, cipher_suite=1))]
    fn from_secret(py: Python<'_>, secret_key: &[u8], cipher_suite: u16) -> PyResult<Self> {
        let make = || {
            let suite = CipherSuite::from(cipher_suite);
            let provider = suite_provider(suite)?;
            if is_curve25519(suite) {
                let seed = <[u8; SEED_SIZE]>::try_from(secret_key)
                    .map(Zeroizing::new)
                    .map_err(|_| Fault::new(Kind::Caller, "an Ed25519 seed has 32 octets"))?;
                // mls-rs wants seed and public key in one.
                let pair = Zeroizing::new(SigningKey::from_bytes(&seed).to_keypair_bytes());
                let public = pair[SEED_SIZE..].to_vec().into();
                return Ok(Self { suite, secret: SignatureSecretKey::new_slice(pair.as_slice()), public });
            }
            let secret = SignatureSecretKey::new_slice(secret_key);
            let public = provider
                .signature_key_derive_public(&secret)
                .map_err(|_| Fault::new(Kind::Caller, "this is no secret key of the cipher suite"))?;
            Ok(Self { suite, secret, public })
        };
        scope::parse(py, make)
    }

    /// The cipher suite's number (RFC 9420, section 17.1).
    #[getter]
    fn cipher_suite(&self) -> u16 {
        self.suite.into()
    }

    /// The public key, as it stands in a leaf node.
    #[getter]
    fn public_key<'py>(&self, py: Python<'py>) -> Bound<'py, PyBytes> {
        value::bytes(py, &self.public)
    }

    /// The secret key as `from_secret` takes it, to be kept.
    fn secret_key<'py>(&self, py: Python<'py>) -> Bound<'py, PyBytes> {
        value::bytes(py, if is_curve25519(self.suite) { &self.secret[..SEED_SIZE] } else { &self.secret })
    }

    fn __repr__(&self) -> String {
        format!("SignatureKeyPair(cipher_suite={}, …)", u16::from(self.suite))
    }
}

/// What encryption keys of a suite look like. mls-rs takes others, and either a commit to their owner cannot be made, or
/// everybody can open it.
pub struct EncryptionKeys {
    provider: Option<<RustCryptoProvider as CryptoProvider>::CipherSuiteProvider>,
    x25519: bool,
}

impl EncryptionKeys {
    /// Keys of a suite that is not supported are taken for right: mls-rs refuses the suite.
    pub fn of(suite: CipherSuite) -> Self {
        Self { provider: suite_provider(suite).ok(), x25519: is_curve25519(suite) }
    }

    /// Keys of a suite that only mls-rs knows are taken for right.
    pub fn of_some_suite() -> Self {
        Self { provider: None, x25519: false }
    }

    /// Give the key, if it is one.
    pub fn check<'a>(&self, key: &'a [u8]) -> Result<&'a [u8], Fault> {
        match &self.provider {
            Some(provider) if provider.kem_public_key_validate(&HpkePublicKey::from(key.to_vec())).is_err() => {
                Err(Fault::new(Kind::Peer, "an encryption key that is none of the cipher suite"))
            }
            _ if self.x25519 && has_low_order(key) => Err(Fault::new(
                Kind::Peer,
                "an encryption key of low order, for which everybody knows the shared secret",
            )),
            _ => Ok(key),
        }
    }
}

/// Whether every secret key has one and the same shared secret with this X25519 key (RFC 7748, section 6.1).
fn has_low_order(key: &[u8]) -> bool {
    // A clamped scalar is a multiple of the cofactor, so that any one will do.
    <[u8; KEY_SIZE]>::try_from(key).is_ok_and(|key| x25519([0; KEY_SIZE], key) == [0; KEY_SIZE])
}
