//! Clients for the stacked etcd of a cluster.
//!
//! Reads: the etcd Pods, the addresses of the API servers, the certificates directory. Writes: nothing.

use crate::base::fault::{Failure, Result};
use crate::base::https::{Credentials, Trust};
use crate::base::secret::Secret;
use crate::context::Context;
use crate::etcd::{Access, Client};
use crate::kube::cluster::Cluster;
use crate::kube::kind::POD;
use crate::kube::{KubeError, api_servers};
use crate::render::pods::{CLIENT_URLS, client_url};
use serde_json::Value;
use std::path::Path;

/// The client URLs of the members, from their Pods.
pub fn urls_from_pods(cluster: &Cluster) -> Result<Vec<String>, KubeError> {
    Ok(client_urls(&cluster.list(&POD, Some("kube-system"), "component=etcd,tier=control-plane")?))
}

fn client_urls(pods: &[Value]) -> Vec<String> {
    let all = pods.iter().filter_map(|pod| pod["metadata"]["annotations"][CLIENT_URLS].as_str());
    all.flat_map(|urls| urls.split(',')).map(str::to_owned).collect()
}

/// The client URLs of a member next to each API server, as kubeadm and kubewright configure them.
pub fn urls_next_to_api_servers(cluster: &Cluster) -> Result<Vec<String>, KubeError> {
    Ok(api_servers::addresses(cluster)?.iter().map(|server| client_url(server.ip())).collect())
}

/// A client for `endpoints`, with the first of the client certificates `names` that exists on this host with its key.
/// `lacks` creates the error for a missing file, from its path and description.
pub fn client(
    cx: &Context,
    endpoints: Vec<String>,
    names: &[&str],
    lacks: impl Fn(&Path, &str) -> Failure,
) -> Result<Client> {
    client_with(cx, &cx.cluster()?.certificates_dir, endpoints, names, lacks)
}

/// The same with the certificates of another directory.
pub fn client_with(
    cx: &Context,
    pki: &Path,
    endpoints: Vec<String>,
    names: &[&str],
    lacks: impl Fn(&Path, &str) -> Failure,
) -> Result<Client> {
    let ca_file = pki.join("etcd/ca.crt");
    let ca = cx.host.files.read(&ca_file)?.ok_or_else(|| lacks(&ca_file, "CA of etcd"))?;
    let mut missing = pki.join("etcd");
    for name in names {
        let [certificate_file, key_file] = ["crt", "key"].map(|kind| pki.join(format!("{name}.{kind}")));
        missing = match (cx.host.files.read(&certificate_file)?, cx.host.files.read(&key_file)?) {
            (Some(certificate), Some(key)) => {
                let credentials = Credentials::Certificate { certificate, key: Secret::new(key) };
                return Ok(Client::new(Access { endpoints, trust: Trust::Only(ca), credentials })?);
            }
            (None, _) => certificate_file,
            (Some(_), None) => key_file,
        };
    }
    Err(lacks(&missing, "client certificate for etcd"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::exit_code::ExitCode;
    use crate::base::fault::Fault;
    use crate::base::gate::Gate;
    use crate::base::https::test_server::TestCa;
    use crate::context::leaving::fixture;
    use crate::kube::test_api::TestApi;
    use serde_json::json;

    #[test]
    fn every_address_of_every_pod_is_used() {
        let pod = |urls: &str| json!({"metadata": {"annotations": {CLIENT_URLS: urls}}});
        let pods = [pod("https://10.0.0.1:2379"), pod("https://10.0.0.2:2379,https://[fd00::2]:2379"), json!({})];
        assert_eq!(client_urls(&pods), ["https://10.0.0.1:2379", "https://10.0.0.2:2379", "https://[fd00::2]:2379"]);
    }

    /// The first control plane that joined a new cluster waited a minute until the kubelet there had created etcd's
    /// mirror Pod.
    #[test]
    fn without_etcd_pods_members_are_expected_next_to_the_api_servers() {
        let address = |ip: &str| json!({"ip": ip});
        let servers = json!({"subsets": [{"addresses": [address("10.0.0.1")]}, {"addresses": [address("fd00::3")],
            "notReadyAddresses": [address("10.0.0.4")]}]});
        let api = TestApi::default();
        api.put("/api/v1/namespaces/default/endpoints/kubernetes", servers);
        let found = urls_next_to_api_servers(&api.cluster(&Gate::open())).unwrap();
        assert_eq!(found, ["https://10.0.0.1:2379", "https://[fd00::3]:2379"]);
    }

    #[test]
    fn the_missing_file_is_reported_and_any_certificate_with_its_key_is_used() {
        let root = tempfile::tempdir().unwrap();
        let cx = fixture(root.path());
        let pki = root.path().join("etc/kubernetes/pki/etcd");
        std::fs::create_dir_all(&pki).unwrap();
        let ca = TestCa::new("etcd-ca");
        let leaf = ca.local_leaf();
        let lacking = |names: &[&str]| {
            let lacks = |path: &Path, what: &str| Lacks(format!("{what}: {}", path.display())).into();
            client(&cx, vec!["https://10.0.0.1:2379".into()], names, lacks).err().map(|failure| failure.to_string())
        };
        let directory = "/etc/kubernetes/pki/etcd";
        assert_eq!(lacking(&["etcd/a"]), Some(format!("CA of etcd: {directory}/ca.crt")));
        std::fs::write(pki.join("ca.crt"), ca.pem()).unwrap();
        assert_eq!(lacking(&["etcd/a"]), Some(format!("client certificate for etcd: {directory}/a.crt")));
        std::fs::write(pki.join("a.crt"), &leaf.certificate).unwrap();
        assert_eq!(lacking(&["etcd/a"]), Some(format!("client certificate for etcd: {directory}/a.key")));
        std::fs::write(pki.join("b.crt"), &leaf.certificate).unwrap();
        std::fs::write(pki.join("b.key"), &leaf.key).unwrap();
        assert_eq!(lacking(&["etcd/a", "etcd/b"]), None);
    }

    #[derive(Debug, thiserror::Error)]
    #[error("{0}")]
    struct Lacks(String);

    impl Fault for Lacks {
        fn exit_code(&self) -> ExitCode {
            ExitCode::Input
        }
    }
}
