//! What is to be done on one host.

use super::classes::{Class, ClusterChange};
use super::upgrade::{self, Upgrade};
use crate::config::Kind;
use crate::config::cluster::{ClusterFile, HostEntry, Role};
use crate::context::upgrading::Parts;
use crate::fleet::review::{Finding, node_name};
use crate::fleet::survey::Seen;
use crate::pki::sans::Sans;
use crate::state::host_facts::labels::{Wanted, difference};
use crate::state::host_facts::{ClusterFacts, HostFacts, NodeFacts, NodeObject};
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// What is to be done with a host as a member of the cluster.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Action {
    /// Make the cluster on it.
    Init,
    Join,
    /// It is in the cluster.
    Unchanged,
    /// It does not respond, so that nothing can be done.
    Unreachable,
    /// What the file wants cannot be done.
    Impossible,
}

/// The plan for a host.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct HostPlan {
    pub host: String,
    /// The name of its node; None if it is not known.
    pub node: Option<String>,
    pub role: Role,
    pub action: Action,
    /// An earlier run has begun this and not completed it.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub continues: bool,
    /// A run on the host to wait for first.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub running: Option<String>,
    /// SANs that the certificate of its API server gets.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub sans: Vec<String>,
    /// What of its configuration changes.
    #[serde(default, skip_serializing_if = "is_nothing")]
    pub change: Parts,
    /// What of it is upgraded.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub upgrade: Option<Upgrade>,
    /// Labels and taints of the node that change.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub labels: Vec<String>,
    /// Why it is unreachable or impossible.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub why: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub help: Option<String>,
}

impl HostPlan {
    fn new(entry: &HostEntry, action: Action) -> Self {
        Self {
            host: entry.label.clone(),
            node: None,
            role: entry.role,
            action,
            continues: false,
            running: None,
            sans: Vec::new(),
            change: Parts::default(),
            upgrade: None,
            labels: Vec::new(),
            why: String::new(),
            help: None,
        }
    }

    fn impossible(entry: &HostEntry, node: &str, why: String, help: String) -> Self {
        Self { node: Some(node.into()), why, help: Some(help), ..Self::new(entry, Action::Impossible) }
    }

    /// True if something is done on the host or to its node.
    pub fn changes(&self) -> bool {
        matches!(self.action, Action::Init | Action::Join)
            || self.alters()
            || !self.labels.is_empty()
            || self.running.is_some()
    }

    /// True if the configuration or the version of a member changes.
    pub fn alters(&self) -> bool {
        self.action == Action::Unchanged && (self.change.any() || !self.sans.is_empty() || self.upgrade.is_some())
    }

    /// What of the configuration changes, in a few words.
    fn alterations(&self) -> Vec<String> {
        let mut words = Vec::new();
        if !self.sans.is_empty() {
            words.push(format!("add SAN {}", self.sans.join(" ")));
        }
        let continued = if self.continues { "continue to " } else { "" };
        if let Some(upgrade) = &self.upgrade {
            words.push(format!("{continued}{}", upgrade.shown()));
        }
        if self.change.components {
            words.push(format!("{continued}change static Pods"));
        }
        if self.change.kubelet {
            words.push(format!("{continued}change the kubelet"));
        }
        words
    }

    /// In a few words.
    pub fn shown(&self) -> String {
        let mut text = match self.action {
            Action::Init if self.continues => "continue 'init'".to_owned(),
            Action::Init => "init".to_owned(),
            Action::Join if self.continues => "continue 'join'".to_owned(),
            Action::Join => "join".to_owned(),
            Action::Unchanged if self.alters() => self.alterations().join(", "),
            Action::Unchanged if self.labels.is_empty() => "unchanged".to_owned(),
            Action::Unchanged => String::new(),
            Action::Unreachable => format!("unreachable: {}", self.why),
            Action::Impossible => format!("impossible: {}", self.why),
        };
        if let Some(run) = &self.running {
            text = format!("wait for run {run}, {text}");
        }
        let labels = self.labels.join(", ");
        match (text.is_empty(), labels.is_empty()) {
            (true, _) => labels,
            (_, true) => text,
            _ => format!("{text}, {labels}"),
        }
    }
}

/// What a file lists for a node.
pub fn wanted(entry: &HostEntry, name: &str) -> Wanted {
    Wanted { name: name.into(), labels: entry.labels.clone(), taints: entry.taints.clone() }
}

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
                    None if first.is_none() && facts.node.is_some() => {
                        let name = node_name(entry, facts);
                        let why = "its cluster does not respond".to_owned();
                        HostPlan { node: Some(name), why, ..HostPlan::new(entry, Action::Impossible) }
                    }
                    None => newcomer(entry, facts, first == Some(at)),
                };
                if let (Action::Unchanged, Some(cluster)) = (plan.action, cluster) {
                    alter(file, &mut plan, facts, cluster, parts, &sans);
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
    let is = |of_kubelet: bool| {
        let mut own = changes.iter().filter(|change| change.field.starts_with("KubeletConfiguration.") == of_kubelet);
        own.any(|change| change.class == Class::InPlace)
    };
    Parts { components: is(false), kubelet: is(true) }
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

// The signature is that of serde.
#[allow(clippy::trivially_copy_pass_by_ref)]
fn is_nothing(parts: &Parts) -> bool {
    !parts.any()
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
    if seen.iter().filter_map(Seen::facts).any(|facts| may_have_stopped_the_api(file, facts)) {
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

/// True if the last run on the host is this command, and it has not completed.
fn is_begun(facts: &HostFacts, command: &str) -> bool {
    facts.run.as_ref().is_some_and(|run| run.command == command && run.exit_code != Some(0))
}

/// The same, and nothing continues it by itself.
fn is_unfinished(facts: &HostFacts, command: &str) -> bool {
    is_begun(facts, command) && facts.run.as_ref().is_some_and(|run| !run.running)
}

/// A host while no cluster exists.
fn newcomer(entry: &HostEntry, facts: &HostFacts, is_first: bool) -> HostPlan {
    let action = if is_first { Action::Init } else { Action::Join };
    let continues = is_unfinished(facts, if is_first { "init" } else { "join" });
    let labels = difference(&NodeObject::default(), &Wanted { taints: None, ..wanted(entry, "") }).shown();
    HostPlan { node: Some(node_name(entry, facts)), continues, labels, ..HostPlan::new(entry, action) }
}

/// A host while there is a cluster with these CA certificate hashes.
fn member(entry: &HostEntry, facts: &HostFacts, cluster: &ClusterFacts, pins: &[String]) -> HostPlan {
    let name = node_name(entry, facts);
    let object = cluster.nodes.iter().find(|node| node.name == name);
    let remove = format!("remove it with 'kubewright remove -f FILE {}', then apply again", entry.label);
    if let (Some(given), Some(node)) = (&entry.name, &facts.node)
        && node.name.as_ref().is_some_and(|own| own != given)
    {
        return HostPlan::impossible(entry, &name, format!("it is node {name}, and nodes cannot be renamed"), remove);
    }
    match (&facts.node, object) {
        (Some(node), _) if !node.pins.is_empty() && !node.pins.iter().any(|pin| pins.contains(pin)) => {
            let why = "it is in another cluster".to_owned();
            HostPlan::impossible(entry, &name, why, "remove its line; it stays in its cluster".into())
        }
        (None, Some(object)) => {
            let other =
                !object.machine_id.is_empty() && !facts.machine_id.is_empty() && object.machine_id != facts.machine_id;
            let why = if other { "is another machine" } else { "has lost its files" };
            HostPlan::impossible(entry, &name, format!("the cluster has a node {name}, but this host {why}"), remove)
        }
        (Some(node), Some(object))
            if is_complete(entry, node, object) && !is_unfinished(facts, "join") && !is_unfinished(facts, "init") =>
        {
            let labels = difference(object, &wanted(entry, &name)).shown();
            HostPlan { node: Some(name), labels, ..HostPlan::new(entry, Action::Unchanged) }
        }
        (Some(_), Some(object)) if object.control_plane && entry.role == Role::Worker => {
            HostPlan::impossible(entry, &name, "it is a control plane, and roles cannot change in place".into(), remove)
        }
        (Some(node), Some(_))
            if !node.control_plane && entry.role == Role::ControlPlane && !is_unfinished(facts, "join") =>
        {
            HostPlan::impossible(entry, &name, "it is a worker, and roles cannot change in place".into(), remove)
        }
        (node, object) => {
            let before = object.cloned().unwrap_or_default();
            // Its taints are given when it joins.
            let labels = difference(&before, &Wanted { taints: None, ..wanted(entry, &name) }).shown();
            let is_init = is_unfinished(facts, "init");
            let action = if is_init { Action::Init } else { Action::Join };
            HostPlan { node: Some(name), continues: node.is_some() || is_init, labels, ..HostPlan::new(entry, action) }
        }
    }
}

/// True for a host that has what its role needs.
fn is_complete(entry: &HostEntry, node: &NodeFacts, object: &NodeObject) -> bool {
    match entry.role {
        Role::Worker => !object.control_plane && !node.control_plane,
        Role::ControlPlane => object.control_plane && node.control_plane,
    }
}
