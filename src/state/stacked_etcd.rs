//! The etcd that a cluster's control planes run themselves, as a client finds and enters it.
//!
//! Reads: the etcd Pods, where the API servers are, the certificates folder. Writes: nothing.

use crate::base::fault::{Failure, Result};
use crate::base::https::{Credentials, Trust};
use crate::base::secret::Secret;
use crate::context::Context;
use crate::etcd::{Access, Client};
use crate::kube::KubeError;
use crate::kube::cluster::Cluster;
use crate::kube::kind::{ENDPOINTS, ObjectRef, POD};
use crate::render::pods::{CLIENT_URLS, client_url};
use serde_json::Value;
use std::path::Path;

/// Where clients reach the members, as their Pods say.
///
/// # Errors
/// When the server cannot be reached or does not let us list them.
pub fn told_by_pods(cluster: &Cluster) -> Result<Vec<String>, KubeError> {
    Ok(client_urls(&cluster.list(&POD, Some("kube-system"), "component=etcd,tier=control-plane")?))
}

fn client_urls(pods: &[Value]) -> Vec<String> {
    let all = pods.iter().filter_map(|pod| pod["metadata"]["annotations"][CLIENT_URLS].as_str());
    all.flat_map(|urls| urls.split(',')).map(str::to_owned).collect()
}

/// Where clients reach a member beside each API server, as kubeadm and we put it there.
///
/// # Errors
/// When the server cannot be reached or does not let us read where the others are.
pub fn beside_api_servers(cluster: &Cluster) -> Result<Vec<String>, KubeError> {
    let servers = cluster.find(&ObjectRef::new(&ENDPOINTS, "default", "kubernetes"))?;
    Ok(beside(&servers.unwrap_or_default()))
}

/// The members beside the API servers that stand in their Service's Endpoints.
fn beside(servers: &Value) -> Vec<String> {
    let subsets = servers["subsets"].as_array().into_iter().flatten();
    let addresses = subsets.flat_map(|subset| subset["addresses"].as_array().into_iter().flatten());
    addresses.filter_map(|address| Some(client_url(address["ip"].as_str()?.parse().ok()?))).collect()
}

/// A client of the members at `endpoints`, with the first of the client certificates `names` that is on this host with
/// its key. `lacks` makes the error of what is not there, from its path and what it is.
///
/// # Errors
/// That one; when a file cannot be read or is not what its name says.
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
    let ca = cx.files.read(&ca_file)?.ok_or_else(|| lacks(&ca_file, "CA of etcd"))?;
    let mut missing = pki.join("etcd");
    for name in names {
        let [certificate_file, key_file] = ["crt", "key"].map(|kind| pki.join(format!("{name}.{kind}")));
        missing = match (cx.files.read(&certificate_file)?, cx.files.read(&key_file)?) {
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
    use crate::base::https::test_server::TestCa;
    use crate::context::leaving::fixture;
    use serde_json::json;

    #[test]
    fn every_address_that_a_pod_tells_counts() {
        let pod = |urls: &str| json!({"metadata": {"annotations": {CLIENT_URLS: urls}}});
        let pods = [pod("https://10.0.0.1:2379"), pod("https://10.0.0.2:2379,https://[fd00::2]:2379"), json!({})];
        assert_eq!(client_urls(&pods), ["https://10.0.0.1:2379", "https://10.0.0.2:2379", "https://[fd00::2]:2379"]);
    }

    /// The first control plane that joined a new cluster waited a minute for the kubelet there to show etcd's Pod.
    #[test]
    fn while_no_pod_tells_members_are_looked_for_beside_the_api_servers() {
        let address = |ip: &str| json!({"ip": ip});
        let servers = json!({"subsets": [{"addresses": [address("10.0.0.1"), address("10.0.0.2")]},
            {"addresses": [address("fd00::3")], "notReadyAddresses": [address("10.0.0.4")]}]});
        let found = ["https://10.0.0.1:2379", "https://10.0.0.2:2379", "https://[fd00::3]:2379"];
        assert_eq!(beside(&servers), found);
        assert!(beside(&Value::Null).is_empty());
    }

    #[test]
    fn what_lacks_is_told_and_any_certificate_with_its_key_serves() {
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
        let folder = "/etc/kubernetes/pki/etcd";
        assert_eq!(lacking(&["etcd/a"]), Some(format!("CA of etcd: {folder}/ca.crt")));
        std::fs::write(pki.join("ca.crt"), ca.pem()).unwrap();
        assert_eq!(lacking(&["etcd/a"]), Some(format!("client certificate for etcd: {folder}/a.crt")));
        std::fs::write(pki.join("a.crt"), &leaf.certificate).unwrap();
        assert_eq!(lacking(&["etcd/a"]), Some(format!("client certificate for etcd: {folder}/a.key")));
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
