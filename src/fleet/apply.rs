//! Does what a plan says: the first control plane, then renewals and changes of members, then further control planes one at a time, workers
//! meanwhile in a window, and at last labels and taints.

use super::changing;
use super::credentials::CredentialSource;
use super::error::FleetError;
use super::job::{Done, Job};
use super::link::Link;
use super::outcome::{HostResult, State};
use super::plan::{Action, HostPlan, Plan, wanted};
use super::renewing;
use super::survey::Trouble;
use super::upgrading;
use super::window::Budget;
pub use super::work::Applying;
use super::work::{Place, all, timed, wait_for_run};
use crate::base::exit_code::ExitCode;
use crate::base::fault::{Failure, Result};
use crate::config::cluster::{ClusterFile, Credentials, GivenNetwork, Role};
use crate::state::host_facts::labels::Wanted;
use serde_json::Value;
use std::sync::OnceLock;

/// The manifest of the pod network, in the working directory of a run.
const MANIFEST: &str = "pod-network.yaml";

/// Applies the plan; one result for each host of the file.
pub fn apply(work: &Applying<'_>) -> Vec<HostResult> {
    let places: Vec<Place<'_>> =
        work.plan.hosts.iter().zip(work.links).enumerate().map(|(at, (plan, link))| (at, plan, link)).collect();
    let (mut results, mut todo) = (vec![None; places.len()], Vec::new());
    for place in places {
        match settled(work, place) {
            Some(result) => results[place.0] = Some(result),
            None => todo.push(place),
        }
    }
    let through = OnceLock::new();
    if let Some(at) =
        work.plan.seen_from.as_ref().and_then(|from| work.plan.hosts.iter().position(|host| host.host == *from))
    {
        let _ = through.set(at);
    }
    // The first control plane, alone: without it there is nothing to join.
    let (first, rest): (Vec<Place<'_>>, Vec<Place<'_>>) =
        todo.into_iter().partition(|place| place.1.action == Action::Init);
    for place in first {
        let result = timed(work, place, |show| init(work, place, show));
        if through.get().is_none() && matches!(result.state, State::Changed | State::Unchanged) {
            let _ = through.set(place.0);
        }
        results[place.0] = Some(result);
    }
    let (members, rest): (Vec<Place<'_>>, Vec<Place<'_>>) =
        rest.into_iter().partition(|place| place.1.action == Action::Unchanged);
    let is_well = renewing::renew_all(work, &members, &mut results);
    let (upgraded, changed): (Vec<Place<'_>>, Vec<Place<'_>>) = members
        .into_iter()
        .filter(|place| is_well && (place.1.renewal.is_none() || place.1.alters_further()))
        .partition(|place| place.1.upgrade.is_some());
    let is_well = is_well && upgrading::upgrade_all(work, &upgraded, &mut results);
    let is_well = is_well && changing::change_all(work, &changed, &mut results);
    for place in changed.iter().filter(|_| !is_well) {
        results[place.0].get_or_insert_with(|| changing::skipped(&place.1.host));
    }
    match through.get().and_then(|at| work.links.get(*at)) {
        // A control plane that failed may have left what no host should join.
        Some(_) if !is_well => {
            for place in rest {
                results[place.0] = Some(changing::skipped(&place.1.host));
            }
        }
        Some(link) => join_all(work, link, &rest, &mut results),
        None => {
            for place in rest {
                results[place.0] = Some(HostResult::new(&place.1.host, State::Skipped, "no control plane is up"));
            }
        }
    }
    let mut results: Vec<HostResult> = results.into_iter().flatten().collect();
    if let Some(link) = through.get().and_then(|at| work.links.get(*at)) {
        label(work, link, &mut results);
    }
    results
}

/// The result of a host on which nothing is to be done.
fn settled(work: &Applying<'_>, (at, plan, _): Place<'_>) -> Option<HostResult> {
    let result = |state, why: &str| Some(HostResult::new(&plan.host, state, why));
    let mut settled = match plan.action {
        _ if !work.chosen.get(at).is_some_and(|chosen| *chosen) => {
            result(State::Skipped, "not selected").map(|mut it| {
                it.code = ExitCode::Ok;
                it
            })
        }
        Action::Unreachable => result(State::Unreachable, &plan.why),
        Action::Impossible => result(State::Failed, &plan.why).map(|mut it| {
            it.code = ExitCode::Refused;
            it
        }),
        Action::Unchanged if plan.running.is_none() && !plan.alters() => result(State::Unchanged, ""),
        Action::Unchanged | Action::Init | Action::Join => None,
    }?;
    settled.help.clone_from(&plan.help);
    Some(settled)
}

/// Control planes one after the other, and workers in a window beside them.
fn join_all(work: &Applying<'_>, through: &Link<'_>, places: &[Place<'_>], results: &mut [Option<HostResult>]) {
    let credentials = CredentialSource::new(through, work.clock);
    let (control_planes, workers): (Vec<Place<'_>>, Vec<Place<'_>>) =
        places.iter().copied().partition(|place| place.1.role == Role::ControlPlane);
    let all_workers = work.plan.hosts.iter().filter(|host| host.role == Role::Worker).count();
    let worker_budget = Budget::new(work.file.limits.failures.of(all_workers));
    // A control plane that failed may have left a member that has not started: nothing may change etcd before it has.
    let control_plane_budget = Budget::new(0);
    let joined = |places: &[Place<'_>], parallel: usize, budget: &Budget| {
        all(work, places, parallel, budget, |place, show| join(work, &credentials, place, show))
    };
    std::thread::scope(|scope| {
        let beside = scope.spawn(|| joined(&workers, work.file.limits.parallel, &worker_budget));
        for (place, result) in control_planes.iter().zip(joined(&control_planes, 1, &control_plane_budget)) {
            results[place.0] = Some(result);
        }
        match beside.join() {
            Ok(done) => {
                for (place, result) in workers.iter().zip(done) {
                    results[place.0] = Some(result);
                }
            }
            Err(panic) => std::panic::resume_unwind(panic),
        }
    });
    credentials.delete();
}

fn init(work: &Applying<'_>, place: Place<'_>, show: &mut dyn FnMut(u64, &Value)) -> Result<Done> {
    let (_, plan, link) = place;
    wait_for_run(work, plan, link, show)?;
    let mut words = vec!["init", "--config", "-", "--skip-token-print", "--skip-certificate-key-print"];
    words.extend(work.fix.then_some("--fix"));
    let mut files = Vec::new();
    let in_directory = format!("./{MANIFEST}");
    if let Some(GivenNetwork { given, manifest }) = &work.file.pod_network {
        files.extend(manifest.iter().map(|text| (MANIFEST, text.as_str())));
        words.extend(["--pod-network", if manifest.is_some() { &in_directory } else { given }]);
    }
    Job::with_files(work.id, &words, &work.file.init_documents(link.host), &files).run(link, work.clock, show)
}

fn join(
    work: &Applying<'_>,
    credentials: &CredentialSource<'_>,
    place: Place<'_>,
    show: &mut dyn FnMut(u64, &Value),
) -> Result<Done> {
    let (_, plan, link) = place;
    if let Some(done) = wait_for_run(work, plan, link, show)? {
        // It may have been this very join; whether something is left to do is seen from its facts by the next plan.
        return Ok(done);
    }
    let mut words = vec!["join", "--config", "-"];
    words.extend(work.fix.then_some("--fix"));
    let attempt = |id: &str, credentials: &Credentials, show: &mut dyn FnMut(u64, &Value)| {
        Job::new(id, &words, &work.file.join_documents(link.host, credentials)).run(link, work.clock, show)
    };
    match plan.role {
        Role::Worker => attempt(work.id, &credentials.worker()?, show),
        // The cluster holds the certificates for one key: another apply, or a 'token create', may have replaced them.
        Role::ControlPlane => match attempt(work.id, &credentials.control_plane()?, show) {
            Err(failure) if is_untrusted(&failure) => {
                work.watch.message(&format!("{}: {failure}; it joins again, with a new certificate key", plan.host));
                attempt(&format!("{}-again", work.id), &credentials.control_plane()?, show)
            }
            ended => ended,
        },
    }
}

/// The command on the host found that something is not what its credentials say. SSH's own doubts are not meant.
fn is_untrusted(failure: &Failure) -> bool {
    matches!(failure.downcast_ref(), Some(FleetError::Failed { code: ExitCode::Untrusted, .. }))
}

/// Sets labels and taints of the nodes that are in the cluster now.
fn label(work: &Applying<'_>, through: &Link<'_>, results: &mut [HostResult]) {
    let mut nodes: Vec<(usize, Wanted)> = Vec::new();
    for (at, plan) in work.plan.hosts.iter().enumerate() {
        let Some(host) = work.file.hosts.get(at) else { continue };
        let joined = plan.action != Action::Unchanged && (!host.labels.is_empty() || host.taints.is_some());
        let is_there = results.get(at).is_some_and(|result| matches!(result.state, State::Changed | State::Unchanged));
        if let Some(node) = &plan.node
            && is_there
            && (joined || !plan.labels.is_empty())
        {
            nodes.push((at, wanted(host, node)));
        }
    }
    if nodes.is_empty() || (work.stop)().is_some() {
        return;
    }
    let list: Vec<&Wanted> = nodes.iter().map(|(_, wanted)| wanted).collect();
    let text = serde_json::to_string(&list).unwrap_or_default();
    let set: Result<Value> = through.ask(&["host", "labels"], text.as_bytes());
    for (at, _) in nodes {
        let Some(result) = results.get_mut(at) else { continue };
        match &set {
            Ok(_) if work.plan.hosts.get(at).is_some_and(|plan| !plan.labels.is_empty()) => {
                result.state = State::Changed;
                result.why = work.plan.hosts.get(at).map(HostPlan::shown).unwrap_or_default();
            }
            Ok(_) => {}
            Err(failure) => {
                let trouble = Trouble::of(failure);
                *result = HostResult {
                    help: trouble.help,
                    code: trouble.code,
                    ..HostResult::new(&result.host, State::Failed, trouble.why)
                };
            }
        }
    }
}

/// Which hosts are worked on: those named by label, address or node; all if none are named.
pub fn chosen(file: &ClusterFile, plan: &Plan, names: &[String]) -> Result<Vec<bool>> {
    let known: Vec<[&str; 3]> = file
        .hosts
        .iter()
        .zip(&plan.hosts)
        .map(|(host, plan)| [host.label.as_str(), host.target.host.as_str(), plan.node.as_deref().unwrap_or_default()])
        .collect();
    for name in names {
        if !known.iter().flatten().any(|known| known == name) {
            let near = crate::base::suggest::similar(name, known.iter().flatten().copied()).map(str::to_owned);
            return Err(FleetError::NoHost { name: name.clone(), near }.into());
        }
    }
    Ok(known.iter().map(|known| names.is_empty() || names.iter().any(|name| known.contains(&name.as_str()))).collect())
}

/// Of the chosen hosts, those with work that was begun and not completed.
pub fn only_unfinished(plan: &Plan, chosen: &[bool]) -> Vec<bool> {
    plan.hosts.iter().zip(chosen).map(|(host, chosen)| *chosen && host.is_unfinished()).collect()
}

#[cfg(test)]
mod tests;
