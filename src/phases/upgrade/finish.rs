//! The end of an upgrade of this host.
//!
//! Reads: nothing. Writes: removes the record of the upgrade, and the programs that were kept for a way back.

use crate::base::fault::Result;
use crate::context::Context;
use crate::host::packages;
use crate::ops::upgrade_progress;
use crate::pipeline::{Action, Target};

pub struct FinishUpgrade;

impl Action for FinishUpgrade {
    fn needs_running_host(&self) -> bool {
        true
    }

    fn run(&self, cx: &mut Context, _: &Target) -> Result<()> {
        upgrade_progress::forget(cx)?;
        Ok(packages::forget(&cx.host)?)
    }
}
