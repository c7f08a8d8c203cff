//! Pods and containers as the runtime knows them.
//!
//! Reads and writes nothing.

use serde::Serialize;
use std::collections::{BTreeMap, HashMap};
use std::path::PathBuf;
use std::time::Duration;

/// The kubelet notes here where a Pod comes from; of those that come from a file only this host knows.
const SOURCE: &str = "kubernetes.io/config.source";
/// The controller of `DaemonSet`s marks their Pods with it.
const OF_DAEMON_SET: &str = "pod-template-generation";
/// The kubelet notes here how many seconds the Pod's containers get to end.
const GRACE: &str = "io.kubernetes.pod.terminationGracePeriod";

/// A container's state.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum ContainerState {
    /// Not started yet.
    Created,
    /// It runs.
    Running,
    /// It ended.
    Exited,
    /// The runtime does not know.
    Unknown,
}

/// A pod as the runtime knows it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Pod {
    /// The runtime's id.
    pub id: String,
    /// The Pod's name.
    pub name: String,
    /// Its namespace.
    pub namespace: String,
    /// It can run containers.
    pub ready: bool,
    /// It is here for the node's sake, of a `DaemonSet` or static; others may need what it does, such as their disks.
    pub serves_node: bool,
}

/// A container as the runtime knows it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Container {
    /// The runtime's id.
    pub id: String,
    /// The id of its pod.
    pub pod: String,
    /// Its name in the Pod: `kube-apiserver`.
    pub name: String,
    /// How often it was started before.
    pub attempt: u32,
    /// Its state.
    pub state: ContainerState,
    /// When it was made, in nanoseconds since the epoch.
    pub created: i64,
    /// Kubernetes' labels, such as `io.kubernetes.pod.namespace`.
    pub labels: BTreeMap<String, String>,
    /// How long its Pod gives it to end; None: it does not say.
    pub grace: Option<Duration>,
}

impl Container {
    /// True for a container of the namespace `kube-system`.
    pub fn is_of_system(&self) -> bool {
        self.labels.get("io.kubernetes.pod.namespace").is_some_and(|name| name == "kube-system")
    }
}

/// See [`Pod::serves_node`].
pub(super) fn serves_node(labels: &HashMap<String, String>, annotations: &HashMap<String, String>) -> bool {
    labels.contains_key(OF_DAEMON_SET) || annotations.get(SOURCE).is_some_and(|source| source != "api")
}

/// See [`Container::grace`].
pub(super) fn grace(annotations: &HashMap<String, String>) -> Option<Duration> {
    annotations.get(GRACE)?.parse().ok().map(Duration::from_secs)
}

/// How a container ended.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct ExitedContainer {
    /// Its exit code.
    pub code: i32,
    /// The runtime's word: `Error`, `OOMKilled`, `StartError`, ….
    pub reason: String,
    /// The runtime's sentence, often empty.
    pub message: String,
    /// Where its output lies on the host.
    pub log: PathBuf,
}
