//! Fixes in rounds: a fix may reveal findings that were hidden before.
//!
//! Pure: the caller passes the functions that fix and check.

use super::bench::{FailedFix, Fixed};
use super::steps::Fixes;
use crate::base::fault::Result;
use crate::checks::finding::{Finding, Repair, Report};

/// A runtime that was enabled reports its cgroup driver: that needs two rounds, and one is spare.
const ROUNDS: usize = 3;

/// The result of all rounds.
#[derive(Debug, Default)]
pub struct Outcome {
    /// The completed fixes, or in a dry run the planned ones.
    pub fixed: Vec<Fixed>,
    /// The failed fixes.
    pub failed: Vec<FailedFix>,
    /// The findings that a dry run would have fixed.
    pub planned: Vec<Repair>,
    /// The remaining findings. A dry run has fixed nothing, so these are the ones that fixing would leave.
    pub after: Report,
}

/// Fixes the findings of the first report, then new ones, until nothing new can be fixed. `look` returns None if
/// nothing was really changed.
pub fn in_rounds(
    first: Report,
    mut fix: impl FnMut(&Report) -> Fixes,
    mut look: impl FnMut(&Report) -> Result<Option<Report>>,
) -> Result<Outcome> {
    let mut outcome = Outcome { after: first, ..Outcome::default() };
    let mut tried: Vec<Repair> = Vec::new();
    for _ in 0..ROUNDS {
        let is_new = |finding: &&Finding| finding.repair.as_ref().is_some_and(|repair| !tried.contains(repair));
        let new: Vec<Finding> = outcome.after.findings.iter().filter(is_new).cloned().collect();
        if new.is_empty() {
            break;
        }
        tried.extend(new.iter().filter_map(|finding| finding.repair.clone()));
        let round = Report { findings: new, ..Report::default() };
        let Fixes { fixed, failed } = fix(&round);
        outcome.fixed.extend(fixed);
        outcome.failed.extend(failed);
        let Some(after) = look(&round)? else {
            let has_failed = |repair: &Repair| outcome.failed.iter().any(|one| one.repair.as_ref() == Some(repair));
            tried.iter().filter(|repair| !has_failed(repair)).for_each(|repair| outcome.planned.push(repair.clone()));
            let planned = &outcome.planned;
            outcome.after.findings.retain(|finding| finding.repair.as_ref().is_none_or(|r| !planned.contains(r)));
            break;
        };
        outcome.after = after;
    }
    // A fix that did not help is not tried again.
    for finding in &mut outcome.after.findings {
        finding.repair.take_if(|repair| tried.contains(repair));
    }
    Ok(outcome)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::fault::Failure;
    use crate::checks::fix::FailedFix;
    use crate::host::HostError;

    fn driver() -> Repair {
        Repair::CgroupDriver { driver: "systemd".into() }
    }

    fn found(repairs: &[Repair]) -> Report {
        let findings = repairs.iter().map(|repair| Finding::error("X", "", "", "").fixed_by(repair.clone())).collect();
        Report { findings, ..Report::default() }
    }

    fn repairs(report: &Report) -> Vec<Repair> {
        report.findings.iter().filter_map(|finding| finding.repair.clone()).collect()
    }

    fn fails(repair: Repair) -> Fixes {
        let why: Failure = HostError::NoProgram { program: "x".into() }.into();
        Fixes { fixed: Vec::new(), failed: vec![FailedFix { id: "X".into(), repair: Some(repair), why }] }
    }

    #[test]
    fn findings_that_a_disabled_runtime_hid_are_fixed_too() {
        let mut rounds = Vec::new();
        let mut after = [found(&[driver()]), found(&[])].into_iter();
        let fix = |round: &Report| {
            rounds.push(repairs(round));
            Fixes::default()
        };
        let outcome = in_rounds(found(&[Repair::SwitchCriOn]), fix, |_| Ok(after.next())).unwrap();
        assert_eq!(rounds, [vec![Repair::SwitchCriOn], vec![driver()]]);
        assert_eq!(outcome.after, found(&[]));
    }

    #[test]
    fn a_fix_that_did_not_help_is_tried_once() {
        let mut rounds = 0;
        let fix = |_: &Report| {
            rounds += 1;
            Fixes::default()
        };
        let outcome = in_rounds(found(&[Repair::Swap]), fix, |_| Ok(Some(found(&[Repair::Swap])))).unwrap();
        assert_eq!((rounds, outcome.after.errors().count()), (1, 1));
        assert!(repairs(&outcome.after).is_empty());
    }

    #[test]
    fn a_dry_run_keeps_the_finding_whose_fix_fails() {
        let first = found(&[Repair::Swap, driver()]);
        let outcome = in_rounds(first, |_| fails(driver()), |_| Ok(None)).unwrap();
        assert_eq!(outcome.planned, [Repair::Swap]);
        assert_eq!(outcome.after.errors().count(), 1);
        assert!(repairs(&outcome.after).is_empty());
    }
}
