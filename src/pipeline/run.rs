//! Runs the steps of a plan in order and reports the result of each.

use super::plan::{Plan, Step};
use crate::base::fault::Result;
use crate::context::Run;
use serde::Serialize;

/// The result of a run.
#[derive(Debug, Default, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Summary {
    /// Steps that ran or were up to date.
    pub phases: usize,
    /// The number of changes.
    pub changes: usize,
    /// Paths that still have to run on a running host.
    pub left_for_host: Vec<String>,
}

impl<W> Plan<W> {
    /// Runs every step and stops at the first failure. Completed changes stay, and the same command
    /// continues from there. A timeout is reported with its cause, if this host shows it.
    pub fn run(&self, cx: &mut Run<W>) -> Result<Summary> {
        let mut keys = 0;
        for step in &self.steps {
            keys += step.action.keys_wanted(cx, &step.target).map_err(|f| f.within(&step.target.path))?;
        }
        cx.expect_keys(keys);
        for step in &self.steps {
            let before = cx.host.gate.count();
            let outcome = run_step(step, cx).map_err(|failure| cx.explained(failure).within(&step.target.path));
            let noted = cx.note_files(before).map_err(|failure| failure.within(&step.target.path));
            // A full disk makes both fail; the first failure is the cause.
            outcome.and(noted)?;
        }
        cx.finish_pulls()?;
        Ok(Summary {
            phases: self.steps.len(),
            changes: cx.host.gate.count(),
            left_for_host: self.left_for_host.clone(),
        })
    }
}

fn run_step<W>(step: &Step<W>, cx: &mut Run<W>) -> Result<()> {
    let (before, start) = (cx.host.gate.count(), cx.host.clock.monotonic());
    cx.host.gate.enter(&step.target.path);
    cx.events.phase_started(&step.target.path);
    step.action.run(cx, &step.target)?;
    cx.events.phase_done(cx.host.gate.count() - before, cx.host.clock.monotonic().saturating_sub(start));
    cx.host.gate.enter("");
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::super::action::fakes;
    use super::super::plan::Choice;
    use super::*;
    use crate::host::command::fake::FakeHost;

    #[test]
    fn every_step_runs_in_order_and_is_counted() {
        let list = "workflow: w\nphases: [{name: a, short: s, action: look}, {name: b, short: s, action: note}]";
        let workflow = fakes::load(list).unwrap();
        let mut cx = fakes::run("/");
        let plan = Plan::new(&workflow, &Choice::default(), &mut cx).unwrap();
        let summary = plan.run(&mut cx).unwrap();
        assert_eq!((summary.phases, summary.changes), (2, 0));
    }

    #[test]
    fn a_failure_carries_the_path_of_its_phase() {
        let list = "workflow: w\nphases: [{name: a, short: s, phases: [{name: b, short: s, action: fail}]}]";
        let workflow = fakes::load(list).unwrap();
        let mut cx = fakes::run("/");
        let plan = Plan::new(&workflow, &Choice::default(), &mut cx).unwrap();
        assert_eq!(plan.run(&mut cx).unwrap_err().places(), ["a/b"]);
    }

    #[test]
    fn a_wait_that_ran_out_of_time_in_any_phase_ends_with_its_cause() {
        let workflow = fakes::load("workflow: w\nphases: [{name: a, short: s, action: late}]").unwrap();
        let fake = FakeHost::new().systemd().on("journalctl -u kubelet -b -n 1500 -o cat --no-pager --quiet", "");
        let mut cx = fakes::run("/");
        cx.host = fake.live();
        let plan = Plan::new(&workflow, &Choice::default(), &mut cx).unwrap();
        let text = plan.run(&mut cx).unwrap_err().to_string();
        let cause = "timed out after 9s waiting for the node n1: the container runtime does not answer";
        assert!(text.starts_with(cause) && text.ends_with("last look: not there"), "{text}");
    }
}
