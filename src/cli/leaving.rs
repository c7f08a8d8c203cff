//! What `reset` and `node remove` have in common: the question before, and what was left.

use super::session::Session;
use crate::base::exit_code::ExitCode;
use crate::base::fault::{Fault, Result};
use crate::state::leftovers::Left;
use std::io::{BufRead, BufReader};

/// Nobody said yes.
#[derive(Debug, thiserror::Error)]
pub enum Unconfirmed {
    /// The answer was another.
    #[error("nothing was changed: the answer was not yes")]
    No,
    /// There was no answer.
    #[error("nothing was changed: there is nobody to ask")]
    Nobody,
}

impl Fault for Unconfirmed {
    fn exit_code(&self) -> ExitCode {
        ExitCode::Refused
    }
    fn hint(&self) -> Option<String> {
        match self {
            Self::No => None,
            Self::Nobody => Some("add -y to go on without a question, or --dry-run to see what would be done".into()),
        }
    }
}

/// Shows what is about to happen and waits for a yes.
pub fn confirm(question: &str, session: &mut Session) -> Result<()> {
    session.events.settle();
    session.events.error(&format!("{question}\nGo on? [y/N] "));
    let mut answer = String::new();
    let read = BufReader::new(&mut session.env.stdin).read_line(&mut answer);
    if !session.env.stdin_is_terminal {
        session.events.error("\n");
    }
    match (read, answer.trim().to_lowercase().as_str()) {
        (Ok(1..), "y" | "yes") => Ok(()),
        (Ok(1..), _) => Err(Unconfirmed::No.into()),
        _ => Err(Unconfirmed::Nobody.into()),
    }
}

/// What is left, for people; empty when nothing is.
pub fn left_text(left: &[Left]) -> String {
    if left.is_empty() {
        return String::new();
    }
    let mut text = "\nLeft on this host:\n".to_owned();
    for Left { what, why } in left {
        text += &if why.is_empty() { format!("  - {what}\n") } else { format!("  - {what}: {why}\n") };
    }
    text
}
