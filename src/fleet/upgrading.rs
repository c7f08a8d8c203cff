//! Upgrades hosts that are in the cluster: first the components of all control planes, then the kubelets of control planes, then those
//! of workers. No kubelet may be newer than an API server.
//!
//! The first failure of a control plane ends the work; that host has gone back by itself, or says what it lacks.

use super::changing::{on_workers, patches, skipped};
use super::job::{Done, Job};
use super::outcome::{HostResult, State};
use super::plan::{Action, HostPlan, Upgrade};
use super::window::Budget;
use super::work::{Applying, Place, all, put, wait_for_run};
use crate::base::fault::Result;
use crate::base::secret::Secret;
use crate::config::cluster::Role;
use serde_json::Value;

/// Upgrades the hosts at these places whose plan says so; false if a control plane has failed.
pub(super) fn upgrade_all(work: &Applying<'_>, places: &[Place<'_>], results: &mut [Option<HostResult>]) -> bool {
    let which = |is: &dyn Fn(&Upgrade) -> bool, role: Role| -> Vec<Place<'_>> {
        let is_one = |place: &&Place<'_>| place.1.role == role && place.1.upgrade.as_ref().is_some_and(is);
        places.iter().filter(is_one).copied().collect()
    };
    let mut components = which(&|upgrade| upgrade.components, Role::ControlPlane);
    components.sort_by_key(|place| !place.1.upgrade.as_ref().is_some_and(|upgrade| upgrade.cluster));
    let kubelets = which(&|upgrade| upgrade.kubelet, Role::ControlPlane);
    let workers = which(&|upgrade| upgrade.kubelet, Role::Worker);
    let is_worked_on = |host: &str| components.iter().any(|place| place.1.host == host);
    let left_out = work.plan.hosts.iter().find(|host| is_left_out(host) && !is_worked_on(&host.host));
    let mut put = |place: &Place<'_>, result: HostResult| put(results, *place, result);
    // Another control plane runs first what changes the cluster.
    let is_first_left_out = left_out.is_some_and(|host| host.upgrade.as_ref().is_some_and(|upgrade| upgrade.cluster));
    let mut has_failed = false;
    for (group, what) in [(&components, Part::Components), (&kubelets, Part::Kubelet)] {
        if let Some(host) = left_out.filter(|_| is_first_left_out || what == Part::Kubelet) {
            for place in group {
                put(place, waits(place, host));
            }
            continue;
        }
        if has_failed {
            for place in group {
                put(place, skipped(&place.1.host));
            }
            continue;
        }
        let done = all(work, group, 1, &Budget::new(0), |place, show| upgrade(work, place, what, show));
        for (place, result) in group.iter().zip(done) {
            has_failed |= put(place, result);
        }
    }
    if let Some(host) = left_out {
        for place in &workers {
            put(place, waits(place, host));
        }
        return !has_failed && !is_first_left_out;
    }
    let most = work.file.limits.upgrades;
    let done = on_workers(work, &workers, has_failed, |group, parallel, budget| {
        all(work, group, parallel.min(most), budget, |place, show| upgrade(work, place, Part::Kubelet, show))
    });
    for (place, result) in done {
        put(&place, result);
    }
    !has_failed
}

/// True for a control plane that runs, or may run, an API server of the former version.
fn is_left_out(host: &HostPlan) -> bool {
    let is_older = host.upgrade.as_ref().is_some_and(|upgrade| upgrade.components);
    host.role == Role::ControlPlane && (is_older || host.action == Action::Unreachable)
}

/// The result of a host that has to wait for a control plane that is not worked on.
fn waits(place: &Place<'_>, host: &HostPlan) -> HostResult {
    let why = format!("control plane {} has to be upgraded first", host.host);
    HostResult::new(&place.1.host, State::Skipped, why)
}

/// What of a host one run upgrades.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Part {
    Components,
    Kubelet,
}

fn upgrade(work: &Applying<'_>, place: Place<'_>, part: Part, show: &mut dyn FnMut(u64, &Value)) -> Result<Done> {
    let (_, plan, link) = place;
    let Some(upgrade) = &plan.upgrade else { return Ok(Done { changes: Some(0) }) };
    let waited = match part {
        // That was done before.
        _ if plan.renewal.is_some() => None,
        Part::Kubelet if upgrade.components => None,
        _ => wait_for_run(work, plan, link, show)?,
    };
    let version = upgrade.to.to_string();
    let packages =
        work.file.packages.as_ref().map(|directory| format!("{}/{version}", directory.trim_end_matches('/')));
    let patches = patches(work.file);
    let mut words = match part {
        Part::Components if upgrade.cluster => vec!["upgrade", "apply", &version, "--yes"],
        _ => vec!["upgrade", "node"],
    };
    if let Some(patches) = &patches {
        words.extend(["--patches", patches]);
    }
    if part == Part::Kubelet {
        words.push("--finish");
        if let Some(packages) = &packages {
            words.extend(["--packages", packages]);
        }
    }
    let id = format!("{}-{}", work.id, if part == Part::Kubelet { "kubelet" } else { "upgrade" });
    let done = Job::new(&id, &words, &Secret::new(String::new())).run(link, work.clock, show)?;
    Ok(waited.map_or(done, |before| before.and(done)))
}
