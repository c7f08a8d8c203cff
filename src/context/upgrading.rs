//! The options and the results of an upgrade of this host.

use crate::config::model::ClusterConfig;
use crate::host::packages::{Installed, Kind};
use crate::versions::Version;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::path::PathBuf;
use std::time::Duration;

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
    /// The kubelet is replaced as well; None: its program and the node stay as they are.
    pub finish: Option<Finishing>,
    /// The version stays, and the configuration changes; None for an upgrade.
    pub change: Option<Change>,
}

impl HostUpgrade {
    /// For what a component has to be ready, as errors name it.
    pub fn goal(&self, version: &Version) -> String {
        if self.change.is_some() { "the changed configuration".into() } else { version.to_string() }
    }
}

/// What of a host a change of the configuration concerns.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Parts {
    /// The static Pods.
    pub components: bool,
    /// The configuration of the kubelet.
    pub kubelet: bool,
}

impl Parts {
    pub const ALL: Self = Self { components: true, kubelet: true };

    pub fn any(self) -> bool {
        self.components || self.kubelet
    }

    /// What is in one of them.
    #[must_use]
    pub fn or(self, other: Self) -> Self {
        Self { components: self.components || other.components, kubelet: self.kubelet || other.kubelet }
    }

    /// The words of the annotation of a node.
    pub fn words(self) -> String {
        let words = [(self.components, "components"), (self.kubelet, "kubelet")];
        words.iter().filter(|(is, _)| *is).map(|(_, word)| *word).collect::<Vec<_>>().join(",")
    }

    /// Reads these words. A text that a person has edited is everything: one part too many changes nothing.
    pub fn of_words(text: &str) -> Self {
        if text.is_empty() {
            return Self::default();
        }
        let found = Self { components: text.contains("components"), kubelet: text.contains("kubelet") };
        if found.any() { found } else { Self::ALL }
    }
}

/// A change of the configuration of this host.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Change {
    /// What changes on this host.
    pub parts: Parts,
    /// What differs from what the cluster stores: the other nodes have to follow.
    pub stores: Parts,
    /// The cluster stores it already, and this host follows.
    pub follows: bool,
}

/// The replacement of the kubelet at the end of an upgrade.
#[derive(Clone, Debug)]
pub struct Finishing {
    /// The directory with the packages or programs; None: the package repositories of this host.
    pub directory: Option<PathBuf>,
    /// The Pods of the node are evicted before.
    pub drains: bool,
    /// How long to wait for their eviction.
    pub drain_limit: Duration,
    /// What this run, or an interrupted one, has begun.
    pub begun: Option<Begun>,
    /// Why the kubelet was not replaced: an API server is older.
    pub waits: Option<String>,
    /// The kubelet is of the target version, and its node was Ready with it.
    pub is_proved: bool,
}

/// A replacement that has begun: what is needed to continue it, or to go back.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Begun {
    /// How the programs were installed.
    pub kind: Option<Kind>,
    /// The packages with their versions, or the programs with their paths, as they were before.
    pub former: Installed,
    /// The packages that were held or locked at their version.
    pub held: Vec<String>,
    /// The version of the kubelet before.
    pub from: Option<Version>,
}
