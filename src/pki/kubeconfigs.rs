//! The kubeconfigs of a control plane: created if they are missing, verified if they exist.

use super::catalog::{self, KubeconfigSpec, Server, Usage};
use super::cert::{Cert, bundle_pem};
use super::error::PkiError;
use super::issue::{self, Template};
use super::keys::{KeySource, PrivateKey};
use super::problem::Problem;
use super::sans::Sans;
use super::store::{LoadedCa, Made, Outcome, PkiStore, SECRET_MODE, outcome};
use super::subject::Subject;
use super::validity::{Validity, minor_of};
use super::verify::{At, Wanted, verify_leaf};
use crate::base::secret::Secret;
use crate::config::kubeconfig::{Base64, Kubeconfig, SecretBase64, User};
use crate::config::model::{ClusterConfig, HostPort, NodeConfig};
use crate::versions::Minor;
use std::path::{Path, PathBuf};

/// The CA that signs the client certificates of kubeconfigs.
pub(super) const CA: &str = "ca";
/// kubeadm's feature gate with which the kubelet uses the API server of its own host.
const LOCAL_MODE: &str = "ControlPlaneKubeletLocalMode";

impl PkiStore {
    /// Ensures that a kubeconfig exists in the directory and is correct. One that points to another server than expected is kept
    /// with a warning, as in kubeadm: the address may be a load balancer that the configuration does not contain.
    pub fn ensure_kubeconfig(
        &self,
        spec: &KubeconfigSpec,
        directory: &Path,
        cluster: &ClusterConfig,
        node: &NodeConfig,
        keys: &dyn KeySource,
    ) -> Result<Outcome, PkiError> {
        let path = directory.join(spec.file);
        let minor = minor_of(cluster)?;
        let ca = self.require_ca(catalog::cert(CA)?, spec.file)?;
        let server = server_url(spec.server, cluster, node, minor);
        if let Some(config) = self.load_kubeconfig(&path)? {
            let problems = self.verify_kubeconfig(&path, &config, &ca)?;
            if !problems.is_empty() {
                return Err(PkiError::Unfit { path, name: spec.file.into(), problems, external_ca: ca.key.is_none() });
            }
            let made = if ca.key.is_some() { Made::Kept } else { Made::Provided };
            let mut outcome = outcome(made, path, Sans::default());
            if let Some(there) = config.current_cluster().map(|c| &c.server).filter(|there| **there != server) {
                let shown = outcome.path.display();
                outcome.warnings.push(format!("{shown} points to {there} instead of {server}; it is kept"));
            }
            return Ok(outcome);
        }
        if ca.key.is_none() {
            return Err(PkiError::ExternalCa { ca: ca.path, missing: vec![path] });
        }
        let subject = spec.subject(minor, &node.name);
        let validity = Validity::of_kubeconfig(cluster, self.now, &ca.cert);
        let (cert, key) = self.issue_client(&ca, &subject, validity, cluster, keys)?;
        let user = client_user(&cert, &key);
        let config = Kubeconfig::new(&cluster.cluster_name, server, bundle_pem(&ca.certs), &subject.common_name, user);
        self.files.write(&path, &config.content()?, SECRET_MODE)?;
        Ok(outcome(Made::Created, path, Sans::default()))
    }

    /// A client certificate and its key, not saved: for a user's kubeconfig, or for a kubelet.
    pub fn issue_client(
        &self,
        ca: &LoadedCa,
        subject: &Subject,
        validity: Validity,
        cluster: &ClusterConfig,
        keys: &dyn KeySource,
    ) -> Result<(Cert, PrivateKey), PkiError> {
        let Some(authority) = ca.signer() else {
            return Err(PkiError::ExternalCa { ca: ca.path.clone(), missing: Vec::new() });
        };
        ca.require_permits("a client certificate", &Sans::default(), &[Usage::Client])?;
        let template = Template {
            subject_der: subject.to_der(),
            sans: Sans::default(),
            usages: vec![Usage::Client],
            validity,
            says_no_ca: minor_of(cluster)?.leaf_basic_constraints,
        };
        let key = keys.take(cluster.encryption_algorithm)?;
        let cert = issue::sign(&template, key.public_der(), authority, &self.random)?;
        Ok((cert, key))
    }

    /// The kubeconfig at `path`; None if it does not exist.
    pub fn load_kubeconfig(&self, path: &Path) -> Result<Option<Kubeconfig>, PkiError> {
        Ok(self.files.read(path)?.map(|bytes| Kubeconfig::parse(path, &bytes)).transpose()?)
    }

    /// The client certificates of a kubeconfig's current user, embedded or in the file that it names; None if the user
    /// has another credential, such as a token.
    pub fn client_certs(&self, path: &Path, user: &User) -> Result<Option<Vec<Cert>>, PkiError> {
        match (&user.client_certificate_data, &user.client_certificate) {
            (Some(data), _) => Cert::bundle_from_file(path, &data.0).map(Some),
            (None, Some(file)) => {
                let file = beside(path, file);
                self.files.read(&file)?.map(|bytes| Cert::bundle_from_file(&file, &bytes)).transpose()
            }
            (None, None) => Ok(None),
        }
    }

    /// The key of a kubeconfig's current user and its path; None without a key.
    pub fn client_key(&self, path: &Path, user: &User) -> Result<Option<(PathBuf, PrivateKey)>, PkiError> {
        let (file, bytes) = match (&user.client_key_data, &user.client_key) {
            (Some(data), _) => (path.to_path_buf(), data.0.expose().clone()),
            (None, Some(file)) => {
                let file = beside(path, file);
                let Some(bytes) = self.files.read(&file)? else { return Ok(None) };
                (file, bytes)
            }
            (None, None) => return Ok(None),
        };
        let bytes = Secret::new(bytes);
        let key = PrivateKey::from_file(&file, bytes.expose())?;
        Ok(Some((file, key)))
    }

    /// Every problem of a kubeconfig, apart from its server.
    fn verify_kubeconfig(&self, path: &Path, config: &Kubeconfig, ca: &LoadedCa) -> Result<Vec<Problem>, PkiError> {
        let incomplete = |what: &str| Problem::Incomplete { what: what.into() };
        let mut problems = Vec::new();
        match config.current_cluster() {
            None => problems.push(incomplete("cluster for its current context")),
            Some(cluster) => {
                let trusted = match (&cluster.certificate_authority_data, &cluster.certificate_authority) {
                    (Some(data), _) => Cert::bundle_from_file(path, &data.0)?,
                    (None, Some(file)) => {
                        let file = beside(path, file);
                        let bytes = self.files.read(&file)?.unwrap_or_default();
                        Cert::bundle_from_file(&file, &bytes)?
                    }
                    (None, None) => Vec::new(),
                };
                if !trusted.iter().any(|cert| ca.certs.contains(cert)) {
                    problems.push(Problem::OtherCaInside { ca: ca.path.clone() });
                }
            }
        }
        let Some(user) = config.current_user() else {
            problems.push(incomplete("user for its current context"));
            return Ok(problems);
        };
        let key = self.client_key(path, user)?;
        match self.client_certs(path, user)? {
            Some(chain) => {
                let wanted = Wanted {
                    ca: At { path: &ca.path, value: ca.certs.as_slice() },
                    sans: &Sans::default(),
                    usages: &[Usage::Client],
                    key: key.as_ref().map(|(path, value)| At { path: path.as_path(), value }),
                    now: self.now,
                };
                problems.extend(verify_leaf(&chain, &wanted));
                if key.is_none() {
                    problems.push(incomplete("client key"));
                }
            }
            None if user.client_certificate.is_some() => problems.push(incomplete("client certificate where it says")),
            None if key.is_some() => problems.push(incomplete("client certificate")),
            None if user.token.is_none() && user.more.is_empty() => problems.push(incomplete("credentials")),
            None => {}
        }
        Ok(problems)
    }
}

/// The address of the API server for a kubeconfig.
pub fn server_url(server: Server, cluster: &ClusterConfig, node: &NodeConfig, minor: &Minor) -> String {
    let endpoint = &node.local_endpoint;
    let local = match server {
        Server::Shared => false,
        Server::Local => true,
        Server::Kubelet => match minor.feature_gate(LOCAL_MODE) {
            Some(_) => minor.feature_enabled(LOCAL_MODE, cluster.feature_gates.get(LOCAL_MODE).copied()),
            None => minor.kubelet_local_api_server,
        },
    };
    if local {
        let host = HostPort { host: endpoint.advertise_address.to_string(), port: Some(endpoint.bind_port) };
        format!("https://{}", host.with_port(endpoint.bind_port))
    } else {
        format!("https://{}", cluster.endpoint(endpoint))
    }
}

/// Replaces the certificate and key of a kubeconfig's user, or their file names, with these.
pub fn put_client(user: &mut User, cert: &Cert, key: &PrivateKey) {
    let fresh = client_user(cert, key);
    user.client_certificate_data = fresh.client_certificate_data;
    user.client_key_data = fresh.client_key_data;
    (user.client_certificate, user.client_key) = (None, None);
}

/// A user with this client certificate.
pub fn client_user(cert: &Cert, key: &PrivateKey) -> User {
    User {
        client_certificate_data: Some(Base64(cert.pem().into_bytes())),
        client_key_data: Some(SecretBase64(Secret::new(key.pem().expose().clone().into_bytes()))),
        ..User::default()
    }
}

/// A path in a kubeconfig is relative to the directory of that kubeconfig.
fn beside(config: &Path, file: &str) -> PathBuf {
    config.parent().unwrap_or(Path::new("/")).join(file)
}

#[cfg(test)]
mod tests;
