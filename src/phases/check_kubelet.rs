//! Refuses to restart anything while no kubelet runs that would start it again.
//!
//! Reads: the state of the kubelet's service. Writes: nothing.

use crate::base::fault::Result;
use crate::context::Context;
use crate::ops::kubelet_service::require_active;
use crate::pipeline::{Action, Target};
use crate::state::renewable::KUBELET_CONF;

/// Refuses, before any file changes, what would end components that no kubelet brings back.
pub struct CheckKubelet;

impl Action for CheckKubelet {
    fn changes(&self) -> bool {
        false
    }

    fn needs_running_host(&self) -> bool {
        true
    }

    fn run(&self, cx: &mut Context, _: &Target) -> Result<()> {
        // One that runs and is not well may be what this run repairs, as may one that does not run.
        if cx.renewal()?.only.as_deref() == Some(KUBELET_CONF) { Ok(()) } else { require_active(cx) }
    }
}
