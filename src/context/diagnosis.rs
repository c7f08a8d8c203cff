//! Turns a wait that ran out of time into its cause.
//!
//! Reads: the kubelet's journal, the containers that ended, the disk. Writes nothing.

use super::Context;
use crate::base::fault::Failure;
use crate::base::wait::TimedOut;
use crate::checks::diagnosis::{Diagnosed, collect, diagnose};
use std::time::Duration;

impl Context {
    /// The same failure, or, when a wait ran out of time on this running host, the reason for that.
    #[must_use]
    pub fn explained(&self, failure: Failure) -> Failure {
        let Some(TimedOut { what, limit, .. }) = failure.downcast_ref() else { return failure };
        self.diagnosed(what, *limit).unwrap_or(failure)
    }

    /// Why `what` did not happen within `limit`, as this running host shows it; None for a folder of files.
    pub fn diagnosed(&self, what: &str, limit: Duration) -> Option<Failure> {
        if !self.files.is_live() {
            return None;
        }
        let runtime = self.runtime().ok();
        let diagnosis = diagnose(&collect(&self.host, runtime.as_ref()));
        Some(Diagnosed { what: what.into(), limit, diagnosis }.into())
    }
}
