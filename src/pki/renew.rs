//! Renews a certificate: the same name, usages and algorithm, but a new key and validity.

use super::catalog::{self, CertSpec, KubeconfigSpec, Usage};
use super::cert::{Cert, bundle_pem};
use super::error::PkiError;
use super::issue::{self, Authority, Template};
use super::keys::{KeySource, PrivateKey};
use super::kubeconfigs::{CA, put_client};
use super::replace::Pair;
use super::sans::Sans;
use super::store::{LoadedCa, PkiStore, SECRET_MODE};
use super::validity::{Validity, minor_of};
use crate::config::model::{ClusterConfig, NodeConfig};
use std::path::{Path, PathBuf};

/// The SANs of a renewed certificate.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Names {
    /// Those of the old certificate.
    Keep,
    /// Those of the old certificate and those of the configuration.
    AddFromConfig,
}

/// A certificate before and after its renewal.
#[derive(Debug)]
pub struct Renewal {
    /// The certificate or kubeconfig file.
    pub path: PathBuf,
    pub old: Cert,
    pub new: Cert,
}

impl PkiStore {
    /// Renews one certificate of the directory and writes it. An earlier replacement must have been completed.
    pub fn renew(
        &self,
        spec: &CertSpec,
        cluster: &ClusterConfig,
        node: &NodeConfig,
        keys: &dyn KeySource,
        names: Names,
    ) -> Result<Renewal, PkiError> {
        let path = self.cert_path(spec);
        let missing = || PkiError::Missing { path: path.clone(), phase: format!("certs {}", spec.name) };
        let ca_spec = catalog::cert(spec.ca.ok_or_else(|| PkiError::CaNotRenewed { name: spec.name.into() })?)?;
        let old = self.load_certs(spec)?.and_then(|chain| chain.into_iter().next()).ok_or_else(missing)?;
        self.pair(spec)?.ok_or_else(missing)?;
        let ca = self.require_ca(ca_spec, spec.name)?;
        let sans = sans_after(spec, &old, cluster, node, names)?;
        let (new, key) = self.reissue(&old, sans, &ca, &path, cluster, keys)?;
        let mut chain = vec![new.clone()];
        if spec.usages == [Usage::Server] {
            chain.extend(self.cross_signed_to(&ca.cert)?);
        }
        let after = Pair::new(bundle_pem(&chain).as_bytes(), key.pem().expose().as_bytes());
        self.replace_pair(spec, &after)?;
        Ok(Renewal { path, old, new })
    }

    /// Fails if the CA may not sign the renewed certificate of this row. What is missing is not reported here.
    pub fn require_renewal_permitted(
        &self,
        spec: &CertSpec,
        cluster: &ClusterConfig,
        node: &NodeConfig,
        names: Names,
    ) -> Result<(), PkiError> {
        let Some(ca_spec) = spec.ca else { return Ok(()) };
        let old = self.load_certs(spec)?.and_then(|chain| chain.into_iter().next());
        let (Some(old), Some(ca)) = (old, self.load_ca(catalog::cert(ca_spec)?)?) else { return Ok(()) };
        ca.require_permits(spec.name, &sans_after(spec, &old, cluster, node, names)?, &old.usages())
    }

    /// Renews the client certificate of a kubeconfig; the rest of the file is unchanged. A certificate that the
    /// kubeconfig only names is embedded.
    pub fn renew_kubeconfig(
        &self,
        spec: &KubeconfigSpec,
        directory: &Path,
        cluster: &ClusterConfig,
        keys: &dyn KeySource,
    ) -> Result<Renewal, PkiError> {
        let path = directory.join(spec.file);
        let missing = || PkiError::Missing { path: path.clone(), phase: format!("kubeconfig {}", spec.name) };
        let before = self.load_kubeconfig(&path)?.ok_or_else(missing)?;
        let user = before.current_user().ok_or_else(missing)?;
        let old = self.client_certs(&path, user)?.and_then(|chain| chain.into_iter().next()).ok_or_else(missing)?;
        let ca = self.require_ca(catalog::cert(CA)?, spec.file)?;
        let (new, key) = self.reissue(&old, old.sans.clone(), &ca, &path, cluster, keys)?;
        let mut after = before;
        if let Some(user) = after.current_user_mut() {
            put_client(user, &new, &key);
        }
        self.files.write(&path, &after.content()?, self.files.mode_or(&path, SECRET_MODE))?;
        Ok(Renewal { path, old, new })
    }

    fn reissue(
        &self,
        old: &Cert,
        sans: Sans,
        ca: &LoadedCa,
        path: &Path,
        cluster: &ClusterConfig,
        keys: &dyn KeySource,
    ) -> Result<(Cert, PrivateKey), PkiError> {
        let authority: Authority<'_> = ca
            .signer()
            .ok_or_else(|| PkiError::ExternalCa { ca: ca.path.clone(), missing: vec![path.to_path_buf()] })?;
        let minor = minor_of(cluster)?;
        let usages = old.usages();
        ca.require_permits(&path.display().to_string(), &sans, &usages)?;
        let template = Template {
            subject_der: old.subject_der.clone(),
            sans,
            usages,
            validity: Validity::of_leaf(cluster, minor, self.now, authority.cert),
            says_no_ca: minor.leaf_basic_constraints,
        };
        let key = keys.take(old.algorithm().unwrap_or(cluster.encryption_algorithm))?;
        let cert = issue::sign(&template, key.public_der(), authority, &self.random)?;
        Ok((cert, key))
    }
}

/// The SANs of a certificate after its renewal.
fn sans_after(
    spec: &CertSpec,
    old: &Cert,
    cluster: &ClusterConfig,
    node: &NodeConfig,
    names: Names,
) -> Result<Sans, PkiError> {
    let mut sans = old.sans.clone();
    if names == Names::AddFromConfig {
        let wanted = Sans::of(spec.sans, "", cluster, node, minor_of(cluster)?)?;
        sans.add_all(&wanted.dns);
        wanted.ips.into_iter().for_each(|ip| sans.add_ip(ip));
    }
    Ok(sans)
}

#[cfg(test)]
mod tests;
