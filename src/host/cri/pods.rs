//! Pods and containers as the runtime knows them.
//!
//! Reads and writes nothing.

use serde::Serialize;
use std::collections::BTreeMap;
use std::path::PathBuf;

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
