//! What a CA rotation needs from the PKI: a new CA with the same name, and a cross-signed CA certificate.
//!
//! The cross-signed certificate contains the key of the new CA and is signed by the old CA. A server that presents it
//! after its own certificate is trusted by clients that know only the old CA, and by clients that know only the new
//! one.

use super::catalog::SERVICE_ACCOUNT;
use super::catalog::{CertSpec, Usage};
use super::cert::hex;
use super::cert::{Cert, bundle_pem};
use super::error::PkiError;
use super::issue::{self, Authority, Template};
use super::keys::{KeySource, PrivateKey};
use super::replace::{HIDDEN, Pair};
use super::store::{CERT_MODE, PkiStore, SECRET_MODE};
use super::validity::{Validity, minor_of};
use crate::base::files::{Content, Written};
use crate::base::secret::Secret;
use crate::config::model::ClusterConfig;
use sha2::{Digest, Sha256};
use std::path::Path;

/// The cross-signed certificate from the previous CA to the one that signs now.
pub const CROSS_SIGNED: &str = "ca-bridge.crt";

impl PkiStore {
    /// A new CA with the name and the key algorithm of `old`, not saved.
    pub fn new_ca(
        &self,
        old: &Cert,
        cluster: &ClusterConfig,
        keys: &dyn KeySource,
    ) -> Result<(Cert, PrivateKey), PkiError> {
        let template = Template {
            subject_der: old.subject_der.clone(),
            sans: old.sans.clone(),
            usages: Vec::new(),
            validity: Validity::of_ca(cluster, minor_of(cluster)?, self.now),
            says_no_ca: false,
        };
        let key = keys.take(old.algorithm().unwrap_or(cluster.encryption_algorithm))?;
        let cert = issue::self_sign(&template, &key, &self.random)?;
        Ok((cert, key))
    }

    /// The cross-signed certificate from `old` to the CA `new`: valid as long as both are.
    pub fn cross_signed(&self, new: &Cert, old: Authority<'_>) -> Result<Cert, PkiError> {
        let validity = Validity {
            not_before: new.not_before.max(old.cert.not_before),
            not_after: new.not_after.min(old.cert.not_after),
        };
        issue::cross_sign(new, validity, old, &self.random)
    }

    /// The cross-signed certificate in the directory, if it is for `signer` and still valid.
    pub fn cross_signed_to(&self, signer: &Cert) -> Result<Option<Cert>, PkiError> {
        let path = self.dir.join(CROSS_SIGNED);
        let Some(bytes) = self.files.read(&path)? else { return Ok(None) };
        let cross_signed = Cert::bundle_from_file(&path, &bytes)?.into_iter().next();
        Ok(cross_signed
            .filter(|cross_signed| cross_signed.has_key(&signer.public_der) && cross_signed.not_after > self.now))
    }

    /// Writes a cross-signed certificate into the directory, where renewals find it.
    pub fn save_cross_signed(&self, cross_signed: &Cert) -> Result<(), PkiError> {
        self.files.write(&self.dir.join(CROSS_SIGNED), &Content::public(cross_signed.pem()), CERT_MODE)?;
        Ok(())
    }

    /// Adds the cross-signed certificate of `signer` to a serving certificate; false if it is there or does not exist.
    pub fn add_cross_signed(&self, spec: &CertSpec, signer: &Cert) -> Result<bool, PkiError> {
        let chain = self.load_certs(spec)?.filter(|_| spec.usages == [Usage::Server]).unwrap_or_default();
        match (chain.as_slice(), self.cross_signed_to(signer)?) {
            ([leaf], Some(cross_signed)) if leaf.is_signed_by(signer) => {
                self.save_cert(&self.cert_path(spec), &bundle_pem(&[leaf.clone(), cross_signed]))?;
                Ok(true)
            }
            _ => Ok(false),
        }
    }

    /// Writes the certificates of a CA file.
    pub fn write_bundle(&self, spec: &CertSpec, certs: &[Cert]) -> Result<Written, PkiError> {
        let path = self.cert_path(spec);
        Ok(self.files.write(&path, &Content::public(bundle_pem(certs)), self.public_mode(&path))?)
    }

    /// Makes `key` the signing key, with `certs` in the CA file; does nothing if that is done. An earlier replacement
    /// must have been completed.
    pub fn hand_over(&self, spec: &CertSpec, certs: &[Cert], key: &PrivateKey) -> Result<bool, PkiError> {
        let pair = Pair::new(bundle_pem(certs).as_bytes(), key.block().expose().as_bytes());
        if self.pair(spec)?.as_ref() == Some(&pair) {
            return Ok(false);
        }
        let key_mode = self.files.mode_or(&self.key_path(spec), SECRET_MODE);
        self.restore(spec, &pair, key_mode, self.public_mode(&self.cert_path(spec)))?;
        Ok(true)
    }

    /// The mode for replacing a public file: its own, also where that is narrower than usual.
    fn public_mode(&self, path: &Path) -> u32 {
        self.files.mode(path).unwrap_or(CERT_MODE)
    }

    /// Writes a certificate and its key under their own name, unless they exist. Users who may read the files of `like`
    /// may read these.
    pub fn copy_pair(&self, base: &Path, cert: &Cert, key: &PrivateKey, like: &CertSpec) -> Result<(), PkiError> {
        let text = key.block();
        let key = Content::secret(text.expose().as_bytes(), HIDDEN);
        self.files.write_like(&self.key_path(like), &base.with_extension("key"), &key, SECRET_MODE)?;
        let cert = Content::public(cert.pem());
        self.files.write_like(&self.cert_path(like), &base.with_extension("crt"), &cert, CERT_MODE)?;
        Ok(())
    }

    /// Writes a certificate and its key under their own name, readable by root only, unless they exist.
    pub fn keep_pair(&self, base: &Path, cert: &Cert, key: &PrivateKey) -> Result<(), PkiError> {
        self.keep_key(base, key)?;
        self.files.write(&base.with_extension("crt"), &Content::public(cert.pem()), CERT_MODE)?;
        Ok(())
    }

    /// Writes a key without a certificate under its own name, unless it exists.
    pub fn keep_key(&self, base: &Path, key: &PrivateKey) -> Result<(), PkiError> {
        let text = key.block();
        let content = Content::secret(text.expose().as_bytes(), HIDDEN);
        self.files.write(&base.with_extension("key"), &content, SECRET_MODE)?;
        Ok(())
    }

    /// A key that [`PkiStore::keep_key`] or [`PkiStore::keep_pair`] wrote; None if it does not exist.
    pub fn kept_key(&self, base: &Path) -> Result<Option<PrivateKey>, PkiError> {
        let path = base.with_extension("key");
        let bytes = self.files.read(&path)?.map(Secret::new);
        bytes.map(|bytes| PrivateKey::from_file(&path, bytes.expose())).transpose()
    }

    /// A key and certificate that [`PkiStore::keep_pair`] wrote; None unless both exist.
    pub fn kept_pair(&self, base: &Path) -> Result<Option<(Cert, PrivateKey)>, PkiError> {
        let path = base.with_extension("crt");
        let (Some(bytes), Some(key)) = (self.files.read(&path)?, self.kept_key(base)?) else { return Ok(None) };
        let cert = Cert::bundle_from_file(&path, &bytes)?.into_iter().next();
        Ok(cert.map(|cert| (cert, key)))
    }
}

/// The digest of a CA's public key, which proves which CA it is: the CAs of a rotation have the same name.
pub fn ca_print(cert: &Cert) -> String {
    cert.pin().to_string().trim_start_matches("sha256:").to_owned()
}

/// Twelve digits of it, for people and in file names. They prove nothing.
pub fn short_print(cert: &Cert) -> String {
    ca_print(cert).chars().take(12).collect()
}

/// What can be rotated. A cluster with external etcd does not have `etcd-ca`.
pub const CAS: [&str; 4] = ["ca", "front-proxy-ca", "etcd-ca", SERVICE_ACCOUNT];

/// The digest of a key's public half, which proves which key it is.
pub fn key_print(key: &PrivateKey) -> String {
    hex(&Sha256::digest(key.public_der()))
}

/// The new keys before their stage, below the certificates directory.
pub const NEXT: &str = "next";
/// The key and certificate that the controller manager signs with in the meantime.
pub const SIGNING: &str = "signing";
/// In the first of them: the certificate key with which the new keys are encrypted in the cluster, on the host that made it.
pub const CERTIFICATE_KEY: &str = "handover.key";
/// Both directories, which only a rotation creates.
pub const DIRECTORIES: [&str; 2] = [NEXT, SIGNING];

/// True for the name of a file that a rotation keeps in one of its directories: a CA, or its fingerprint.
pub fn is_kept_file(name: &str) -> bool {
    let Some((base, "crt" | "key")) = name.rsplit_once('.') else { return false };
    let is_print = base.len() >= 12 && base.bytes().all(|byte| byte.is_ascii_hexdigit());
    CAS.contains(&base) || name == CERTIFICATE_KEY || is_print
}

#[cfg(test)]
mod tests;
