//! The checks without which another cluster could be damaged, or this one be parted from its data. They are made in every run
//! that could do that, whatever is skipped or ignored, and a check that cannot be made fails.
//!
//! Reads: what those checks read. Writes: nothing.

use super::finding::{Finding, Severity};
use super::inputs::{Inputs, Scene};
use super::{endpoint, external_data, lost, standing};

/// Makes the checks that apply. Every error that is returned stops the run.
pub fn guard(inputs: &Inputs<'_>) -> Vec<Finding> {
    let scene = Scene::new(inputs);
    let mut checks = lost::checks(inputs);
    checks.extend(standing::checks(inputs));
    checks.extend(external_data::checks(inputs, true));
    checks.extend(endpoint::checks(inputs));
    checks.retain(|check| check.offline || inputs.host.is_live());
    let mut found: Vec<Finding> = checks.iter().flat_map(|check| (check.run)(&scene)).collect();
    // An error that a user may ignore is a matter of preflight.
    found.retain(|finding| finding.severity == Severity::Warning || finding.vital.is_some());
    for finding in &mut found {
        if let Some(reason) = finding.vital {
            finding.what = format!("{}; this cannot be skipped or ignored: {reason}", finding.what);
        }
    }
    found
}
