//! What is known of a cluster whose certificates are to be renewed, which may have ended already.
//!
//! Reads: a configuration file, or ConfigMap `kubeadm-config`, or the static Pods' manifests and the kubelet's
//! kubeconfig. Writes: nothing.

use crate::actions::cluster::stored_config;
use crate::actions::static_pod::StaticPod;
use crate::base::fault::Result;
use crate::config::model::{ClusterConfig, NodeConfig};
use crate::config::{Facts, documents, print};
use crate::context::Context;
use crate::host::facts;
use crate::pki::PkiStore;
use crate::versions::{self, Version};
use std::path::{Path, PathBuf};

/// The cluster and the node, and where that is from.
pub struct Known {
    /// The cluster.
    pub cluster: ClusterConfig,
    /// This host as a node of it.
    pub node: NodeConfig,
    /// What tells so: for people.
    pub source: Source,
}

/// Where a configuration is from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Source {
    /// A file that was given.
    File,
    /// The running cluster.
    Cluster,
    /// What lies on this host, because the cluster does not answer.
    Host,
}

/// Finds out what can be known. A cluster that does not answer, as after its certificates have ended, is no error:
/// renewing needs little more than the certificates themselves.
///
/// # Errors
/// When a given file is wrong, or files of this host cannot be read.
pub fn find(
    cx: &mut Context,
    given: Option<(String, Vec<u8>)>,
    kubeconfig: &Path,
    cert_dir: Option<&PathBuf>,
) -> Result<Known> {
    let from_host = from_host(cx)?;
    let (mut cluster, source) = match given {
        Some((name, bytes)) => {
            let facts = Facts::placeholder(cx.random.clone());
            (documents::parse(&name, &bytes)?.cluster(&facts)?.config, Source::File)
        }
        None => match ask(cx, kubeconfig) {
            Some(cluster) => (cluster, Source::Cluster),
            None => (from_host.0, Source::Host),
        },
    };
    if let Some(dir) = cert_dir {
        cluster.certificates_dir.clone_from(dir);
    }
    Ok(Known { cluster, node: from_host.1, source })
}

fn ask(cx: &mut Context, kubeconfig: &Path) -> Option<ClusterConfig> {
    if !cx.files.is_live() {
        return None;
    }
    let cluster = cx.running_cluster(kubeconfig).ok()?;
    stored_config::read(cx, &cluster).ok().flatten()
}

/// The cluster and the node as far as this host's files tell.
///
/// # Errors
/// When they cannot be read.
pub fn from_host(cx: &Context) -> Result<(ClusterConfig, NodeConfig)> {
    let api_server = StaticPod::read(&cx.files, "kube-apiserver")?.unwrap_or_default();
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
    // The runtime is looked for where the kubelet says it is.
    node.cri_socket = None;
    if let Some(address) = api_server.flag("advertise-address").and_then(|text| text.parse().ok()) {
        node.local_endpoint.advertise_address = address;
    }
    if let Some(port) = api_server.flag("secure-port").and_then(|text| text.parse().ok()) {
        node.local_endpoint.bind_port = port;
    }
    Ok((print::default_cluster(version, minor), node))
}

/// The node's name, as the kubelet's certificate has it.
fn kubelet_name(cx: &Context) -> Option<String> {
    let path = Path::new("/etc/kubernetes/kubelet.conf");
    let store = PkiStore::new(cx.files.clone(), "/etc/kubernetes/pki", &cx.clock, &cx.random);
    let config = store.load_kubeconfig(path).ok().flatten()?;
    let user = config.current_user()?;
    let chain = store.client_certs(path, user).ok().flatten().unwrap_or_default();
    let name = chain.first().and_then(|cert| cert.subject.common_name.strip_prefix("system:node:"));
    name.map(str::to_owned)
}
