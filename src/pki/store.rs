//! The certificates directory: keeps correct files, creates missing ones, refuses incorrect ones.
//!
//! A key is always written before its certificate, so an interrupted run leaves at most a key without a certificate,
//! which the next run completes with that key. No private key is ever overwritten here.

use super::catalog::{self, CERTS, CertSpec, KUBECONFIGS};
use super::cert::Cert;
use super::error::PkiError;
use super::issue::{self, Authority, Template};
use super::keys::{KeySource, PrivateKey};
use super::moment;
use super::problem::Problem;
use super::sans::Sans;
use super::validity::{Validity, minor_of};
use super::verify::{At, Wanted, verify_ca, verify_leaf};
use crate::base::env::{Clock, Random};
use crate::base::files::{Content, HostFiles};
use crate::config::model::{ClusterConfig, NodeConfig};
use crate::domain::paths::BACKUP_DIR;
use std::path::{Path, PathBuf};

/// The mode of keys, of sa.pub and of requests, as in kubeadm.
pub(super) const SECRET_MODE: u32 = 0o600;
/// The mode of certificates.
pub(super) const CERT_MODE: u32 = 0o644;

/// The certificates directory of a host.
pub struct PkiStore {
    pub(super) files: HostFiles,
    pub(super) dir: PathBuf,
    /// One time for the whole run: certificates that are created together start together.
    pub(super) now: i64,
    pub(super) random: Random,
    /// The directory for copies of replaced files.
    pub(super) backup: PathBuf,
}

/// How an expected file came to exist.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Made {
    Created,
    /// An interrupted run left the key or the certificate; the other one is new.
    Completed,
    /// It existed and is correct.
    Kept,
    /// It existed and is correct, but was signed elsewhere: the CA's key is not on this host.
    Provided,
}

/// A file that was found or created.
#[derive(Debug)]
pub struct Outcome {
    pub made: Made,
    /// The certificate, key or kubeconfig file.
    pub path: PathBuf,
    /// Its SANs; empty if it needs none.
    pub sans: Sans,
    /// Messages for the user that are not errors.
    pub warnings: Vec<String>,
}

/// A CA in the directory.
pub struct LoadedCa {
    /// The path of its certificate file.
    pub path: PathBuf,
    /// Every certificate in the file; each is trusted.
    pub certs: Vec<Cert>,
    /// The certificate that signs: the one that matches the key, otherwise the first.
    pub cert: Cert,
    /// The key; None if the CA is external.
    pub key: Option<PrivateKey>,
}

impl LoadedCa {
    /// The signing certificate and key; None if the CA is external.
    pub fn signer(&self) -> Option<Authority<'_>> {
        self.key.as_ref().map(|key| Authority { cert: &self.cert, key })
    }
}

impl PkiStore {
    /// The directory `dir` (a path of the host). The clock is read once.
    pub fn new(files: HostFiles, dir: impl Into<PathBuf>, clock: &Clock, random: &Random) -> Self {
        let now = clock.now();
        let stamp = moment::text(now).replace([':', '-'], "");
        let backup = Path::new(BACKUP_DIR).join(format!("staged-{stamp}"));
        Self { files, dir: dir.into(), now, random: random.clone(), backup }
    }

    /// The same with a directory for copies of replaced files.
    #[must_use]
    pub fn backing_up_to(self, backup: PathBuf) -> Self {
        Self { backup, ..self }
    }

    /// The path of a certificate.
    pub fn cert_path(&self, spec: &CertSpec) -> PathBuf {
        self.dir.join(format!("{}.crt", spec.base))
    }

    /// The path of its key.
    pub fn key_path(&self, spec: &CertSpec) -> PathBuf {
        self.dir.join(format!("{}.key", spec.base))
    }

    /// Ensures that a certificate and its key exist and are correct. A CA must precede what it signs.
    pub fn ensure(
        &self,
        spec: &CertSpec,
        cluster: &ClusterConfig,
        node: &NodeConfig,
        keys: &dyn KeySource,
    ) -> Result<Outcome, PkiError> {
        let staged = self.finish_replacement(spec)?;
        let mut outcome = match spec.ca {
            None => self.ensure_ca(spec, cluster, node, keys)?,
            Some(ca) => self.ensure_leaf(spec, catalog::cert(ca)?, cluster, node, keys)?,
        };
        outcome.warnings.extend(staged.text());
        Ok(outcome)
    }

    /// The certificates in a row's file; None if it does not exist.
    pub fn load_certs(&self, spec: &CertSpec) -> Result<Option<Vec<Cert>>, PkiError> {
        let path = self.cert_path(spec);
        self.files.read(&path)?.map(|bytes| Cert::bundle_from_file(&path, &bytes)).transpose()
    }

    /// The key in a row's file; None if it does not exist.
    pub fn load_key(&self, spec: &CertSpec) -> Result<Option<PrivateKey>, PkiError> {
        let path = self.key_path(spec);
        self.files.read(&path)?.map(|bytes| PrivateKey::from_file(&path, &bytes)).transpose()
    }

    /// An existing CA, with or without its key; None if its certificate does not exist.
    pub fn load_ca(&self, spec: &CertSpec) -> Result<Option<LoadedCa>, PkiError> {
        let Some(certs) = self.load_certs(spec)? else { return Ok(None) };
        let (path, key) = (self.cert_path(spec), self.load_key(spec)?);
        let fits = |cert: &&Cert| key.as_ref().is_none_or(|key| cert.has_key(key.public_der()));
        let signer = certs.iter().find(fits);
        let Some(cert) = signer.or(certs.first()).cloned() else { return Ok(None) };
        let mut problems = verify_ca(&cert, self.now);
        if signer.is_none() {
            problems.push(Problem::KeyMismatch { key: self.key_path(spec) });
        }
        if problems.is_empty() {
            Ok(Some(LoadedCa { path, certs, cert, key }))
        } else {
            Err(PkiError::Unfit { path, name: spec.name.into(), problems, external_ca: false })
        }
    }

    /// The CA that signs for `name`.
    pub fn require_ca(&self, ca: &CertSpec, name: &str) -> Result<LoadedCa, PkiError> {
        self.load_ca(ca)?.ok_or_else(|| PkiError::NoCa {
            ca: self.cert_path(ca),
            name: name.into(),
            ca_name: ca.name.into(),
            is_new: !self.has_files(),
        })
    }

    /// True if any certificate or key of a cluster is here, or a kubeconfig.
    fn has_files(&self) -> bool {
        let of_certs = CERTS.iter().flat_map(|spec| [self.cert_path(spec), self.key_path(spec)]);
        let kubeconfigs = KUBECONFIGS.iter().map(|spec| Path::new("/etc/kubernetes").join(spec.file));
        of_certs.chain(kubeconfigs).any(|path| self.files.exists(&path))
    }

    /// Missing files that only the external CA could sign.
    pub fn missing_of_external_ca(&self, ca: &CertSpec, cluster: &ClusterConfig) -> Vec<PathBuf> {
        catalog::certs_of(cluster)
            .filter(|spec| spec.ca == Some(ca.name))
            .flat_map(|spec| [self.cert_path(spec), self.key_path(spec)])
            .filter(|path| !self.files.exists(path))
            .collect()
    }

    fn ensure_ca(
        &self,
        spec: &CertSpec,
        cluster: &ClusterConfig,
        node: &NodeConfig,
        keys: &dyn KeySource,
    ) -> Result<Outcome, PkiError> {
        if let Some(ca) = self.load_ca(spec)? {
            ca.require_permits_all(spec, cluster, node)?;
            let made = if ca.key.is_some() { Made::Kept } else { Made::Provided };
            return Ok(outcome(made, ca.path, Sans::default()));
        }
        let minor = minor_of(cluster)?;
        let subject = spec.subject(minor, &node.name);
        let template = Template {
            subject_der: subject.to_der(),
            sans: Sans::of(spec.sans, &subject.common_name, cluster, node, minor)?,
            usages: Vec::new(),
            validity: Validity::of_ca(cluster, minor, self.now),
            says_no_ca: false,
        };
        let (key, made) = self.key_for(spec, cluster, keys)?;
        let cert = issue::self_sign(&template, &key, &self.random)?;
        self.save_cert(&self.cert_path(spec), &cert.pem())?;
        Ok(outcome(made, self.cert_path(spec), Sans::default()))
    }

    fn ensure_leaf(
        &self,
        spec: &CertSpec,
        ca_spec: &CertSpec,
        cluster: &ClusterConfig,
        node: &NodeConfig,
        keys: &dyn KeySource,
    ) -> Result<Outcome, PkiError> {
        let ca = self.require_ca(ca_spec, spec.name)?;
        let minor = minor_of(cluster)?;
        let sans = Sans::of(spec.sans, "", cluster, node, minor)?;
        let (path, key_path) = (self.cert_path(spec), self.key_path(spec));
        let (chain, key) = (self.load_certs(spec)?, self.load_key(spec)?);
        if let Some(chain) = &chain {
            let wanted = Wanted {
                ca: At { path: &ca.path, value: ca.certs.as_slice() },
                sans: &sans,
                usages: spec.usages,
                key: key.as_ref().map(|value| At { path: key_path.as_path(), value }),
                now: self.now,
            };
            let problems = verify_leaf(chain, &wanted);
            if key.is_some() {
                return if problems.is_empty() {
                    let made = if ca.key.is_some() { Made::Kept } else { Made::Provided };
                    Ok(outcome(made, path, sans))
                } else {
                    Err(PkiError::Unfit { path, name: spec.name.into(), problems, external_ca: ca.key.is_none() })
                };
            }
            // A certificate without its key is useless. It is replaced if this CA can reissue it; one from elsewhere
            // may be waiting for its key, and is left alone.
            if !problems.is_empty() || ca.key.is_none() {
                return Err(PkiError::HalfAPair { there: path, missing: key_path });
            }
        }
        let Some(authority) = ca.signer() else {
            return Err(PkiError::ExternalCa { missing: self.missing_of_external_ca(ca_spec, cluster), ca: ca.path });
        };
        ca.require_permits(spec.name, &sans, spec.usages)?;
        let template = Template {
            subject_der: spec.subject(minor, &node.name).to_der(),
            sans: sans.clone(),
            usages: spec.usages.to_vec(),
            validity: Validity::of_leaf(cluster, minor, self.now, authority.cert),
            says_no_ca: minor.leaf_basic_constraints,
        };
        if chain.is_some() {
            // The old certificate is removed before the new key is written, so that the two never exist together.
            self.files.remove(&path)?;
        }
        let (key, mut made) = self.key_for(spec, cluster, keys)?;
        let cert = issue::sign(&template, key.public_der(), authority, &self.random)?;
        self.save_cert(&path, &cert.pem())?;
        if chain.is_some() {
            made = Made::Completed;
        }
        Ok(outcome(made, path, sans))
    }

    /// The key of a row, or a new one, saved.
    pub(super) fn key_for(
        &self,
        spec: &CertSpec,
        cluster: &ClusterConfig,
        keys: &dyn KeySource,
    ) -> Result<(PrivateKey, Made), PkiError> {
        if let Some(key) = self.load_key(spec)? {
            return Ok((key, Made::Completed));
        }
        let key = keys.take(cluster.encryption_algorithm)?;
        self.save_key(&self.key_path(spec), &key)?;
        Ok((key, Made::Created))
    }

    /// Writes a key where none exists.
    pub(super) fn save_key(&self, path: &Path, key: &PrivateKey) -> Result<(), PkiError> {
        if self.files.exists(path) {
            return Err(PkiError::KeyExists { path: path.to_path_buf() });
        }
        self.files.write(path, &key_content(key.pem().expose()), SECRET_MODE)?;
        Ok(())
    }

    pub(super) fn save_cert(&self, path: &Path, pem: &str) -> Result<(), PkiError> {
        self.files.write(path, &Content::public(pem), CERT_MODE)?;
        Ok(())
    }
}

/// The content of a key file, which no plan may show.
pub(super) fn key_content(pem: &str) -> Content {
    Content::secret(pem.as_bytes(), "(private key, not shown)\n")
}

pub(super) fn outcome(made: Made, path: PathBuf, sans: Sans) -> Outcome {
    Outcome { made, path, sans, warnings: Vec::new() }
}

#[cfg(test)]
mod tests;
