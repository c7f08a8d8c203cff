//! Replaces a certificate and its key, although two files cannot change at once.
//!
//! The new key and certificate are first written into one file next to the old ones (`BASE.renewing`). If a run is
//! killed between the two renames, the next run completes the replacement from that file (`staged`), so that a key and
//! a certificate that do not belong together never remain. Both files are on the disk before the first is renamed: etcd
//! reads them at every connection. Owner and mode stay: a component may run as its own user. Plans do not list the file.

use super::catalog::CertSpec;
use super::error::{PairState, PkiError};
use super::store::{CERT_MODE, PkiStore, SECRET_MODE};
use crate::base::files::{Content, NotReplaced};
use crate::base::secret::Secret;
use crate::config::kubeconfig::{Base64, SecretBase64};
use serde::{Deserialize, Serialize};
use std::path::PathBuf;

/// What plans show instead of a key.
pub(super) const HIDDEN: &str = "(private key, not shown)\n";

/// A certificate file and its key file, as they were read or are to be written.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Pair {
    /// The certificate file.
    pub cert: Base64,
    /// The key file.
    pub key: SecretBase64,
}

impl Pair {
    pub fn new(cert: &[u8], key: &[u8]) -> Self {
        Self { cert: Base64(cert.to_vec()), key: SecretBase64(Secret::new(key.to_vec())) }
    }
}

impl PkiStore {
    /// The two files of a row; None if one of them is missing.
    pub fn pair(&self, spec: &CertSpec) -> Result<Option<Pair>, PkiError> {
        let cert = self.files.read(&self.cert_path(spec))?;
        let key = self.files.read(&self.key_path(spec))?;
        Ok(cert.zip(key).map(|(cert, key)| Pair { cert: Base64(cert), key: SecretBase64(Secret::new(key)) }))
    }

    /// Replaces an existing key and certificate. Only on a user's request: nothing else overwrites a private key.
    pub fn replace_pair(&self, spec: &CertSpec, pair: &Pair) -> Result<(), PkiError> {
        self.stage(spec, pair)?;
        self.exchange(spec, pair)
    }

    /// Restores a replaced key and certificate, with the modes of their files.
    pub fn restore(&self, spec: &CertSpec, pair: &Pair, key_mode: u32, cert_mode: u32) -> Result<(), PkiError> {
        self.stage(spec, pair)?;
        self.exchange_with(spec, pair, key_mode, cert_mode)
    }

    fn stage(&self, spec: &CertSpec, pair: &Pair) -> Result<(), PkiError> {
        let path = self.staging_path(spec);
        let text = serde_json::to_vec(pair)
            .map(Secret::new)
            .map_err(|e| PkiError::Sign { what: path.display().to_string(), reason: e.to_string() })?;
        self.files.unlisted().write(&path, &Content::secret(text.expose().as_slice(), HIDDEN), SECRET_MODE)?;
        Ok(())
    }

    /// Installs a staged key and certificate.
    pub(super) fn exchange(&self, spec: &CertSpec, pair: &Pair) -> Result<(), PkiError> {
        let key_mode = self.files.mode_or(&self.key_path(spec), SECRET_MODE);
        let cert_mode = self.files.mode_or(&self.cert_path(spec), CERT_MODE);
        self.exchange_with(spec, pair, key_mode, cert_mode)
    }

    fn exchange_with(&self, spec: &CertSpec, pair: &Pair, key_mode: u32, cert_mode: u32) -> Result<(), PkiError> {
        let key = Content::secret(pair.key.0.expose().as_slice(), HIDDEN);
        // As bytes: text around a certificate may have any encoding.
        let cert = Content::secret(pair.cert.0.as_slice(), String::from_utf8_lossy(&pair.cert.0));
        let (key_path, cert_path) = (self.key_path(spec), self.cert_path(spec));
        let written = self.files.write_together(&[(&key_path, &key, key_mode), (&cert_path, &cert, cert_mode)]);
        let (files, staged) = (self.files.unlisted(), self.staging_path(spec));
        let failed =
            |state, cause| PkiError::NotExchanged { key: key_path.clone(), cert: cert_path.clone(), state, cause };
        match written {
            Ok(_) => files.remove(&staged).map(|_| ()).map_err(|cause| failed(PairState::New, cause)),
            Err(NotReplaced { cause, .. }) if self.belong_together(spec) => {
                // A leftover new key is useless. If it stays, the next run verifies it before it uses it.
                let _ = files.remove(&staged);
                Err(failed(PairState::Old, cause))
            }
            // The next run completes the replacement from the staging file.
            Err(NotReplaced { cause, .. }) => Err(failed(PairState::Mixed { staged }, cause)),
        }
    }

    /// False if the key does not match any certificate of its certificate file, or one of them is damaged or missing.
    pub fn belong_together(&self, spec: &CertSpec) -> bool {
        match (self.load_certs(spec), self.load_key(spec)) {
            (Ok(None), Ok(None)) => true,
            (Ok(Some(certs)), Ok(Some(key))) => certs.iter().any(|cert| cert.has_key(key.public_der())),
            _ => false,
        }
    }

    /// True if an interrupted replacement has left a key and a certificate that do not belong together.
    pub fn is_half_replaced(&self, spec: &CertSpec) -> bool {
        self.files.exists(&self.staging_path(spec)) && !self.belong_together(spec)
    }

    pub(super) fn staging_path(&self, spec: &CertSpec) -> PathBuf {
        self.dir.join(format!("{}.renewing", spec.base))
    }
}
