//! Addons, the Pod network, runs that have begun, and what could not be seen.

use crate::state::status::causes::{Cause, Severity};
use crate::state::status::view::{Addon, View};

pub(super) fn add(view: &View, causes: &mut Vec<Cause>) {
    let down = view.nodes.iter().flatten().filter(|node| !node.ready).count() as u64;
    for addon in view.addons.iter().flatten() {
        causes.extend(addon_cause("AddonNotReady", addon, if addon.name == "coredns" { 0 } else { down }));
    }
    if let Some(network) = &view.pod_network {
        causes.extend(network.addons.iter().filter_map(|addon| addon_cause("PodNetworkNotReady", addon, down)));
    }
    for work in view.under_way.iter().flatten() {
        let (id, severity) =
            if work.interrupted { ("RunInterrupted", Severity::Warning) } else { ("UnderWay", Severity::Note) };
        causes.push(Cause::new(id, severity, "cluster", &work.what, &work.next));
    }
    let failed: Vec<&str> = view.unknown.iter().filter(|one| !one.by_design).map(|one| one.what.as_str()).collect();
    // With the API down the rest is not seen either, which is said once.
    let is_known = causes.iter().any(|cause| cause.id == "ApiDown");
    if !failed.is_empty() && !is_known {
        let what = format!("this could not be seen: {}", failed.join(", "));
        causes.push(Cause::new("NotChecked", Severity::Warning, "status", what, ""));
    }
}

/// Pods that are missing on nodes that are down are explained by that.
fn addon_cause(id: &'static str, addon: &Addon, down: u64) -> Option<Cause> {
    let missing = addon.wanted.saturating_sub(addon.ready);
    if missing <= down {
        return None;
    }
    let severity = if addon.ready == 0 { Severity::Critical } else { Severity::Warning };
    let what = format!("{} of {} Pods of {} are ready", addon.ready, addon.wanted, addon.name);
    Some(Cause::new(id, severity, &addon.name, what, &addon.name))
}
