//! What is to be done with a host as a member of the cluster: nothing, to make it one, or to say why it cannot be.

use super::host::{Action, HostPlan, wanted};
use crate::config::cluster::{HostEntry, Role};
use crate::fleet::review::node_name;
use crate::state::host_facts::labels::{Wanted, difference};
use crate::state::host_facts::{ClusterFacts, HostFacts, NodeFacts, NodeObject};

/// True if the last run on the host is this command, and it has not completed.
pub(super) fn is_begun(facts: &HostFacts, command: &str) -> bool {
    facts.run.as_ref().is_some_and(|run| run.command == command && run.exit_code != Some(0))
}

/// The same, and nothing continues it by itself.
fn is_unfinished(facts: &HostFacts, command: &str) -> bool {
    is_begun(facts, command) && facts.run.as_ref().is_some_and(|run| !run.running)
}

/// A host while no cluster exists.
pub(super) fn newcomer(entry: &HostEntry, facts: &HostFacts, is_first: bool) -> HostPlan {
    let action = if is_first { Action::Init } else { Action::Join };
    let continues = is_unfinished(facts, if is_first { "init" } else { "join" });
    let labels = difference(&NodeObject::default(), &Wanted { taints: None, ..wanted(entry, "") }).shown();
    HostPlan { node: Some(node_name(entry, facts)), continues, labels, ..HostPlan::new(entry, action) }
}

/// A host while there is a cluster with these CA certificate hashes.
pub(super) fn member(entry: &HostEntry, facts: &HostFacts, cluster: &ClusterFacts, pins: &[String]) -> HostPlan {
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
