//! The inputs of the checks, and their shared results.

use super::containerd::{Installation, Settings};
use super::existing_cluster::ExistingCluster;
use super::finding::{Finding, Role};
use super::holding::Holding;
use crate::base::fault::Result;
use crate::base::files::HostFiles;
use crate::config::model::Etcd;
use crate::config::model::{ClusterConfig, NodeConfig};
use crate::config::pod_network::PodNetwork;
use crate::host::cri::Pod;
use crate::host::cri::{self, Cri, CriError, Status};
use crate::host::listeners::{self, Listener};
use crate::host::pod_processes;
use crate::host::{Host, HostError, facts};
use crate::journal::{Journal, Ownership};
use crate::versions::{Version, table};
use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::sync::OnceLock;

/// The inputs of the checks.
pub struct Inputs<'a> {
    /// The host.
    pub host: &'a Host,
    /// The effective user.
    pub uid: u32,
    /// The environment variables, including those for proxies.
    pub vars: &'a BTreeMap<String, String>,
    /// The role that the host will have.
    pub role: Role,
    /// The node configuration of the host.
    pub node: &'a NodeConfig,
    /// The cluster; None before a joining host has discovered it.
    pub cluster: Option<&'a ClusterConfig>,
    /// The API server that a joining host contacts first.
    pub api_host: Option<&'a str>,
    /// Where a joining worker writes the CA certificate.
    pub ca_cert_path: Option<&'a Path>,
    /// The certificates are downloaded from the cluster, so they need not exist yet.
    pub certs_downloaded: bool,
    /// The images the host will run.
    pub images: &'a [String],
    /// The sandbox image to use.
    pub pause_image: Option<&'a str>,
    /// Files of earlier runs.
    pub rerun: &'a Rerun,
    /// The cluster state on this host.
    pub holding: &'a Holding,
    /// The data of another cluster in an external etcd are reused.
    pub adopt_etcd_data: bool,
    /// The control plane that already runs on this host; None unless it is to become a first one.
    pub standing: Option<&'a ExistingCluster>,
    /// The pod network that this run installs.
    pub pod_network: Option<&'a PodNetwork>,
}

impl Inputs<'_> {
    /// The minor version to use: the cluster's, otherwise the installed kubelet's, otherwise the newest.
    pub fn minor(&self) -> u16 {
        self.cluster.map_or_else(
            || facts::kubelet_version(self.host).map_or_else(|_| table::newest(), |version| version.minor),
            |cluster| cluster.version.minor,
        )
    }

    /// True if the host becomes a control plane.
    pub fn is_control_plane(&self) -> bool {
        self.role != Role::Worker
    }
}

/// Valid files of earlier runs on this host, which must not stop the next run.
#[derive(Clone, Debug, Default)]
pub struct Rerun {
    /// The files of kubewright.
    pub journal: Journal,
    /// Files of others (kubeadm, an image builder) that are identical to those of this run.
    pub adopted: BTreeSet<PathBuf>,
}

impl Rerun {
    /// The owner of a file; an adopted one counts as ours.
    pub fn ownership(&self, files: &HostFiles, path: &Path) -> Result<Ownership> {
        if self.adopted.contains(path) {
            return Ok(Ownership::Ours);
        }
        self.journal.ownership(files, path)
    }

    /// True if the file exists and is ours, unchanged.
    pub fn is_ours(&self, files: &HostFiles, path: &Path) -> bool {
        files.exists(path) && matches!(self.ownership(files, path), Ok(Ownership::Ours))
    }
}

/// The inputs, and values that several checks need and that are determined once.
pub struct Scene<'a> {
    /// The inputs.
    pub inputs: &'a Inputs<'a>,
    /// The minor version to use.
    pub minor: u16,
    cri: OnceLock<Result<Cri, CriError>>,
    status: OnceLock<Result<Status, CriError>>,
    kubelet: OnceLock<Result<Version, HostError>>,
    listeners: OnceLock<Result<Vec<Listener>, HostError>>,
    runs_pods: OnceLock<bool>,
    containerd: OnceLock<Option<Result<Settings>>>,
}

impl<'a> Scene<'a> {
    /// Without any values determined yet.
    pub fn new(inputs: &'a Inputs<'a>) -> Self {
        Self {
            inputs,
            minor: inputs.minor(),
            cri: OnceLock::new(),
            status: OnceLock::new(),
            kubelet: OnceLock::new(),
            listeners: OnceLock::new(),
            runs_pods: OnceLock::new(),
            containerd: OnceLock::new(),
        }
    }

    /// The host.
    pub fn host(&self) -> &'a Host {
        self.inputs.host
    }

    /// The host's files.
    pub fn files(&self) -> &'a HostFiles {
        &self.inputs.host.files
    }

    /// The container runtime.
    pub fn cri(&self) -> Result<&Cri, &CriError> {
        let find = || {
            let chosen = self.inputs.node.cri_socket.as_deref().filter(|socket| !socket.is_empty());
            if let Some(chosen) = chosen {
                cri::Endpoint::parse(chosen)?.require_usable(self.kubelet_minor())?;
            }
            cri::find(self.host(), chosen)
        };
        self.cri.get_or_init(find).as_ref()
    }

    /// The runtime's status; None without a runtime, which another check reports.
    pub fn status(&self) -> Option<Result<&Status, &CriError>> {
        let cri = self.cri().ok()?;
        Some(self.status.get_or_init(|| cri.status()).as_ref())
    }

    /// The installed kubelet's version.
    pub fn kubelet(&self) -> Result<&Version, &HostError> {
        self.kubelet.get_or_init(|| facts::kubelet_version(self.host())).as_ref()
    }

    /// The minor version of the installed kubelet, which may be older than the cluster; otherwise the one to use.
    pub fn kubelet_minor(&self) -> u16 {
        self.kubelet().map_or(self.minor, |kubelet| kubelet.minor)
    }

    /// The effective settings of containerd, if it is the runtime; None otherwise, or without its program.
    pub(super) fn containerd(&self) -> Option<&Result<Settings>> {
        let read = || {
            let installation = Installation::find(self.host())?;
            Some(Settings::now(self.host(), &installation))
        };
        let is_runtime = self.cri().is_ok_and(|cri| cri.endpoint().is_containerd());
        self.containerd.get_or_init(|| is_runtime.then(read).flatten()).as_ref()
    }

    /// True if Pods already run on this host.
    pub fn runs_pods(&self) -> bool {
        *self.runs_pods.get_or_init(|| runs_pods(self))
    }

    /// The listeners on the ports that the host will need.
    pub fn listeners(&self) -> Result<&[Listener], &HostError> {
        let ports = ports(self.inputs).into_iter().map(|(port, _)| port).collect();
        self.listeners.get_or_init(|| listeners::on(self.host(), &ports)).as_deref()
    }
}

/// The ports of the components and of etcd, and the kubelet's.
const SCHEDULER: u16 = 10259;
const CONTROLLER_MANAGER: u16 = 10257;
const ETCD_CLIENT: u16 = 2379;
const ETCD_PEER: u16 = 2380;
pub(super) const KUBELET: u16 = 10250;

/// The ports that the host needs, and the programs that will listen there.
pub(super) fn ports(inputs: &Inputs<'_>) -> Vec<(u16, &'static str)> {
    let mut ports = Vec::new();
    if inputs.is_control_plane() {
        ports.push((inputs.node.local_endpoint.bind_port, "kube-apiserver"));
        ports.push((SCHEDULER, "kube-scheduler"));
        ports.push((CONTROLLER_MANAGER, "kube-controller-manager"));
    }
    ports.push((KUBELET, "kubelet"));
    if let (true, Some(Etcd::Local(_))) = (inputs.is_control_plane(), inputs.cluster.map(|c| &c.etcd)) {
        ports.push((ETCD_CLIENT, "etcd"));
        ports.push((ETCD_PEER, "etcd"));
    }
    ports
}

/// True if Pods run here, or if that cannot be determined.
fn runs_pods(scene: &Scene<'_>) -> bool {
    let has_ready = |pods: &[Pod]| pods.iter().any(|pod| pod.ready);
    pod_processes::exist(scene.host()).unwrap_or(true)
        || scene.cri().is_ok_and(|cri| cri.pods().is_ok_and(|pods| has_ready(&pods)))
}

/// A check: its name and its function.
pub(super) struct Check<'a> {
    /// kubeadm's name for it, if kubeadm has it.
    pub id: String,
    /// True if it needs only files, as in a root directory.
    pub offline: bool,
    /// The function.
    pub run: Judge<'a>,
}

/// The function of a check; returns its findings.
type Judge<'a> = Box<dyn Fn(&Scene<'a>) -> Vec<Finding> + Send + Sync + 'a>;

impl<'a> Check<'a> {
    /// A check of a running host.
    pub fn live(id: impl Into<String>, run: impl Fn(&Scene<'a>) -> Vec<Finding> + Send + Sync + 'a) -> Self {
        Self { id: id.into(), offline: false, run: Box::new(run) }
    }

    /// A check of files.
    pub fn offline(id: impl Into<String>, run: impl Fn(&Scene<'a>) -> Vec<Finding> + Send + Sync + 'a) -> Self {
        Self { offline: true, ..Self::live(id, run) }
    }
}
