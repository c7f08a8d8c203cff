//! Mending in rounds: what is fixes may bring to light what it hid.
//!
//! Pure: how to mend and how to look again are the caller's.

use super::bench::{FailedFix, Fixed};
use super::steps::Fixes;
use crate::base::fault::Result;
use crate::checks::finding::{Finding, Repair, Report};

/// A runtime that was switched on shows its cgroup driver; that is two rounds, and one is to spare.
const ROUNDS: usize = 3;

/// What mending came to.
#[derive(Debug, Default)]
pub struct Outcome {
    /// What was done, or would be.
    pub fixed: Vec<Fixed>,
    /// What could not be done.
    pub failed: Vec<FailedFix>,
    /// What a dry run would have fixes.
    pub planned: Vec<Repair>,
    /// What is still found. A dry run has fixes nothing, so there it is what mending would leave.
    pub after: Report,
}

/// Mends what was found first and then what is found anew, until nothing new can be fixes. `look` gives None where
/// nothing was really changed.
///
/// # Errors
/// What `look` says.
pub fn in_rounds(
    first: Report,
    mut mend: impl FnMut(&Report) -> Fixes,
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
        let Fixes { fixed, failed } = mend(&round);
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
    // What has not helped is not offered again.
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
        let findings = repairs.iter().map(|repair| Finding::error("X", "", "", "").mended_by(repair.clone())).collect();
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
    fn what_a_switched_off_runtime_hid_is_mended_too() {
        let mut rounds = Vec::new();
        let mut after = [found(&[driver()]), found(&[])].into_iter();
        let mend = |round: &Report| {
            rounds.push(repairs(round));
            Fixes::default()
        };
        let outcome = in_rounds(found(&[Repair::SwitchCriOn]), mend, |_| Ok(after.next())).unwrap();
        assert_eq!(rounds, [vec![Repair::SwitchCriOn], vec![driver()]]);
        assert_eq!(outcome.after, found(&[]));
    }

    #[test]
    fn what_has_not_helped_is_tried_once_and_not_offered_again() {
        let mut rounds = 0;
        let mend = |_: &Report| {
            rounds += 1;
            Fixes::default()
        };
        let outcome = in_rounds(found(&[Repair::Swap]), mend, |_| Ok(Some(found(&[Repair::Swap])))).unwrap();
        assert_eq!((rounds, outcome.after.errors().count()), (1, 1));
        assert!(repairs(&outcome.after).is_empty());
    }

    #[test]
    fn a_dry_run_keeps_the_finding_whose_repair_cannot_be_done() {
        let first = found(&[Repair::Swap, driver()]);
        let outcome = in_rounds(first, |_| fails(driver()), |_| Ok(None)).unwrap();
        assert_eq!(outcome.planned, [Repair::Swap]);
        assert_eq!(outcome.after.errors().count(), 1);
        assert!(repairs(&outcome.after).is_empty());
    }
}
