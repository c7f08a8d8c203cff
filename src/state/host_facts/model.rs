//! The facts of a host, as JSON has them.

use crate::config::cluster::{Role, Taint};
use crate::context::upgrading::Parts;
use crate::state::due::Obstacle;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use std::collections::BTreeMap;
use std::net::IpAddr;

/// A host as it is now.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct HostFacts {
    /// The version of kubewright that says this.
    pub kubewright: String,
    pub hostname: String,
    pub machine_id: String,
    /// The name of the distribution with its version.
    pub os: String,
    /// As the kernel names it: `x86_64`, `aarch64`.
    pub arch: String,
    pub kernel: String,
    /// The address of the default route.
    pub address: Option<IpAddr>,
    /// The addresses of all interfaces that are up, but for the loopback's.
    pub addresses: Vec<IpAddr>,
    /// Milliseconds since the epoch.
    pub clock: i64,
    /// The version of the installed kubelet.
    pub kubelet: Option<String>,
    /// The container runtime that responds, with its version.
    pub runtime: Option<String>,
    pub memory_mib: Option<u64>,
    /// What is free below `/var/lib`.
    pub free_mib: Option<u64>,
    /// Those of the cluster's ports on which a process listens.
    pub listening: Vec<u16>,
    /// What the host is in a cluster; None if it is in none.
    pub node: Option<NodeFacts>,
    /// The last run that was started from another machine.
    pub run: Option<RunFacts>,
    /// The cluster as this control plane sees it; None elsewhere, or if its API does not respond.
    pub cluster: Option<ClusterFacts>,
    /// What could not be determined, and why.
    pub unknown: Vec<String>,
}

/// A host in a cluster.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct NodeFacts {
    /// The name with which the kubelet identifies itself; None before it has a certificate.
    pub name: Option<String>,
    /// It has the manifest of an API server.
    pub control_plane: bool,
    /// It has the manifest of etcd.
    pub etcd: bool,
    /// Its etcd member, in hexadecimal digits, if etcd responds.
    pub member: Option<String>,
    /// The CA certificate hashes of its cluster.
    pub pins: Vec<String>,
    /// The API server that its kubelet uses.
    pub server: Option<String>,
    /// The version of its API server, by the image of the manifest.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub version: Option<String>,
    /// The SANs of the API server's certificate on its disk.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub sans: Vec<String>,
    /// What `certs renew all` renews on a control plane when it is due; the one that expires first is the first.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub certificates: Vec<CertificateFacts>,
    /// A change of its configuration was interrupted.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub change: Option<Parts>,
    /// An upgrade of it was interrupted.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub upgrading: bool,
}

/// A certificate of a control plane. Moments are seconds since the epoch.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct CertificateFacts {
    /// Its name for `certs renew`.
    pub name: String,
    pub not_before: i64,
    pub not_after: i64,
    /// Why a renewal is of no use.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub obstacle: Option<Obstacle>,
}

/// A run on the host.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct RunFacts {
    pub id: String,
    /// The command without its options: `join`.
    pub command: String,
    pub running: bool,
    /// None while it runs, and if it was killed.
    pub exit_code: Option<i32>,
}

/// A cluster.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct ClusterFacts {
    /// The stored `ClusterConfiguration`; None before `init` has stored it.
    pub configuration: Option<String>,
    /// The stored `KubeletConfiguration`, without its kind.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub kubelet: Option<Map<String, Value>>,
    /// kube-proxy's configuration, likewise.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub proxy: Option<Map<String, Value>>,
    /// A change of it has not reached all nodes.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub proxy_pending: bool,
    pub nodes: Vec<NodeObject>,
}

/// A node as its cluster knows it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct NodeObject {
    pub name: String,
    pub machine_id: String,
    pub control_plane: bool,
    pub ready: bool,
    /// The version of its kubelet.
    pub version: String,
    pub addresses: Vec<String>,
    pub labels: BTreeMap<String, String>,
    pub taints: Vec<Taint>,
    /// The labels and taints that came from a file: they go when they leave it.
    pub managed: Managed,
    /// What of its host does not have the stored configuration yet.
    #[serde(skip_serializing_if = "is_nothing")]
    pub pending: Parts,
}

// The signature is that of serde.
#[allow(clippy::trivially_copy_pass_by_ref)]
fn is_nothing(parts: &Parts) -> bool {
    !parts.any()
}

/// What a file has set on a node: the annotation [`MANAGED`].
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Managed {
    /// The keys of labels.
    pub labels: Vec<String>,
    /// The keys of taints.
    pub taints: Vec<String>,
}

/// The annotation of a node with the labels and taints that came from a file.
pub const MANAGED: &str = "kubewright.io/managed";

/// The annotation of a node whose host has to follow a change of the configuration.
pub const PENDING: &str = "kubewright.io/pending";

/// What of a Node's host has to follow.
pub fn pending(node: &Value) -> Parts {
    Parts::of_words(node["metadata"]["annotations"][PENDING].as_str().unwrap_or_default())
}

impl NodeObject {
    pub fn role(&self) -> Role {
        if self.control_plane { Role::ControlPlane } else { Role::Worker }
    }
}
