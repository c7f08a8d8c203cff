//! Reverts the changes of `--fix` on this host.
//!
//! Reads: the journal. Writes: former contents and states, and the journal.

use crate::base::fault::Result;
use crate::context::Context;
use crate::journal::{self, Journal};
use crate::pipeline::{Action, Target};

pub struct UndoFix;

impl Action for UndoFix {
    fn needs_running_host(&self) -> bool {
        true
    }

    fn run(&self, cx: &mut Context, _: &Target) -> Result<()> {
        let mut journal = Journal::load(&cx.host.files)?;
        let undone = journal::undo(&cx.host, &mut journal)?;
        for line in &undone.messages {
            cx.events.message(line.clone());
        }
        Ok(undone.verdict()?)
    }
}
