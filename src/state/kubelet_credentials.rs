//! The state of the kubelet's credentials on this host during a join.
//!
//! Reads: `/etc/kubernetes/kubelet.conf`, and the certificate and key that it refers to. Writes: nothing. The kubelet
//! writes that file before it has a certificate, so its existence alone is not sufficient.

use crate::base::fault::Result;
use crate::base::https;
use crate::config::kubeconfig::Kubeconfig;
use crate::context::Context;
use crate::context::access::{ca_certificates, credentials};
use crate::domain::paths::KUBELET_CONF;
use crate::pki::cert::Cert;
use crate::pki::keys::PrivateKey;
use crate::pki::verify::leads_to;
use std::path::Path;

/// The state of the kubelet's credentials for the cluster that this host joins.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Credentials {
    /// `kubelet.conf` does not exist.
    Absent,
    /// `kubelet.conf` refers to another cluster, or is unusable.
    Foreign,
    /// The certificate or its key is missing or unusable: the kubelet still has to get one.
    Incomplete,
    /// The certificate is signed by a CA of another cluster.
    OtherCa,
    /// The certificate is signed by this cluster, for the node of this name.
    OtherNode(String),
    /// The certificate is for this node, but has expired.
    Expired,
    /// This host is that node of this cluster.
    Ours,
}

impl Credentials {
    /// The state as text for the user.
    pub fn shown(&self) -> String {
        match self {
            Self::Absent => "it does not exist yet".into(),
            Self::Foreign => "it belongs to another cluster".into(),
            Self::Incomplete => "its certificate or key is missing".into(),
            Self::OtherCa => "its certificate is signed by the CA of another cluster".into(),
            Self::OtherNode(name) => format!("its certificate is for the node {name}"),
            Self::Expired => "its certificate has expired".into(),
            Self::Ours => "it is valid".into(),
        }
    }
}

/// Checks `kubelet.conf` against the CA certificates (PEM) of the discovered cluster.
pub fn of_kubelet(cx: &Context, ca_pem: &[u8]) -> Result<Credentials> {
    let path = Path::new(KUBELET_CONF);
    let Some(bytes) = cx.host.files.read(path)? else { return Ok(Credentials::Absent) };
    let Some(kubeconfig) = of_this_cluster(cx, path, &bytes, ca_pem)? else { return Ok(Credentials::Foreign) };
    let own = kubeconfig.current_user().map(|user| credentials(cx, path, user)).transpose()?.flatten();
    match own {
        Some(https::Credentials::Certificate { certificate, key }) => check(cx, &certificate, key.expose(), ca_pem),
        _ => Ok(Credentials::Incomplete),
    }
}

/// Checks a file in which the kubelet stores certificate and key together; None if the file does not exist.
pub fn of_pair(cx: &Context, path: &Path, ca_pem: &[u8]) -> Result<Option<Credentials>> {
    let pair = cx.host.files.read(path)?;
    pair.map(|pair| check(cx, &pair, &pair, ca_pem)).transpose()
}

/// A kubeconfig if it trusts a CA of this cluster; otherwise None.
pub fn of_this_cluster(cx: &Context, path: &Path, bytes: &[u8], ca_pem: &[u8]) -> Result<Option<Kubeconfig>> {
    let Ok(kubeconfig) = Kubeconfig::parse(path, bytes) else { return Ok(None) };
    let Some(cluster) = kubeconfig.current_cluster() else { return Ok(None) };
    let there = ca_certificates(cx, path, cluster)?.unwrap_or_default();
    let proved = Cert::bundle_from_file(path, ca_pem)?;
    let is_same = Cert::bundle_from_pem(&there).is_ok_and(|there| there.iter().any(|cert| proved.contains(cert)));
    Ok(is_same.then_some(kubeconfig))
}

fn check(cx: &Context, certificate: &[u8], key: &[u8], ca_pem: &[u8]) -> Result<Credentials> {
    let anchors = Cert::bundle_from_file(Path::new(KUBELET_CONF), ca_pem)?;
    let chain = Cert::bundle_from_pem(certificate).unwrap_or_default();
    let key = PrivateKey::from_pem(key);
    let (Some(own), Ok(key)) = (chain.first(), key) else { return Ok(Credentials::Incomplete) };
    let user = &own.subject.common_name;
    Ok(if !own.has_key(key.public_der()) {
        Credentials::Incomplete
    } else if !leads_to(&chain, &anchors) {
        Credentials::OtherCa
    } else if *user != format!("system:node:{}", cx.node()?.name) {
        Credentials::OtherNode(user.trim_start_matches("system:node:").into())
    } else if own.not_after <= cx.host.clock.now() {
        Credentials::Expired
    } else {
        Credentials::Ours
    })
}

#[cfg(test)]
mod tests;
