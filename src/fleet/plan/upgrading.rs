//! Which hosts an upgrade concerns: those whose components or kubelet are older than the file's version.
//!
//! One control plane runs `upgrade apply`, the others `upgrade node`. What an apply that was killed has left to do shows in the
//! versions of the hosts, and in the last run on a host.

use super::classes::{ClusterChange, VERSION};
use super::host::{Action, HostPlan};
use super::upgrade::{Upgrade, interrupted, named_version};
use crate::config::cluster::{ClusterFile, Role};
use crate::context::upgrading::Parts;
use crate::fleet::review::Finding;
use crate::fleet::survey::Seen;
use crate::state::host_facts::{ClusterFacts, HostFacts};
use crate::versions::Version;

/// Adds the upgrade to the plans of the members; `through` is the control plane through which the cluster was seen.
pub(super) fn add(
    file: &ClusterFile,
    seen: &[Seen],
    through: Option<usize>,
    changes: &[ClusterChange],
    plans: &mut [HostPlan],
    findings: &mut Vec<Finding>,
) {
    let Some(to) = named_version(file) else { return };
    let is_newer = changes.iter().any(|change| change.field == VERSION && !change.class.is_refused());
    if !is_newer && changes.iter().any(|change| change.field == VERSION) {
        return;
    }
    let cluster = through.and_then(|at| seen.get(at)?.cluster());
    let begun = |seen: &Seen| seen.facts().and_then(interrupted) == Some("upgrade apply");
    let first = seen.iter().position(begun).or(if is_newer { through } else { None });
    for (at, (plan, seen)) in plans.iter_mut().zip(seen).enumerate() {
        let Some(facts) = seen.facts().filter(|_| plan.action == Action::Unchanged) else { continue };
        // Without its cluster, a host only continues.
        if cluster.is_none() && interrupted(facts).is_none() {
            continue;
        }
        let upgrade = of_host(plan, facts, cluster, &to, is_newer, first == Some(at));
        if upgrade.components || upgrade.kubelet {
            plan.continues |= interrupted(facts).is_some();
            plan.upgrade = Some(upgrade);
        }
    }
    if plans.iter().all(|plan| plan.upgrade.is_none()) {
        return;
    }
    // Its documents would be those of the former version.
    if let Some(other) = changes.iter().find(|change| change.field != VERSION && !change.class.is_refused()) {
        findings.push(Finding::error(
            format!("{} changes, and the cluster is upgraded to {to}: one comes after the other", other.field),
            format!("take {} back in the file until the upgrade is applied", other.field),
        ));
    }
    for plan in plans.iter_mut() {
        plan.change = Parts::default();
        plan.proxy = false;
        plan.sans.clear();
    }
}

fn of_host(
    plan: &HostPlan,
    facts: &HostFacts,
    cluster: Option<&ClusterFacts>,
    to: &Version,
    is_newer: bool,
    is_first: bool,
) -> Upgrade {
    let version = |text: &str| text.parse::<Version>().ok();
    let is_older = |text: Option<&str>| text.and_then(version).is_some_and(|version| version < *to);
    let object = cluster.and_then(|cluster| cluster.nodes.iter().find(|node| Some(&node.name) == plan.node.as_ref()));
    let kubelet = object.map(|node| node.version.as_str()).filter(|version| !version.is_empty());
    let begun = interrupted(facts);
    let is_control_plane = plan.role == Role::ControlPlane;
    let own = facts.node.as_ref().and_then(|node| node.version.as_deref());
    let components = is_control_plane && (is_first || is_older(own) || (is_newer && own.is_none()));
    Upgrade {
        to: to.clone(),
        cluster: is_first,
        components,
        kubelet: is_older(kubelet.or(facts.kubelet.as_deref())) || (begun.is_some() && !components),
    }
}
