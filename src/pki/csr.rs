//! External CAs: writes certificate signing requests and imports the signed certificates.
//!
//! A request is written next to its key (`apiserver.csr`, `admin.conf.csr`), as kubeadm does. A signed certificate is
//! verified like any other before it is written.

use super::catalog::{self, CertSpec, KubeconfigSpec, Usage};
use super::cert::{Cert, bundle_pem};
use super::error::PkiError;
use super::form;
use super::issue;
use super::keys::{KeySource, PrivateKey};
use super::kubeconfigs::{CA, server_url};
use super::problem::Problem;
use super::sans::Sans;
use super::store::{CERT_MODE, LoadedCa, PkiStore, SECRET_MODE};
use super::subject::Subject;
use super::validity::minor_of;
use super::verify::{At, Wanted, verify_leaf};
use crate::base::files::Content;
use crate::base::secret::Secret;
use crate::config::kubeconfig::{Base64, Kubeconfig, SecretBase64, User};
use crate::config::model::{ClusterConfig, NodeConfig};
use std::path::{Path, PathBuf};

impl PkiStore {
    /// Writes the key (unless it exists) and a request for a leaf certificate; returns the path of the request.
    pub fn request(
        &self,
        spec: &CertSpec,
        cluster: &ClusterConfig,
        node: &NodeConfig,
        keys: &dyn KeySource,
    ) -> Result<PathBuf, PkiError> {
        if spec.is_ca() {
            return Err(PkiError::CaNotRenewed { name: spec.name.into() });
        }
        let minor = minor_of(cluster)?;
        let mut sans = Sans::of(spec.sans, "", cluster, node, minor)?;
        // A certificate in use may have SANs that the configuration does not contain.
        if let Some(old) = self.load_certs(spec)?.as_deref().and_then(<[Cert]>::first) {
            sans.add_all(&old.sans.dns);
            old.sans.ips.iter().for_each(|ip| sans.add_ip(*ip));
        }
        let (key, _) = self.key_for(spec, cluster, keys)?;
        let text = issue::request(&spec.subject(minor, &node.name), &sans, &key)?;
        let path = self.dir.join(format!("{}.csr", spec.base));
        self.files.write(&path, &Content::public(text), SECRET_MODE)?;
        Ok(path)
    }

    /// Writes a kubeconfig with a key but without a certificate (unless it exists) and a request; returns the path of
    /// the request.
    pub fn request_kubeconfig(
        &self,
        spec: &KubeconfigSpec,
        directory: &Path,
        cluster: &ClusterConfig,
        node: &NodeConfig,
        keys: &dyn KeySource,
    ) -> Result<PathBuf, PkiError> {
        let path = directory.join(spec.file);
        let minor = minor_of(cluster)?;
        let subject = spec.subject(minor, &node.name);
        let there = match self.load_kubeconfig(&path)? {
            Some(config) => match config.current_user() {
                Some(user) => self.client_key(&path, user)?,
                None => None,
            },
            None => None,
        };
        let key = if let Some((_, key)) = there {
            key
        } else {
            let key = keys.take(cluster.encryption_algorithm)?;
            let user = User {
                client_key_data: Some(SecretBase64(Secret::new(key.pem().expose().clone().into_bytes()))),
                ..User::default()
            };
            let ca = self.load_certs(catalog::cert(CA)?)?.unwrap_or_default();
            let server = server_url(spec.server, cluster, node, minor);
            let config = Kubeconfig::new(&cluster.cluster_name, server, bundle_pem(&ca), &subject.common_name, user);
            if self.files.exists(&path) {
                return Err(PkiError::KeyExists { path });
            }
            self.files.write(&path, &config.content()?, SECRET_MODE)?;
            key
        };
        let request = directory.join(format!("{}.csr", spec.file));
        let text = issue::request(&subject, &Sans::default(), &key)?;
        self.files.write(&request, &Content::public(text), SECRET_MODE)?;
        Ok(request)
    }

    /// Verifies a certificate (PEM, DER or PKCS#7, with its intermediates) that an external CA signed for the existing
    /// key.
    pub fn verify_signed(
        &self,
        spec: &CertSpec,
        pem: &[u8],
        cluster: &ClusterConfig,
        node: &NodeConfig,
    ) -> Result<Vec<Cert>, PkiError> {
        let ca_spec = catalog::cert(spec.ca.ok_or_else(|| PkiError::CaNotRenewed { name: spec.name.into() })?)?;
        let minor = minor_of(cluster)?;
        let (path, key_path) = (self.cert_path(spec), self.key_path(spec));
        let key = self.load_key(spec)?.ok_or_else(|| PkiError::KeyMissing { path: key_path.clone() })?;
        let arrival = Arrival {
            path: &path,
            name: spec.name,
            ca: &self.require_ca(ca_spec, spec.name)?,
            key: At { path: &key_path, value: &key },
            subject: spec.subject(minor, &node.name),
            sans: Sans::of(spec.sans, "", cluster, node, minor)?,
            usages: spec.usages,
            now: self.now,
        };
        arrival.verify(pem)
    }

    /// Imports a certificate that [`PkiStore::verify_signed`] accepted.
    pub fn import(
        &self,
        spec: &CertSpec,
        pem: &[u8],
        cluster: &ClusterConfig,
        node: &NodeConfig,
    ) -> Result<Cert, PkiError> {
        let chain = self.verify_signed(spec, pem, cluster, node)?;
        let path = self.cert_path(spec);
        self.files.write(&path, &Content::public(bundle_pem(&chain)), self.files.mode_or(&path, CERT_MODE))?;
        first(chain, &path)
    }

    /// Verifies a client certificate for a kubeconfig that [`PkiStore::request_kubeconfig`] wrote.
    pub fn verify_signed_kubeconfig(
        &self,
        spec: &KubeconfigSpec,
        directory: &Path,
        pem: &[u8],
        cluster: &ClusterConfig,
        node: &NodeConfig,
    ) -> Result<Vec<Cert>, PkiError> {
        let path = directory.join(spec.file);
        let missing = || PkiError::KeyMissing { path: path.clone() };
        let config = self.load_kubeconfig(&path)?.ok_or_else(missing)?;
        let user = config.current_user().ok_or_else(missing)?;
        let (key_path, key) = self.client_key(&path, user)?.ok_or_else(missing)?;
        let arrival = Arrival {
            path: &path,
            name: spec.file,
            ca: &self.require_ca(catalog::cert(CA)?, spec.file)?,
            key: At { path: &key_path, value: &key },
            subject: spec.subject(minor_of(cluster)?, &node.name),
            sans: Sans::default(),
            usages: &[Usage::Client],
            now: self.now,
        };
        arrival.verify(pem)
    }

    /// Imports a client certificate for a kubeconfig. If the kubeconfig names a file with both certificate and key, as
    /// the kubelet's does, the certificate is written there, where the kubelet continues to rotate it.
    pub fn import_kubeconfig(
        &self,
        spec: &KubeconfigSpec,
        directory: &Path,
        pem: &[u8],
        cluster: &ClusterConfig,
        node: &NodeConfig,
    ) -> Result<Cert, PkiError> {
        let chain = self.verify_signed_kubeconfig(spec, directory, pem, cluster, node)?;
        let path = directory.join(spec.file);
        let missing = || PkiError::KeyMissing { path: path.clone() };
        let mut config = self.load_kubeconfig(&path)?.ok_or_else(missing)?;
        let ca = self.require_ca(catalog::cert(CA)?, spec.file)?;
        if let Some(cluster) = config.current_cluster_mut()
            && cluster.certificate_authority.is_none()
        {
            cluster.certificate_authority_data = Some(Base64(bundle_pem(&ca.certs).into_bytes()));
        }
        let user = config.current_user_mut().ok_or_else(missing)?;
        if user.client_certificate.is_some() && user.client_certificate == user.client_key {
            let (file, key) = self.client_key(&path, user)?.ok_or_else(missing)?;
            let both = both_pem(&chain, &key);
            self.files.write(
                &file,
                &Content::secret(both, "(certificate and private key, not shown)\n"),
                self.files.mode_or(&file, SECRET_MODE),
            )?;
        } else {
            user.client_certificate_data = Some(Base64(bundle_pem(&chain).into_bytes()));
            user.client_certificate = None;
        }
        self.files.write(&path, &config.content()?, self.files.mode_or(&path, SECRET_MODE))?;
        first(chain, &path)
    }
}

/// Certificates and their key as one file. The file that was read may contain an older certificate next to the key, so
/// only the block of the key is used.
pub fn both_pem(chain: &[Cert], key: &PrivateKey) -> Vec<u8> {
    [bundle_pem(chain).as_bytes(), key.block().expose().as_bytes()].concat()
}

/// A signed certificate and its requirements.
struct Arrival<'a> {
    path: &'a Path,
    name: &'a str,
    ca: &'a LoadedCa,
    key: At<'a, PrivateKey>,
    subject: Subject,
    sans: Sans,
    usages: &'a [Usage],
    now: i64,
}

impl Arrival<'_> {
    fn verify(&self, bytes: &[u8]) -> Result<Vec<Cert>, PkiError> {
        let certs = form::certificates(bytes)
            .map_err(|source| PkiError::NotACertificate { path: self.path.to_path_buf(), source })?;
        let chain = form::in_order(certs, self.key.value.public_der());
        let wanted = Wanted {
            ca: At { path: &self.ca.path, value: self.ca.certs.as_slice() },
            sans: &self.sans,
            usages: self.usages,
            key: Some(At { path: self.key.path, value: self.key.value }),
            now: self.now,
        };
        let mut problems = verify_leaf(&chain, &wanted);
        if let Some(leaf) = chain.first()
            && !stands_for(&leaf.subject, &self.subject)
        {
            let (wanted, found) = (self.subject.to_string(), leaf.subject.to_string());
            problems.push(Problem::WrongSubject { wanted, found });
        }
        if problems.is_empty() {
            Ok(chain)
        } else {
            Err(PkiError::Unfit { path: self.path.to_path_buf(), name: self.name.into(), problems, external_ca: true })
        }
    }
}

/// RBAC depends on these names, so a certificate with other ones is refused. Additional groups are accepted.
fn stands_for(found: &Subject, wanted: &Subject) -> bool {
    found.common_name == wanted.common_name && wanted.organizations.iter().all(|o| found.organizations.contains(o))
}

fn first(chain: Vec<Cert>, path: &Path) -> Result<Cert, PkiError> {
    chain.into_iter().next().ok_or_else(|| PkiError::KeyMissing { path: path.to_path_buf() })
}

#[cfg(test)]
mod tests;
