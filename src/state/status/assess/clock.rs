//! Clocks that differ: Leases that kubelets renew by their own clocks, certificates that are not valid yet, and files of this
//! host that were written later than its clock says.

use super::wording::span;
use crate::state::status::causes::{Cause, Severity};
use crate::state::status::view::{ComponentState, Node, View};

/// A kubelet renews its Lease every ten seconds; a Ready node that has not done so for so long has another clock.
const OLD: i64 = 120;
/// What requests take, and what clocks may differ.
const AHEAD: i64 = 15;
/// Files are written a moment after the clock was read.
const LATER: i64 = 120;
/// Certificates are issued with the time of the control plane, which may be a little ahead.
const NOT_YET: i64 = 60;

pub(super) fn add(view: &View, now: i64, causes: &mut Vec<Cause>) {
    let own = view.host.as_ref().map(|host| host.name.as_str());
    let place = own.unwrap_or("this machine");
    if let Some(why) = behind(view, now) {
        let what = format!("the clock of {place} is behind: {why}");
        causes.push(Cause::new("ClockWrong", Severity::Critical, place, what, place));
        return;
    }
    let nodes = view.nodes.as_deref().unwrap_or_default();
    let is_own = |node: &Node| Some(node.name.as_str()) == own;
    let mut skews: Vec<(&Node, i64)> = nodes.iter().filter_map(|node| Some((node, skew(node, now)?))).collect();
    // If no Lease is renewed, the API was away, or the controller manager does not notice that nodes are.
    let is_fresh = |skew: i64| (-OLD..=AHEAD).contains(&skew);
    if !skews.iter().any(|(_, skew)| is_fresh(*skew)) || !controllers_work(view) {
        skews.retain(|(_, skew)| *skew > AHEAD);
    }
    let wrong = |skew: i64| !is_fresh(skew);
    let others: Vec<&(&Node, i64)> = skews.iter().filter(|(node, _)| !is_own(node)).collect();
    let all = nodes.iter().filter(|node| !is_own(node) && node.ready).count();
    let all_others = others.len() > 1 && others.len() >= all && others.iter().all(|(_, skew)| wrong(*skew));
    if all_others && let Some((node, skew)) = others.first() {
        let what = format!(
            "the clock of {place} differs from those of all other nodes, by {} from {}",
            span(*skew),
            node.name
        );
        causes.push(Cause::new("ClockWrong", Severity::Critical, place, what, place));
        return;
    }
    for (node, skew) in skews.iter().filter(|(_, skew)| wrong(*skew)) {
        let (name, word) = (&node.name, if *skew > 0 { "ahead of" } else { "behind" });
        let what = format!("the clock of {name} is {} {word} the clock of {place}", span(*skew));
        causes.push(Cause::new("ClockWrong", Severity::Critical, name, what, name));
    }
}

/// True if a controller manager is ready: it marks nodes that do not report.
fn controllers_work(view: &View) -> bool {
    let own = view.host.iter().flat_map(|host| &host.components);
    let mut all = view.control_planes.iter().flatten().flat_map(|plane| &plane.components).chain(own);
    all.any(|one| one.name == "kube-controller-manager" && one.state == ComponentState::Ready)
}

/// How far the clock of a node is ahead, in seconds; None where its Lease does not show it. A node that does not report has an
/// old Lease, whatever its clock is.
fn skew(node: &Node, now: i64) -> Option<i64> {
    let skew = node.renewed? - now;
    (skew > 0 || node.ready).then_some(skew)
}

/// What shows that the clock of this host is behind.
fn behind(view: &View, now: i64) -> Option<String> {
    let host = view.host.as_ref()?;
    if let Some(at) = host.written_later.filter(|at| *at > now + LATER) {
        return Some(format!("a file was written {} later", span(at - now)));
    }
    let early = view.certificates.iter().flat_map(|all| &all.list).filter(|one| one.valid_in > NOT_YET);
    let one = early.max_by_key(|one| one.valid_in)?;
    Some(format!("{} becomes valid only in {}", one.name, span(one.valid_in)))
}
