//! The options and the results of an upgrade of this host.

use crate::config::model::ClusterConfig;
use crate::versions::Version;
use serde_json::Value;
use std::path::PathBuf;

/// What of the cluster an upgrade of this host changes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scope {
    /// `upgrade apply`: this control plane and the objects of the cluster.
    Cluster,
    /// `upgrade node` on a control plane.
    ControlPlane,
    /// `upgrade node` on a worker.
    Worker,
}

/// Which certificates an upgrade renews.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Certificates {
    /// None.
    Stay,
    /// Those of a control plane whose static Pods change.
    WithPods,
    /// All, because the user asked for it.
    Renew,
}

/// An upgrade of this host. The configuration of the run is that after it.
// Independent switches, not a state machine.
#[allow(clippy::struct_excessive_bools)]
pub struct HostUpgrade {
    pub scope: Scope,
    /// The stored configuration, before the upgrade.
    pub stored: ClusterConfig,
    /// The version of this host before the upgrade: of its API server, or of a worker's kubelet.
    pub before: Option<Version>,
    pub certificates: Certificates,
    /// Upgrade etcd as well.
    pub etcd: bool,
    /// Rules that the user may decide about are no obstacle.
    pub force: bool,
    pub allow_experimental: bool,
    pub allow_release_candidates: bool,
    /// An earlier run was interrupted, and this one continues it.
    pub resumed: bool,
    /// True if a static Pod of this host changes, or an earlier run has changed it.
    pub pods_change: bool,
    /// Files that did not exist before.
    pub created: Vec<PathBuf>,
    /// Objects of the cluster, as they were before.
    pub objects: Vec<Value>,
    /// The snapshot of etcd.
    pub snapshot: Option<PathBuf>,
    /// Addons that were left for another control plane, and why.
    pub addons_wait: Option<String>,
}
