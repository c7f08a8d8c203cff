//! The checks before anything changes.
//!
//! Reads: the host and the configuration. Writes: nothing.

use crate::base::fault::Result;
use crate::context::Context;
use crate::pipeline::{Action, Target};

/// See the module's text.
pub struct Preflight;

impl Action for Preflight {
    fn changes(&self) -> bool {
        false
    }

    fn needs_running_host(&self) -> bool {
        true
    }

    fn run(&self, _: &mut Context, _: &Target) -> Result<()> {
        Ok(())
    }
}
