//! Private keys: loaded from every common format, generated, and written as kubeadm does.
//!
//! A loaded key keeps its original text. Serializing it again could damage it: parsers disagree about the formats more
//! than the labels suggest.

use super::cert::Cert;
use super::der;
use super::error::PkiError;
use super::key_error::KeyError;
use super::public_key::{RSA_OID, rsa_bits};
pub use super::public_key::{algorithm_of, public_bits};
use crate::base::pem;
use crate::base::secret::Secret;
use crate::config::model::KeyAlgorithm;
use curve::EC_OID;
use rcgen::{KeyPair, PublicKeyData};
use std::path::Path;
use std::sync::OnceLock;

mod curve;
mod generate;

pub use curve::unsupported as unsupported_curve;
pub use generate::Generator;

/// `-----BEGIN RSA PRIVATE KEY-----`: PKCS#1.
const RSA_LABEL: &str = "RSA PRIVATE KEY";
/// `-----BEGIN EC PRIVATE KEY-----`: SEC 1.
const EC_LABEL: &str = "EC PRIVATE KEY";
/// `-----BEGIN PRIVATE KEY-----`: PKCS#8.
const PKCS8_LABEL: &str = "PRIVATE KEY";
/// `-----BEGIN PUBLIC KEY-----`: a `SubjectPublicKeyInfo`.
const PUBLIC_LABEL: &str = "PUBLIC KEY";
/// `-----BEGIN RSA PUBLIC KEY-----`: PKCS#1, written by old tools.
const RSA_PUBLIC_LABEL: &str = "RSA PUBLIC KEY";
/// Shorter RSA keys are insecure; the signing library refuses them too.
const SHORTEST_RSA: usize = 2048;

/// The source of new keys.
pub trait KeySource: Send + Sync {
    /// Generates a new key.
    fn take(&self, algorithm: KeyAlgorithm) -> Result<PrivateKey, PkiError>;
}

/// A private key with its public key.
pub struct PrivateKey {
    pem: Secret<String>,
    label: &'static str,
    der: Secret<Vec<u8>>,
    public: Vec<u8>,
    /// Loaded for the first signature: most keys never sign here, and loading takes 0.7 ms for RSA.
    pair: OnceLock<KeyPair>,
}

impl PrivateKey {
    /// A key that this process generated: `der` is PKCS#1 for RSA and SEC 1 for ECDSA, `public` its
    /// `SubjectPublicKeyInfo`.
    fn generated(algorithm: KeyAlgorithm, der: Vec<u8>, public: Vec<u8>) -> Self {
        let label = if is_rsa(algorithm) { RSA_LABEL } else { EC_LABEL };
        Self { pem: Secret::new(pem::encode(label, &der)), label, der: Secret::new(der), public, pair: OnceLock::new() }
    }

    /// The first private key in a PEM file: PKCS#1, PKCS#8 or SEC 1, whatever precedes it.
    pub fn from_pem(bytes: &[u8]) -> Result<Self, KeyError> {
        let blocks = pem::blocks(bytes).map_err(|error| KeyError::of_pem(error, bytes))?;
        let Some(block) = blocks.iter().find(|b| b.label.ends_with(PKCS8_LABEL)) else {
            return Err(KeyError::OtherBlocks { found: pem::labels(&blocks) });
        };
        if block.encrypted {
            return Err(KeyError::Encrypted);
        }
        check_kind(block.label, &block.der)?;
        let pair = KeyPair::try_from(block.der.as_slice()).map_err(|_| KeyError::Damaged)?;
        let public = pair.subject_public_key_info();
        let slot = OnceLock::new();
        // The cell is new, so this cannot fail.
        let _ = slot.set(pair);
        Ok(Self {
            pem: Secret::new(String::from_utf8_lossy(bytes).into_owned()),
            label: block.label,
            der: Secret::new(block.der.to_vec()),
            public,
            pair: slot,
        })
    }

    /// Like [`PrivateKey::from_pem`]; errors name the path.
    pub fn from_file(path: &Path, bytes: &[u8]) -> Result<Self, PkiError> {
        Self::from_pem(bytes).map_err(|source| PkiError::NotAKey { path: path.to_path_buf(), source })
    }

    /// The text of the key file: as it was read, or as kubeadm writes a new key.
    pub fn pem(&self) -> &Secret<String> {
        &self.pem
    }

    /// The key alone as PEM, without other content of its file.
    pub fn block(&self) -> Secret<String> {
        Secret::new(pem::encode(self.label, self.der.expose()))
    }

    /// The public key as DER `SubjectPublicKeyInfo`.
    pub fn public_der(&self) -> &[u8] {
        &self.public
    }

    /// The public key in PEM.
    pub fn public_pem(&self) -> String {
        pem::encode(PUBLIC_LABEL, &self.public)
    }

    /// The key as the signing library needs it.
    pub(super) fn pair(&self) -> Result<&KeyPair, PkiError> {
        if let Some(pair) = self.pair.get() {
            return Ok(pair);
        }
        let pair = KeyPair::try_from(self.der.expose().as_slice())
            .map_err(|e| PkiError::Sign { what: "with a new key".into(), reason: e.to_string() })?;
        Ok(self.pair.get_or_init(|| pair))
    }
}

impl std::fmt::Debug for PrivateKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("PrivateKey(***)")
    }
}

/// True if a PEM file such as sa.pub contains the public key `spki`. Like the API server, it accepts several keys, as
/// during a rotation, in any of these forms: a public key, a certificate, or a private key.
pub fn public_file_has(bytes: &[u8], spki: &[u8]) -> Result<bool, KeyError> {
    let wanted = public_bits(spki);
    let keys = public_keys(bytes)?;
    Ok(wanted.is_some_and(|wanted| keys.iter().any(|key| key == wanted)))
}

/// The bits of every public key in a PEM file; at least one.
pub fn public_keys(bytes: &[u8]) -> Result<Vec<Vec<u8>>, KeyError> {
    let blocks = pem::blocks(bytes).map_err(|error| KeyError::of_pem(error, bytes))?;
    let bits = |spki: &[u8]| public_bits(spki).map(<[u8]>::to_vec);
    let keys: Vec<_> = blocks
        .iter()
        .filter_map(|block| match block.label {
            PUBLIC_LABEL => bits(&block.der),
            RSA_PUBLIC_LABEL => Some(block.der.to_vec()),
            pem::CERTIFICATE => Cert::from_der(&block.der).and_then(|cert| bits(&cert.public_der)),
            RSA_LABEL | EC_LABEL | PKCS8_LABEL => {
                KeyPair::try_from(block.der.as_slice()).ok().and_then(|pair| bits(&pair.subject_public_key_info()))
            }
            _ => None,
        })
        .collect();
    if keys.is_empty() { Err(KeyError::NoPublicKey { found: pem::labels(&blocks) }) } else { Ok(keys) }
}

fn is_rsa(algorithm: KeyAlgorithm) -> bool {
    matches!(algorithm, KeyAlgorithm::Rsa2048 | KeyAlgorithm::Rsa3072 | KeyAlgorithm::Rsa4096)
}

/// Finds the reason where the signing library reports only a parse error: unsupported algorithms, and short keys.
fn check_kind(label: &str, key: &[u8]) -> Result<(), KeyError> {
    let parts = der::sequence(key).ok_or(KeyError::Damaged)?;
    match label {
        RSA_LABEL => check_rsa_length(key),
        EC_LABEL => curve::of_sec1(key).map_or(Ok(()), |name| Err(KeyError::Curve { name })),
        PKCS8_LABEL => {
            // version, algorithm, OCTET STRING with the key.
            let [_, algorithm, inner, ..] = parts.as_slice() else { return Err(KeyError::Damaged) };
            let oids = der::elements(algorithm.content).ok_or(KeyError::Damaged)?;
            match oids.first().map(|oid| oid.content) {
                Some(RSA_OID) => check_rsa_length(inner.content),
                Some(EC_OID) => {
                    curve::of_algorithm(algorithm.content).map_or(Ok(()), |name| Err(KeyError::Curve { name }))
                }
                Some(_) => Err(KeyError::Unsupported),
                None => Err(KeyError::Damaged),
            }
        }
        _ => Err(KeyError::Unsupported),
    }
}

fn check_rsa_length(pkcs1: &[u8]) -> Result<(), KeyError> {
    // Version, modulus, and seven more numbers.
    let parts = der::sequence(pkcs1).ok_or(KeyError::Damaged)?;
    let bits = rsa_bits(parts.get(1).ok_or(KeyError::Damaged)?.content);
    if bits < SHORTEST_RSA { Err(KeyError::TooShort { bits }) } else { Ok(()) }
}

#[cfg(test)]
mod tests;
