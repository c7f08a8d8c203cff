//! Turns a wait that ran out of time into its cause.
//!
//! Reads: the kubelet's journal, the containers that ended, the disk. Writes nothing.

use super::Context;
use crate::base::fault::Failure;
use crate::base::wait::TimedOut;
use crate::checks::diagnosis::{Diagnosed, collect, diagnose};

impl Context {
    /// The same failure, or, when a wait ran out of time on this running host, the reason for that.
    #[must_use]
    pub fn explained(&self, failure: Failure) -> Failure {
        let Some(TimedOut { what, limit, .. }) = failure.downcast_ref() else { return failure };
        if !self.files.is_live() {
            return failure;
        }
        let runtime = self.runtime().ok();
        let diagnosis = diagnose(&collect(&self.host, runtime.as_ref()));
        Diagnosed { what: what.clone(), limit: *limit, diagnosis }.into()
    }
}
