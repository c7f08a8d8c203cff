//! The work on the hosts of a file: what it needs, and how the work on one of them is shown and ends.

use super::job::{self, Done};
use super::link::Link;
use super::outcome::{HostResult, State};
use super::plan::{Action, HostPlan, Plan};
use super::survey::{self, Trouble};
use super::watch::Watch;
use super::window::{self, Budget};
use crate::base::env::Clock;
use crate::base::exit_code::ExitCode;
use crate::base::fault::{Failure, Result};
use crate::config::cluster::{ClusterFile, Role};
use serde_json::Value;

/// What an apply needs.
pub struct Applying<'a> {
    pub file: &'a ClusterFile,
    /// In the file's order.
    pub links: &'a [Link<'a>],
    pub plan: &'a Plan,
    /// Whether a host is worked on, in the file's order.
    pub chosen: &'a [bool],
    /// Names the runs on the hosts.
    pub id: &'a str,
    pub clock: &'a Clock,
    pub watch: &'a dyn Watch,
    /// Why no further host is started; set from outside to stop.
    pub stop: &'a (dyn Fn() -> Option<&'static str> + Sync),
    /// Whether preflight fixes what it can on the hosts.
    pub fix: bool,
}

/// A host of the file: its place, its plan and its connection.
pub type Place<'a> = (usize, &'a HostPlan, &'a Link<'a>);

/// Works on all these hosts, at most `parallel` at once, until the budget is spent or the user stops.
pub fn all<'a>(
    work: &Applying<'_>,
    places: &[Place<'a>],
    parallel: usize,
    budget: &Budget,
    act: impl Fn(Place<'a>, &mut dyn FnMut(u64, &Value)) -> Result<Done> + Sync,
) -> Vec<HostResult> {
    let skipped = |place: &Place<'_>, why| HostResult::new(&place.1.host, State::Skipped, why);
    let one = |place: &Place<'a>| {
        if let Some(why) = (work.stop)() {
            budget.stop(why);
            return skipped(place, why);
        }
        let result = timed(work, *place, |show| act(*place, show));
        if matches!(result.state, State::Failed | State::Unreachable) {
            budget.spend();
        }
        result
    };
    window::run(places, parallel, budget, one, skipped)
}

/// Puts the result of a host behind what it had before; true if it failed.
pub fn put(results: &mut [Option<HostResult>], place: Place<'_>, result: HostResult) -> bool {
    let is_bad = matches!(result.state, State::Failed | State::Unreachable);
    if let Some(slot) = results.get_mut(place.0) {
        *slot = Some(match slot.take() {
            Some(before) => before.and(result),
            None => result,
        });
    }
    is_bad
}

/// Shows the work on a host, and turns its end into a result.
pub fn timed(
    work: &Applying<'_>,
    (_, plan, link): Place<'_>,
    act: impl FnOnce(&mut dyn FnMut(u64, &Value)) -> Result<Done>,
) -> HostResult {
    let start = work.clock.monotonic();
    work.watch.started(&plan.host, &plan.shown());
    let done = act(&mut |seq, event| work.watch.event(&plan.host, seq, event));
    let mut result = match done {
        Ok(Done { changes }) => {
            let state = if changes == Some(0) { State::Unchanged } else { State::Changed };
            HostResult { changes, ..HostResult::new(&plan.host, state, plan.shown()) }
        }
        Err(failure) => failed(&plan.host, &failure),
    };
    // Hundreds of idle connections are of no use; control planes are asked again.
    if plan.role == Role::Worker {
        link.close();
    }
    result.millis = u64::try_from(work.clock.monotonic().saturating_sub(start).as_millis()).unwrap_or(u64::MAX);
    work.watch.ended(&plan.host, result.state, &result.why);
    result
}

fn failed(host: &str, failure: &Failure) -> HostResult {
    let trouble = Trouble::of(failure);
    HostResult { help: trouble.help.clone(), code: trouble.code, ..HostResult::new(host, trouble.state(), trouble.why) }
}

/// Follows a run that is in progress on the host to its end; its result, if it did what was to be done.
pub fn wait_for_run(
    work: &Applying<'_>,
    plan: &HostPlan,
    link: &Link<'_>,
    show: &mut dyn FnMut(u64, &Value),
) -> Result<Option<Done>> {
    let Some(id) = &plan.running else { return Ok(None) };
    let ended = job::attach(link, id, work.clock, show);
    let facts = survey::look(link, work.clock).facts;
    let command = facts.ok().and_then(|facts| facts.run).filter(|run| run.id == *id).map(|run| run.command);
    match (ended, command.as_deref(), plan.action) {
        (Ok(done), _, Action::Unchanged) | (Ok(done), Some("join"), Action::Join) => Ok(Some(done)),
        // It has said why; nothing else is done on a member.
        (Err(failure), _, Action::Unchanged) if !plan.alters() => Err(failure),
        (Err(failure), _, _) if failure.exit_code() == ExitCode::Unreachable => Err(failure),
        // A failed run is what the new one continues.
        _ => Ok(None),
    }
}
