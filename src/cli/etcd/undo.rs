//! After a failed run: puts back what it changed, as far as there is a way back.

use crate::base::fault::{Failure, Result};
use crate::cli::session::Session;
use crate::context::Context;

/// How a command goes back.
pub(super) struct Undo {
    /// Puts everything back; true if there was something to put back.
    pub put_back: fn(&Context) -> Result<bool>,
    /// What is reported then, and if that fails.
    pub done: &'static str,
    pub failed: &'static str,
}

impl Undo {
    /// Goes back, reports that, and returns the failure of the run.
    pub fn after(&self, failure: Failure, cx: &Context, session: &Session) -> Failure {
        let before = cx.host.gate.count();
        match (self.put_back)(cx).and_then(|done| cx.note_files(before).map(|()| done)) {
            Ok(true) => session.events.warning(self.done),
            Ok(false) => {}
            Err(error) => session.events.warning(format!("{}: {error}", self.failed)),
        }
        failure
    }
}
