//! What is to be done on each host so that the cluster is as its file says.
//!
//! Only facts decide: the same facts give the same plan, and a host that is as it should be is not touched.

mod classes;
mod cluster;
mod host;
mod hosts;
mod membership;
mod renewal;
mod renewing;
mod upgrade;
mod upgrading;

pub use classes::{Class, ClusterChange, classified_cluster, classified_kubelet, classified_proxy, refused};
pub use cluster::{Wanted, wanted as wanted_cluster, wanted_proxy};
pub use host::{Action, HostPlan, wanted};
pub use renewal::Renewal;
pub use upgrade::Upgrade;

use super::error::FleetError;
use super::review::{self, Finding};
use super::survey::Seen;
use crate::base::fault::Result;
use crate::base::secret::Secret;
use crate::config::cluster::{ClusterFile, GivenNetwork, Role};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

/// A plan for all hosts.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Plan {
    /// The control plane through which the cluster was seen; None for a new cluster.
    pub seen_from: Option<String>,
    /// In the file's order.
    pub hosts: Vec<HostPlan>,
    /// Fields of the cluster's configuration that differ from the file's.
    pub cluster: Vec<ClusterChange>,
    /// Nodes of the cluster that the file does not list.
    pub left: Vec<LeftNode>,
    pub findings: Vec<Finding>,
    /// What a new cluster gets.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pod_network: Option<NetworkPlan>,
    /// The whole configuration that control planes get which change. It is not saved: what of it changes is in `cluster`.
    #[serde(skip)]
    pub documents: Option<Secret<String>>,
}

/// The pod network of a new cluster.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct NetworkPlan {
    /// As in the file.
    pub network: String,
    /// The hash of the manifest, if it is one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sha256: Option<String>,
}

impl NetworkPlan {
    fn new(given: &GivenNetwork) -> Self {
        let hash = |text: &String| hex::encode(Sha256::digest(text.as_bytes()));
        Self { network: given.given.clone(), sha256: given.manifest.as_ref().map(hash) }
    }
}

/// A node that the file does not list.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct LeftNode {
    pub name: String,
    pub role: Role,
    pub ready: bool,
}

/// Compares the file with the facts.
pub fn plan(file: &ClusterFile, seen: &[Seen]) -> Plan {
    let mut findings = review::review(file, seen);
    let through = through(file, seen);
    let cluster = through.and_then(|at| seen.get(at)?.cluster());
    let changing = cluster.map(|cluster| cluster::changing(file, cluster, &mut findings)).unwrap_or_default();
    let mut hosts = hosts::plan(file, seen, through, &changing.changes, &mut findings);
    renewing::add(file, seen, cluster.is_some(), &mut hosts, &mut findings);
    upgrading::add(file, seen, through, &changing.changes, &mut hosts, &mut findings);
    let known: Vec<&str> = hosts.iter().filter_map(|host| host.node.as_deref()).collect();
    // A host that did not respond may be any of them, but for its name.
    let is_listed = |name: &str| {
        known.contains(&name)
            || file.hosts.iter().any(|host| host.name.as_deref() == Some(name) || host.target.host == name)
    };
    let is_hidden = |addresses: &[String]| {
        file.hosts.iter().zip(seen).any(|(entry, seen)| {
            let given = [Some(entry.target.host.clone()), entry.address.map(|address| address.to_string())];
            seen.facts.is_err() && given.into_iter().flatten().any(|given| addresses.contains(&given))
        })
    };
    let nodes = cluster.map(|cluster| cluster.nodes.as_slice()).unwrap_or_default();
    let left = nodes
        .iter()
        .filter(|node| !is_listed(&node.name) && !is_hidden(&node.addresses))
        .map(|node| LeftNode { name: node.name.clone(), role: node.role(), ready: node.ready })
        .collect();
    let is_new = hosts.iter().any(|host| host.action == Action::Init);
    Plan {
        pod_network: file.pod_network.as_ref().filter(|_| is_new).map(NetworkPlan::new),
        seen_from: through.and_then(|at| file.hosts.get(at)).map(|host| host.label.clone()),
        hosts,
        cluster: changing.changes,
        documents: changing.documents.map(Secret::new),
        left,
        findings,
    }
}

/// The control plane whose API responds and whose cluster is the largest part: the first one of the file.
pub fn through(file: &ClusterFile, seen: &[Seen]) -> Option<usize> {
    let is_one = |(at, seen): (usize, &Seen)| {
        let is_control_plane = file.hosts.get(at).is_some_and(|host| host.role == Role::ControlPlane);
        (is_control_plane && seen.cluster().is_some()).then_some(at)
    };
    seen.iter().enumerate().find_map(is_one)
}

impl Plan {
    /// True if something would change.
    pub fn changes(&self) -> bool {
        self.hosts.iter().any(HostPlan::changes)
    }

    /// Refuses a plan with errors: nothing may change while they are there.
    pub fn require_sound(&self) -> Result<()> {
        if let Some(error) = self.findings.iter().find(|finding| finding.error) {
            return Err(FleetError::Blocked(error.text.clone()).into());
        }
        if let Some(change) = refused(self.cluster.iter()) {
            let verb = if change.class == Class::Impossible { "cannot change" } else { "is not changed by 'apply'" };
            return Err(FleetError::Blocked(format!("{} {verb}: {}", change.field, change.why)).into());
        }
        Ok(())
    }

    /// The hash of what would be done, to see whether a saved plan still holds.
    pub fn hash(&self) -> String {
        let text = serde_json::to_string(&self.without_warnings()).unwrap_or_default();
        hex::encode(Sha256::digest(text.as_bytes()))
    }

    /// What decides. Warnings have measured values, such as the difference of clocks.
    fn without_warnings(&self) -> Self {
        let mut plan = self.clone();
        plan.findings.retain(|finding| finding.error);
        plan.documents = None;
        plan
    }

    /// Refuses if `now` is another plan, and says for which host.
    pub fn require_same(&self, now: &Self) -> Result<()> {
        if self.without_warnings() == now.without_warnings() {
            return Ok(());
        }
        let host = now.hosts.iter().find(|host| !self.hosts.contains(host)).map(|host| {
            let before = self.hosts.iter().find(|before| before.host == host.host);
            let before = before.map_or_else(|| "not in the plan".into(), HostPlan::shown);
            format!("{}: {before}, now {}", host.host, host.shown())
        });
        let what = host.unwrap_or_else(|| {
            if self.cluster != now.cluster {
                "the configuration of the cluster"
            } else if self.left != now.left {
                "the nodes that the file does not list"
            } else if self.pod_network != now.pod_network {
                "the pod network"
            } else if self.hosts.len() != now.hosts.len() {
                "a host has left the file"
            } else {
                "what is wrong with the hosts"
            }
            .into()
        });
        Err(FleetError::Outdated(what).into())
    }
}

#[cfg(test)]
mod tests;
