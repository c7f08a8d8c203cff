//! What is to be done on each host.

use super::classes::{Class, ClusterChange, Document};
use super::host::{Action, HostPlan};
use super::membership::{is_begun, member, newcomer};
use super::renewal;
use super::upgrade;
use crate::config::Kind;
use crate::config::cluster::{ClusterFile, HostEntry, Role};
use crate::context::upgrading::Parts;
use crate::fleet::review::{Finding, node_name};
use crate::fleet::survey::Seen;
use crate::pki::sans::Sans;
use crate::state::host_facts::{ClusterFacts, HostFacts, NodeObject};
use serde_json::Value;

/// Plans all hosts.
pub(super) fn plan(
    file: &ClusterFile,
    seen: &[Seen],
    through: Option<usize>,
    changes: &[ClusterChange],
    findings: &mut Vec<Finding>,
) -> Vec<HostPlan> {
    let parts = parts(changes);
    let sans = listed_sans(file);
    let cluster = through.and_then(|at| seen.get(at)?.cluster());
    let pins =
        through.and_then(|at| seen.get(at)?.facts()?.node.as_ref()).map(|node| node.pins.clone()).unwrap_or_default();
    let first = if through.is_some() { None } else { first(file, seen, findings) };
    file.hosts
        .iter()
        .zip(seen)
        .enumerate()
        .map(|(at, (entry, seen))| match &seen.facts {
            Err(trouble) => {
                let node = named(entry, cluster).map(|node| node.name.clone());
                let action = if trouble.unreachable { Action::Unreachable } else { Action::Impossible };
                HostPlan { node, why: trouble.why.clone(), help: trouble.help.clone(), ..HostPlan::new(entry, action) }
            }
            Ok(facts) => {
                let mut plan = match cluster {
                    Some(cluster) => member(entry, facts, cluster, &pins),
                    None if may_have_stopped_the_api(file, facts) => HostPlan {
                        node: Some(node_name(entry, facts)),
                        change: interrupted(facts).unwrap_or_default(),
                        continues: true,
                        ..HostPlan::new(entry, Action::Unchanged)
                    },
                    // Its certificates may be why its API server does not respond.
                    None if renewal::has_expired(file, facts) => {
                        HostPlan { node: Some(node_name(entry, facts)), ..HostPlan::new(entry, Action::Unchanged) }
                    }
                    None if first.is_none() && facts.node.is_some() => {
                        let name = node_name(entry, facts);
                        let why = "its cluster does not respond".to_owned();
                        HostPlan { node: Some(name), why, ..HostPlan::new(entry, Action::Impossible) }
                    }
                    None => newcomer(entry, facts, first == Some(at)),
                };
                if let (Action::Unchanged, Some(cluster)) = (plan.action, cluster) {
                    alter(file, &mut plan, facts, cluster, parts, &sans);
                    plan.proxy = through == Some(at)
                        && plan.action == Action::Unchanged
                        && (cluster.proxy_pending || changes_in_place(changes, Document::KubeProxy));
                }
                let run = facts.run.as_ref().filter(|run| run.running);
                plan.running = run.map(|run| run.id.clone());
                plan
            }
        })
        .collect()
}

/// What of hosts these fields concern, as far as `apply` changes them.
fn parts(changes: &[ClusterChange]) -> Parts {
    Parts {
        components: changes_in_place(changes, Document::Cluster),
        kubelet: changes_in_place(changes, Document::Kubelet),
    }
}

/// True if a field of this document is changed on the hosts.
fn changes_in_place(changes: &[ClusterChange], document: Document) -> bool {
    let mut in_place = changes.iter().filter(|change| change.class == Class::InPlace);
    in_place.any(|change| Document::of_field(&change.field) == document)
}

/// The SANs that the file lists.
fn listed_sans(file: &ClusterFile) -> Sans {
    let mut sans = Sans::default();
    let document = file.document(Kind::Cluster).map(|document| document.root.to_json()).unwrap_or_default();
    for name in document["apiServer"]["certSANs"].as_array().into_iter().flatten().filter_map(Value::as_str) {
        sans.add(name);
    }
    sans
}

/// A change of the host's configuration that was interrupted.
fn interrupted(facts: &HostFacts) -> Option<Parts> {
    facts.node.as_ref()?.change
}

/// True for a control plane whose API server such a change may have stopped.
fn may_have_stopped_the_api(file: &ClusterFile, facts: &HostFacts) -> bool {
    let is_begun = interrupted(facts).is_some() || upgrade::is_continued(file, facts);
    is_begun && facts.node.as_ref().is_some_and(|node| node.control_plane)
}

/// What of the configuration of a member changes.
fn alter(
    file: &ClusterFile,
    plan: &mut HostPlan,
    facts: &HostFacts,
    cluster: &ClusterFacts,
    parts: Parts,
    sans: &Sans,
) {
    let object = cluster.nodes.iter().find(|node| Some(&node.name) == plan.node.as_ref());
    let pending = object.map(|node| node.pending).unwrap_or_default();
    let begun = interrupted(facts);
    let wanted = parts.or(pending).or(begun.unwrap_or_default());
    let is_control_plane = plan.role == Role::ControlPlane;
    plan.change = Parts { components: wanted.components && is_control_plane, kubelet: wanted.kubelet };
    plan.continues |= begun.is_some();
    if is_control_plane && let Some(node) = &facts.node {
        let mut own = Sans::default();
        own.add_all(&node.sans);
        // A certificate that cannot be read is that of preflight.
        plan.sans = if own.is_empty() { Vec::new() } else { own.missing(sans) };
    }
    if plan.alters() && facts.node.as_ref().is_some_and(|node| node.upgrading) && !upgrade::is_continued(file, facts) {
        plan.action = Action::Impossible;
        plan.why = "an upgrade of it was interrupted".into();
        plan.help = Some("run 'kubewright upgrade apply VERSION' or 'kubewright upgrade node' on it, whichever it was, to continue it".into());
    }
}

/// The node of a host that did not respond, as far as its line shows.
fn named<'a>(entry: &HostEntry, cluster: Option<&'a ClusterFacts>) -> Option<&'a NodeObject> {
    let address = entry.address.map(|address| address.to_string());
    cluster?.nodes.iter().find(|node| {
        let is_address = |given: &str| node.addresses.iter().any(|address| address == given);
        entry.name.as_deref() == Some(&node.name)
            || is_address(&entry.target.host)
            || address.as_deref().is_some_and(is_address)
    })
}

/// The control plane that makes the cluster, or continues to; None, with a finding, if there seems to be a cluster that
/// does not respond.
fn first(file: &ClusterFile, seen: &[Seen], findings: &mut Vec<Finding>) -> Option<usize> {
    let facts = |at: usize| seen.get(at)?.facts();
    let control_planes = || file.hosts.iter().enumerate().filter(|(_, host)| host.role == Role::ControlPlane);
    // Also one that still runs: its API server is not up yet.
    let is_begun = |(at, _): &(usize, &HostEntry)| facts(*at).is_some_and(|facts| is_begun(facts, "init"));
    if let Some((at, _)) = control_planes().find(is_begun) {
        return Some(at);
    }
    // Its API server may be away because of that; continuing it brings it back.
    let explains = |facts: &HostFacts| may_have_stopped_the_api(file, facts) || renewal::has_expired(file, facts);
    if seen.iter().filter_map(Seen::facts).any(explains) {
        return None;
    }
    let member = file.hosts.iter().zip(seen).find(|(_, seen)| seen.facts().is_some_and(|facts| facts.node.is_some()));
    if let Some((host, _)) = member {
        findings.push(Finding::error(
            format!("{} is in a cluster, and no control plane of it responds", host.label),
            "run 'kubewright status' on it to see why, and start its API server; or write its control planes into the file",
        ));
        return None;
    }
    if let Some((_, host)) = control_planes().find(|(at, _)| facts(*at).is_none()) {
        // It may be the one with the cluster.
        findings.push(Finding::error(
            format!("control plane {} does not respond, so a cluster may exist already", host.label),
            "make it respond, or remove its line until it does",
        ));
        return None;
    }
    control_planes().map(|(at, _)| at).next()
}
