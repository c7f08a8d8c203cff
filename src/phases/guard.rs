//! The checks that no option skips or ignores: no other cluster is damaged, and this one is not parted from its data.
//!
//! Preflight makes them too, and reports them with all others. This phase is part of every run that could do damage, and comes
//! before its first change.
//!
//! Reads: the manifests and data of etcd on this host, an external etcd, the API server at the control plane endpoint.
//! Writes: nothing.

use crate::base::fault::Result;
use crate::checks::{self, Severity, Unfit};
use crate::context::{Init, Run};
use crate::phases::preflight::{NewNode, warning, with_inputs};
use crate::pipeline::{Phase, Target};

pub struct Guard;

impl Phase<Init> for Guard {
    fn changes(&self) -> bool {
        false
    }

    fn run(&self, cx: &mut Run<Init>, _: &Target) -> Result<()> {
        let subject = Init::subject(cx)?;
        let is_whole = !cx.work.options.is_single_phase;
        let found = with_inputs(cx, &subject, is_whole, checks::guard)?;
        let (errors, warnings): (Vec<_>, Vec<_>) =
            found.into_iter().partition(|finding| finding.severity == Severity::Error);
        for finding in &warnings {
            cx.events.warning(warning(finding));
        }
        if errors.is_empty() { Ok(()) } else { Err(Unfit { errors, role: subject.role }.into()) }
    }
}

#[cfg(test)]
mod tests;
