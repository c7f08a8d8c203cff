//! Changes the configuration of hosts that are in the cluster: first all control planes are asked whether they could, then they
//! change one after the other, then workers, the first of which is alone.
//!
//! A control plane proves the change on itself before the cluster stores it, and goes back if it does not become ready. So the
//! first failure ends the work while all other hosts are as they were.

use super::job::{Done, Job};
use super::outcome::{HostResult, State};
use super::survey::Trouble;
use super::window::Budget;
use super::work::{Applying, Place, all, put, wait_for_run};
use crate::base::fault::Result;
use crate::base::parallel::for_each_of;
use crate::base::secret::Secret;
use crate::config::Kind;
use crate::config::cluster::{ClusterFile, Role};
use serde_json::Value;

const STOPPED: &str = "a control plane has failed";
const FIRST: &str = "the first worker has failed";

/// Changes the hosts at these places, and waits for what runs on them; false if a control plane has failed.
pub(super) fn change_all(work: &Applying<'_>, places: &[Place<'_>], results: &mut [Option<HostResult>]) -> bool {
    let (mut control_planes, workers): (Vec<Place<'_>>, Vec<Place<'_>>) =
        places.iter().copied().partition(|place| place.1.role == Role::ControlPlane);
    first_seen_first(work, &mut control_planes);
    if let Some(refused) = check(work, &control_planes) {
        for place in places {
            let own = refused.iter().find(|result| result.host == place.1.host);
            put(results, *place, own.cloned().unwrap_or_else(|| skipped(&place.1.host)));
        }
        return false;
    }
    let changed = |places: &[Place<'_>], parallel: usize, budget: &Budget| {
        all(work, places, parallel, budget, |place, show| change(work, place, show))
    };
    let mut is_well = true;
    for (place, result) in control_planes.iter().zip(changed(&control_planes, 1, &Budget::new(0))) {
        is_well &= !put(results, *place, result);
    }
    for (place, result) in
        on_workers(work, &workers, !is_well, |group, parallel, budget| changed(group, parallel, budget))
    {
        put(results, place, result);
    }
    is_well
}

/// Puts the control plane through which the cluster was seen first: its API is known to respond.
pub(super) fn first_seen_first(work: &Applying<'_>, control_planes: &mut [Place<'_>]) {
    control_planes.sort_by_key(|place| Some(&place.1.host) != work.plan.seen_from.as_ref());
}

/// Works on workers, the first one alone: another system may not start with what works on a control plane. On none of them if
/// a control plane has failed.
pub(super) fn on_workers<'a>(
    work: &Applying<'_>,
    places: &[Place<'a>],
    has_failed: bool,
    act: impl Fn(&[Place<'a>], usize, &Budget) -> Vec<HostResult>,
) -> Vec<(Place<'a>, HostResult)> {
    let (first, rest) = places.split_at(places.len().min(1));
    let failures =
        work.file.limits.failures.of(work.plan.hosts.iter().filter(|host| host.role == Role::Worker).count());
    let mut why = has_failed.then_some(STOPPED);
    let mut all = Vec::new();
    for (group, is_first) in [(first, true), (rest, false)] {
        let budget = Budget::new(if is_first { 0 } else { failures });
        if let Some(why) = why {
            budget.stop(why);
        }
        let results = act(group, if is_first { 1 } else { work.file.limits.parallel }, &budget);
        if is_first && results.iter().any(|result| matches!(result.state, State::Failed | State::Unreachable)) {
            why = why.or(Some(FIRST));
        }
        all.extend(group.iter().copied().zip(results));
    }
    all
}

/// Asks all control planes that change whether anything is in the way; None if nothing is.
fn check(work: &Applying<'_>, places: &[Place<'_>]) -> Option<Vec<HostResult>> {
    let documents = work.plan.documents.as_ref()?;
    let asked: Vec<Place<'_>> = places
        .iter()
        .copied()
        .filter(|(_, plan, _)| (plan.change.any() || plan.proxy) && !plan.continues && plan.running.is_none())
        .collect();
    let results = for_each_of(&asked, work.file.limits.parallel, |(_, plan, link)| {
        let mut words = words(work.file, true);
        words.push("--dry-run".into());
        let words: Vec<&str> = words.iter().map(String::as_str).collect();
        let answer: Result<Value> = link.ask(&words, documents.expose().as_bytes());
        answer.err().map(|failure| {
            let trouble = Trouble::of(&failure);
            let (help, code) = (trouble.help.clone(), trouble.code);
            HostResult { help, code, ..HostResult::new(&plan.host, trouble.state(), trouble.why) }
        })
    });
    let refused: Vec<HostResult> = results.into_iter().flatten().collect();
    (!refused.is_empty()).then_some(refused)
}

/// The words of `host change`.
fn words(file: &ClusterFile, with_documents: bool) -> Vec<String> {
    let mut words: Vec<String> = vec!["host".into(), "change".into()];
    if with_documents {
        words.extend(["--config".into(), "-".into()]);
    }
    if let Some(patches) = patches(file) {
        words.extend(["--patches".into(), patches]);
    }
    words
}

/// The directory with patches that the file names for hosts.
pub(super) fn patches(file: &ClusterFile) -> Option<String> {
    [Kind::Join, Kind::Init].into_iter().find_map(|kind| {
        file.document(kind)?.root.entry("patches")?.value.entry("directory")?.value.text().map(str::to_owned)
    })
}

/// Changes a host. What another run has begun on it is waited for.
fn change(work: &Applying<'_>, place: Place<'_>, show: &mut dyn FnMut(u64, &Value)) -> Result<Done> {
    let (_, plan, link) = place;
    // Before a renewal that was done.
    let waited = if plan.renewal.is_some() { None } else { wait_for_run(work, plan, link, show)? };
    let mut done = waited.unwrap_or(Done { changes: Some(0) });
    let mut run = |id: &str, words: &[&str], input: &Secret<String>, show: &mut dyn FnMut(u64, &Value)| {
        done = done.and(Job::new(id, words, input).run(link, work.clock, show)?);
        Ok::<_, crate::base::fault::Failure>(())
    };
    if !plan.sans.is_empty() {
        let mut words = vec!["certs", "add-san"];
        words.extend(plan.sans.iter().map(String::as_str));
        run(&format!("{}-san", work.id), &words, &Secret::new(String::new()), show)?;
    }
    if plan.change.any() || plan.proxy {
        let documents = work.plan.documents.as_ref().filter(|_| plan.role == Role::ControlPlane);
        let words = words(work.file, documents.is_some());
        let words: Vec<&str> = words.iter().map(String::as_str).collect();
        let none = Secret::new(String::new());
        run(work.id, &words, documents.unwrap_or(&none), show)?;
    }
    Ok(done)
}

/// Why hosts are not worked on after a control plane has failed.
pub(super) fn skipped(host: &str) -> HostResult {
    HostResult::new(host, State::Skipped, STOPPED)
}

/// A host that another machine works on, so that the cluster may not respond meanwhile.
pub fn runs_a_change(command: &str) -> bool {
    ["host change", "certs add-san", "certs renew", "upgrade apply", "upgrade node"].contains(&command)
}
