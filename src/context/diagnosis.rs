//! Finds the cause of a timeout.
//!
//! Reads: the kubelet's journal, the exited containers, the disk. Writes nothing.

use super::Context;
use crate::base::fault::Failure;
use crate::base::wait::TimedOut;
use crate::checks::diagnosis::{Diagnosed, collect, diagnose};
use std::time::Duration;

impl Context {
    /// The same failure or, for a timeout on this running host, its cause.
    #[must_use]
    pub fn explained(&self, failure: Failure) -> Failure {
        let Some(TimedOut { what, limit, last }) = failure.downcast_ref() else { return failure };
        self.diagnosed(what, *limit, Some(last)).unwrap_or(failure)
    }

    /// Why `what` did not happen within `limit`, as this running host shows it; None in a root directory. The result of the
    /// `last` attempt is included.
    pub fn diagnosed(&self, what: &str, limit: Duration, last: Option<&str>) -> Option<Failure> {
        if !self.host.is_live() {
            return None;
        }
        let runtime = self.runtime().ok();
        let mut diagnosis = diagnose(&collect(&self.host, runtime.as_ref()));
        if let Some(last) = last {
            diagnosis = diagnosis.and_last(last);
        }
        Some(Diagnosed { what: what.into(), limit, diagnosis }.into())
    }
}
