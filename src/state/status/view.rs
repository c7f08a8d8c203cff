//! What was seen of a cluster, by part. A part that is None is unknown; `unknown` says why.

use crate::checks::diagnosis::Diagnosis;
use crate::state::expiry::{Severity as Expiry, State};
use serde::Serialize;
use std::path::PathBuf;

/// Everything that was seen.
#[derive(Clone, Debug, Default, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct View {
    /// The API server that was asked; None without a kubeconfig.
    pub api: Option<Api>,
    pub control_planes: Option<Vec<ControlPlane>>,
    pub etcd: Option<Etcd>,
    pub nodes: Option<Vec<Node>>,
    pub certificates: Option<Certificates>,
    pub addons: Option<Vec<Addon>>,
    pub pod_network: Option<PodNetwork>,
    pub tokens: Option<Tokens>,
    /// Upgrades, rotations, renewals and other runs that have begun; None: unknown.
    pub under_way: Option<Vec<Work>>,
    /// This host; None if it is not part of the cluster that was asked.
    pub host: Option<HostView>,
    /// What could not be seen, and why.
    pub unknown: Vec<Unknown>,
}

impl View {
    /// The control planes and their components: those of this host as they are here, because the API shows a Pod only
    /// after the kubelet has reported it, the others as the API shows them. None: unknown.
    pub fn planes(&self) -> Option<Vec<ControlPlane>> {
        let own = self.host.as_ref().filter(|host| host.control_plane && !host.components.is_empty());
        let mut planes = self.control_planes.clone();
        if let Some(host) = own {
            let planes = planes.get_or_insert_default();
            match planes.iter_mut().find(|plane| plane.name == host.name) {
                Some(plane) => plane.components.clone_from(&host.components),
                None => planes.push(ControlPlane {
                    name: host.name.clone(),
                    version: None,
                    components: host.components.clone(),
                }),
            }
        }
        planes
    }
}

/// What could not be seen.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Unknown {
    pub what: String,
    pub why: String,
    /// The credentials or the place of this host do not allow it: nothing has failed.
    pub by_design: bool,
}

impl Unknown {
    /// It should have been possible.
    pub fn failed(what: impl Into<String>, why: impl Into<String>) -> Self {
        Self { what: what.into(), why: why.into(), by_design: false }
    }

    /// It is only possible elsewhere, or with other credentials.
    pub fn elsewhere(what: impl Into<String>, why: impl Into<String>) -> Self {
        Self { what: what.into(), why: why.into(), by_design: true }
    }
}

/// The API server that was asked.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Api {
    pub server: String,
    /// The kubeconfig with which it was asked.
    pub kubeconfig: PathBuf,
    pub ready: bool,
    /// Why it is not ready or does not respond.
    pub problem: Option<String>,
    /// It responded, whatever it said.
    pub responds: bool,
    /// The API server of this host, which was asked because that address leads nowhere.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub asked_instead: Option<String>,
}

#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ControlPlane {
    pub name: String,
    /// The version of its API server.
    pub version: Option<String>,
    pub components: Vec<Component>,
}

/// A component of a control plane.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Component {
    /// `kube-scheduler`.
    pub name: String,
    pub state: ComponentState,
    /// How often its container was started again.
    pub restarts: u64,
    /// In the words of the kubelet, the container runtime or the component.
    pub problem: Option<String>,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum ComponentState {
    #[default]
    Ready,
    NotReady,
    /// Its container ends again and again.
    Crashing,
    /// It should run, and there is none.
    Missing,
}

#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Etcd {
    pub members: Vec<Member>,
    /// The members with a vote, how many of them respond, and how many must.
    pub voters: usize,
    pub responding: usize,
    pub needed: usize,
    /// The size at which etcd stops to write, in bytes; None if it is not known.
    pub quota: Option<u64>,
    /// Seen through its Pods only: without sizes, alarms and leader.
    pub by_pods: bool,
}

#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Member {
    /// Its name, or its ID while it has none.
    pub name: String,
    /// It was added and has never started.
    pub never_started: bool,
    pub learner: bool,
    pub leader: bool,
    pub version: String,
    /// In bytes; 0 if it is not known.
    pub size: u64,
    pub alarms: Vec<String>,
    /// Why it does not work.
    pub problem: Option<String>,
}

// Each is an independent fact, not a state.
#[allow(clippy::struct_excessive_bools)]
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Node {
    pub name: String,
    pub control_plane: bool,
    pub ready: bool,
    /// Its kubelet has stopped to report.
    pub silent: bool,
    /// Why it is not ready.
    pub problem: Option<String>,
    /// Since when it is ready or not, in RFC 3339.
    pub since: Option<String>,
    pub cordoned: bool,
    pub version: String,
    /// `DiskPressure`, `MemoryPressure`, `PIDPressure`.
    pub pressure: Vec<String>,
    /// When its kubelet last renewed its Lease, in seconds since the epoch and by its own clock.
    pub renewed: Option<i64>,
}

#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Certificates {
    /// Those of this host; the next to expire first.
    pub list: Vec<Certificate>,
    /// Files that cannot be read, and why.
    pub unreadable: Vec<String>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Certificate {
    pub name: String,
    pub path: Option<PathBuf>,
    pub expires: String,
    /// Of the file or of what is served, whichever is less.
    pub seconds_left: i64,
    /// Seconds until it becomes valid; 0 or less if it is.
    pub valid_in: i64,
    /// Whether the component serves it; None if it has no port or did not answer.
    pub served: Option<State>,
    /// A CA, which is rotated and not renewed.
    pub is_ca: bool,
    /// The kubelet renews it.
    pub by_kubelet: bool,
    pub externally_managed: bool,
    pub severity: Expiry,
    /// What is wrong beside its dates, and what to do about it.
    pub problem: Option<String>,
    pub fix: Option<String>,
}

/// A Deployment or `DaemonSet` of the cluster itself.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Addon {
    pub name: String,
    pub namespace: String,
    pub ready: u64,
    pub wanted: u64,
}

#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct PodNetwork {
    /// The network addons that were recognized.
    pub addons: Vec<Addon>,
    /// The nodes on which no network plugin works.
    pub without: Vec<String>,
}

#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Tokens {
    pub valid: usize,
    /// When the next one expires.
    pub next_expiry: Option<String>,
}

/// A run that has begun and not ended.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Work {
    pub what: String,
    /// The command that continues it or shows more.
    pub next: String,
    /// It was interrupted, and nothing continues it by itself.
    pub interrupted: bool,
}

/// This host.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct HostView {
    /// Its name as a node.
    pub name: String,
    pub control_plane: bool,
    pub kubelet: Option<Service>,
    /// The container runtime and its version; None if it does not respond.
    pub runtime: Option<String>,
    /// Why it does not respond.
    pub runtime_problem: Option<String>,
    /// The service that the kubelet expects it to be: `containerd`.
    pub runtime_service: String,
    /// Why Pods have no network here; None if they have one, or if that is not known.
    pub network_problem: Option<String>,
    /// The CNI configuration files of this host, where its container runtime has no network.
    pub network_files: Vec<PathBuf>,
    pub disks: Vec<Disk>,
    pub manifests: Vec<Manifest>,
    /// Files that components need and that do not exist.
    pub missing: Vec<MissingFile>,
    /// Its components as the container runtime and their ports show them.
    pub components: Vec<Component>,
    /// The newest time in files of this host that is later than its clock, in seconds since the epoch.
    pub written_later: Option<i64>,
    /// What logs and containers say; only looked for if something does not run.
    pub diagnosis: Option<Diagnosis>,
}

#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Service {
    pub active: bool,
    /// `active`, `activating`, `failed`, `inactive`.
    pub word: String,
    /// How often it was started again by itself; None if that is not counted.
    pub restarts: Option<u32>,
    /// Seconds since it was started.
    pub age: Option<u64>,
}

/// A file system that Kubernetes writes to.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Disk {
    /// A directory on it.
    pub directory: PathBuf,
    pub free: u64,
    pub total: u64,
    pub read_only: bool,
    /// The next write fails: too little room, or no more files.
    pub full: bool,
    /// The kubelet evicts Pods.
    pub low: bool,
}

/// A certificate, key or kubeconfig that does not exist: flags in manifests refer to it, or commands on this host need it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct MissingFile {
    pub path: PathBuf,
    /// The components that need it; none for admin.conf.
    pub components: Vec<String>,
    /// The command that writes it again, where there is one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rewrite: Option<String>,
}

/// The manifest of a static Pod on this host.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Manifest {
    /// `kube-scheduler`.
    pub name: String,
    pub path: PathBuf,
    pub state: ManifestState,
    pub problem: Option<String>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum ManifestState {
    Unchanged,
    /// It is not as kubewright wrote it.
    Edited,
    Missing,
    /// The kubelet cannot use it.
    Broken,
    /// A file that is not one of the cluster's, of which the kubelet makes a Pod too.
    Extra,
}
