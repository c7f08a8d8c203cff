//! The configuration of a cluster whose certificates are to be renewed, even if they have already expired.
//!
//! Reads: a configuration file, or the ConfigMap `kubeadm-config`, or the static Pods' manifests and the kubelet's
//! kubeconfig. Writes: nothing.

use crate::base::fault::{Fault, Result};
use crate::base::files::HostFiles;
use crate::config::model::{ClusterConfig, NodeConfig};
use crate::config::{Facts, documents, print};
use crate::context::Context;
use crate::context::access::AccessError;
use crate::domain::paths::manifest;
use crate::host::facts;
use crate::pki::PkiStore;
use crate::state::own_api;
use crate::state::static_pod::StaticPod;
use crate::state::stored_config;
use crate::versions::{self, Version};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

/// The cluster and node configuration, and its source.
pub struct CurrentConfig {
    /// The cluster.
    pub cluster: ClusterConfig,
    /// This host as a node of it.
    pub node: NodeConfig,
    /// The source, as text for the user.
    pub source: Source,
}

/// The source of a configuration.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Source {
    /// A file that the user specified.
    File,
    /// The running cluster.
    Cluster,
    /// The files of this host, because the cluster does not respond.
    Host,
}

/// Finds the configuration. An unreachable cluster, for example after its certificates have expired, is not an error:
/// renewal needs little more than the certificates themselves.
pub fn find(
    cx: &mut Context,
    given: Option<(String, Vec<u8>)>,
    kubeconfig: &Path,
    cert_dir: Option<&PathBuf>,
) -> Result<CurrentConfig> {
    let from_host = from_host(cx)?;
    let (mut cluster, source) = match given {
        Some((name, bytes)) => {
            let facts = Facts::placeholder(cx.random.clone());
            (documents::parse(&name, &bytes)?.cluster(&facts)?.config, Source::File)
        }
        None => match stored(cx, kubeconfig, &from_host.1) {
            Some(cluster) => (cluster, Source::Cluster),
            None => (from_host.0, Source::Host),
        },
    };
    if let Some(dir) = cert_dir {
        cluster.certificates_dir.clone_from(dir);
    }
    Ok(CurrentConfig { cluster, node: from_host.1, source })
}

/// The configuration stored in the cluster. If it cannot be read, the reason is reported and the files of this host
/// are used.
fn stored(cx: &mut Context, kubeconfig: &Path, node: &NodeConfig) -> Option<ClusterConfig> {
    if !cx.host.files.is_live() {
        return None;
    }
    if !cx.host.files.exists(kubeconfig) {
        if cx.host.files.exists(&manifest("kube-apiserver")) {
            let absent = AccessError::absent(cx, kubeconfig);
            cx.events.warning(format!("{absent}, so the cluster is not asked; {}", absent.hint().unwrap_or_default()));
        }
        return None;
    }
    own_api::use_if_needed(cx, kubeconfig, &node.local_endpoint);
    let stored = cx.running_cluster(kubeconfig).and_then(|cluster| stored_config::read(cx, &cluster));
    match stored {
        Ok(None) => cx.events.warning("the ConfigMap kube-system/kubeadm-config does not exist in the cluster"),
        Err(failure) => {
            let causes: Vec<String> = std::iter::once(failure.to_string()).chain(failure.causes()).collect();
            cx.events.warning(format!("the cluster's configuration cannot be read: {}", causes.join(": ")));
        }
        Ok(found) => return found,
    }
    None
}

/// Flags of the API server for files in the certificates directory, and the default names of these files. A
/// certificate stands for its key too: users replace both together.
const OWN_FILES: [(&str, &str); 6] = [
    ("tls-cert-file", "apiserver.crt"),
    ("client-ca-file", "ca.crt"),
    ("kubelet-client-certificate", "apiserver-kubelet-client.crt"),
    ("proxy-client-cert-file", "front-proxy-client.crt"),
    ("requestheader-client-ca-file", "front-proxy-ca.crt"),
    ("service-account-key-file", "sa.pub"),
];

/// The certificates directory on the host, from the API server's manifest: the one in most of its flags, at least two,
/// because the user may have replaced single files.
pub fn certificates_dir(files: &HostFiles) -> Result<Option<PathBuf>> {
    Ok(directory_of(&StaticPod::read(files, "kube-apiserver")?.unwrap_or_default()))
}

fn directory_of(api_server: &StaticPod) -> Option<PathBuf> {
    let mut votes: BTreeMap<PathBuf, usize> = BTreeMap::new();
    for (flag, name) in OWN_FILES {
        let path = api_server.flag(flag).map(|path| api_server.on_host_or_same(Path::new(path)));
        let path = path.filter(|path| path.ends_with(name) && path.is_absolute());
        if let Some(directory) = path.as_deref().and_then(Path::parent) {
            *votes.entry(directory.to_path_buf()).or_default() += 1;
        }
    }
    let most = votes.into_iter().max_by_key(|(_, votes)| *votes);
    most.filter(|(_, votes)| *votes > 1).map(|(directory, _)| directory)
}

/// The cluster and node configuration, from this host's files.
pub fn from_host(cx: &Context) -> Result<(ClusterConfig, NodeConfig)> {
    of(cx, &StaticPod::read(&cx.host.files, "kube-apiserver")?.unwrap_or_default())
}

/// The same, but a manifest that cannot be parsed says nothing, because the caller reports it.
pub fn from_readable(cx: &Context) -> Result<(ClusterConfig, NodeConfig)> {
    of(cx, &StaticPod::read_or_empty(&cx.host.files, "kube-apiserver")?.unwrap_or_default())
}

fn of(cx: &Context, api_server: &StaticPod) -> Result<(ClusterConfig, NodeConfig)> {
    let tagged = api_server.tag().and_then(|tag| tag.parse::<Version>().ok());
    let version = tagged
        .or_else(|| facts::kubelet_version(&cx.host).ok())
        .filter(|version| versions::facts(version.minor).is_some())
        .unwrap_or_else(|| Version::new(versions::newest(), 0));
    let minor = versions::facts_of(&version)?;
    let name = match kubelet_name(cx) {
        Some(name) => name,
        None => facts::hostname(&cx.host)?,
    };
    let mut node = print::default_node(minor, &name);
    // The runtime socket comes from the kubelet's configuration.
    node.cri_socket = None;
    if let Some(address) = api_server.flag("advertise-address").and_then(|text| text.parse().ok()) {
        node.local_endpoint.advertise_address = address;
    }
    if let Some(port) = api_server.flag("secure-port").and_then(|text| text.parse().ok()) {
        node.local_endpoint.bind_port = port;
    }
    let mut cluster = print::default_cluster(version, minor);
    if let Some(directory) = directory_of(api_server) {
        cluster.certificates_dir = directory;
    }
    Ok((cluster, node))
}

/// The name of the node, from the kubelet's certificate.
pub fn kubelet_name(cx: &Context) -> Option<String> {
    let path = Path::new("/etc/kubernetes/kubelet.conf");
    let store = PkiStore::new(cx.host.files.clone(), "/etc/kubernetes/pki", &cx.host.clock, &cx.random);
    let config = store.load_kubeconfig(path).ok().flatten()?;
    let user = config.current_user()?;
    let chain = store.client_certs(path, user).ok().flatten().unwrap_or_default();
    let name = chain.first().and_then(|cert| cert.subject.common_name.strip_prefix("system:node:"));
    name.map(str::to_owned)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_certificates_directory_is_the_one_that_several_flags_agree_on() {
        let found = |flags: &[&str]| {
            let root = tempfile::tempdir().unwrap();
            let manifests = root.path().join("etc/kubernetes/manifests");
            std::fs::create_dir_all(&manifests).unwrap();
            let pod = format!("spec: {{containers: [{{command: [kube-apiserver, {}]}}]}}", flags.join(", "));
            std::fs::write(manifests.join("kube-apiserver.yaml"), pod).unwrap();
            let cx = Context::for_tests(root.path().to_str().unwrap());
            from_host(&cx).unwrap().0.certificates_dir
        };
        let (cert, key) = ("--tls-cert-file=/srv/pki/apiserver.crt", "--service-account-key-file=/srv/pki/sa.pub");
        assert_eq!(found(&[cert, key, "--client-ca-file=/other/ca.crt"]), Path::new("/srv/pki"));
        assert_eq!(found(&["--client-ca-file=/other/ca.crt"]), Path::new("/etc/kubernetes/pki"));
        assert_eq!(
            found(&["--tls-cert-file=/a/mine.crt", "--tls-private-key-file=/a/mine.key"]),
            Path::new("/etc/kubernetes/pki")
        );
    }
}
