//! The command with which another host joins: the endpoint and the CA certificate hashes of the cluster.
//!
//! Reads: `cluster-info` in the cluster, and the kubeconfig of this run. Writes: nothing.

use crate::base::fault::Result;
use crate::base::pin::Pin;
use crate::config::kubeconfig::Kubeconfig;
use crate::context::Context;
use crate::context::access::AccessError;
use crate::kube::cluster::Cluster;
use crate::kube::kind::{CONFIG_MAP, ObjectRef};
use crate::pki::cert::Cert;
use crate::pki::pin;
use std::path::Path;

/// The endpoint of a cluster and its CA certificate hashes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ClusterEndpoint {
    /// `HOST:PORT`.
    pub endpoint: String,
    /// The pins of its CA, without duplicates.
    pub pins: Vec<Pin>,
}

impl ClusterEndpoint {
    /// The join command for a worker.
    pub fn worker(&self, token: &str) -> String {
        let pins: Vec<String> = self.pins.iter().map(|pin| format!("--discovery-token-ca-cert-hash {pin}")).collect();
        format!("kubewright join {} --token {token} {}", self.endpoint, pins.join(" "))
    }

    /// The join command for a control plane; `key` decrypts the uploaded certificates.
    pub fn control_plane(&self, token: &str, key: &str) -> String {
        format!("{} --control-plane --certificate-key {key}", self.worker(token))
    }

    /// The arguments with which a new machine joins as a worker by a file with the token. No person sees what preflight
    /// finds there, so it is fixed.
    pub fn new_worker(&self, token_file: &str) -> Vec<String> {
        let words = ["kubewright", "join", &self.endpoint, "--fix", "--token-file", token_file];
        let pins = self.pins.iter().flat_map(|pin| ["--discovery-token-ca-cert-hash".to_owned(), pin.to_string()]);
        words.into_iter().map(str::to_owned).chain(pins).collect()
    }

    /// Of the current cluster of a kubeconfig; `path` is for errors.
    pub fn of_kubeconfig(path: &Path, bytes: &[u8]) -> Result<Self> {
        let kubeconfig = Kubeconfig::parse(path, bytes)?;
        let lacks = |what| AccessError::Incomplete { path: path.into(), what };
        // cluster-info has a cluster but neither user nor context.
        let cluster = kubeconfig
            .current_cluster()
            .or_else(|| kubeconfig.clusters.first().map(|named| &named.cluster))
            .ok_or_else(|| lacks("cluster"))?;
        let ca = cluster.certificate_authority_data.as_ref().ok_or_else(|| lacks("CA certificate"))?;
        let pins = pin::of_all(&Cert::bundle_from_file(path, &ca.0)?);
        let endpoint = cluster.server.strip_prefix("https://").ok_or_else(|| lacks("server"))?;
        let endpoint = endpoint.split('/').next().unwrap_or_default();
        Ok(Self { endpoint: endpoint.to_owned(), pins })
    }
}

/// From the cluster; `kubeconfig` is used if `cluster-info` does not exist.
pub fn find(cx: &Context, cluster: &Cluster, kubeconfig: &Path) -> Result<ClusterEndpoint> {
    let info = cluster.find(&ObjectRef::new(&CONFIG_MAP, "kube-public", "cluster-info"))?;
    if let Some(text) = info.as_ref().and_then(|info| info["data"]["kubeconfig"].as_str()) {
        return ClusterEndpoint::of_kubeconfig(Path::new("kube-public/cluster-info"), text.as_bytes());
    }
    let bytes = cx.host.files.read(kubeconfig)?.ok_or_else(|| AccessError::absent(cx, kubeconfig))?;
    ClusterEndpoint::of_kubeconfig(kubeconfig, &bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_command_contains_every_pin_of_a_ca_that_is_being_rotated() {
        let pin = |digit: &str| format!("sha256:{}", digit.repeat(64)).parse::<Pin>().unwrap();
        let endpoint = ClusterEndpoint { endpoint: "[fd00::1]:6443".into(), pins: vec![pin("a"), pin("b")] };
        let hash = |digit: &str| format!("--discovery-token-ca-cert-hash sha256:{}", digit.repeat(64));
        let worker =
            format!("kubewright join [fd00::1]:6443 --token abcdef.0123456789abcdef {} {}", hash("a"), hash("b"));
        assert_eq!(endpoint.worker("abcdef.0123456789abcdef"), worker);
        assert_eq!(
            endpoint.control_plane("abcdef.0123456789abcdef", "00ff"),
            format!("{worker} --control-plane --certificate-key 00ff")
        );
    }

    #[test]
    fn a_kubeconfig_without_ca_is_refused_by_name() {
        let text = b"kind: Config\nclusters: [{name: '', cluster: {server: 'https://h:1'}}]";
        let error = ClusterEndpoint::of_kubeconfig(Path::new("a.conf"), text).unwrap_err();
        assert_eq!(error.to_string(), "a.conf has no usable CA certificate");
    }
}
