//! Confirmation prompts of `reset` and `node remove`, and the list of leftovers.

use super::session::Session;
use crate::base::exit_code::ExitCode;
use crate::base::fault::{Fault, Result};
use crate::state::leftovers::Leftover;
use std::io::{BufRead, BufReader};

/// The user did not confirm.
#[derive(Debug, thiserror::Error)]
pub enum Unconfirmed {
    /// The answer was not yes.
    #[error("not confirmed; nothing changed")]
    No,
    /// Standard input is closed.
    #[error("cannot ask for confirmation: standard input is closed; nothing changed")]
    NoInput,
}

impl Fault for Unconfirmed {
    fn exit_code(&self) -> ExitCode {
        ExitCode::Refused
    }
    fn hint(&self) -> Option<String> {
        match self {
            Self::No => None,
            Self::NoInput => {
                Some("add --yes to continue without confirmation, or --dry-run to preview the changes".into())
            }
        }
    }
}

/// Prints what is about to happen and waits for confirmation.
pub fn confirm(question: &str, session: &mut Session) -> Result<()> {
    session.events.flush();
    session.events.error(&format!("{question}\nContinue? [y/N] "));
    let mut answer = String::new();
    let read = BufReader::new(&mut session.env.stdin).read_line(&mut answer);
    if !session.env.stdin_is_terminal {
        session.events.error("\n");
    }
    match (read, answer.trim().to_lowercase().as_str()) {
        (Ok(1..), "y" | "yes") => Ok(()),
        (Ok(1..), _) => Err(Unconfirmed::No.into()),
        _ => Err(Unconfirmed::NoInput.into()),
    }
}

/// The leftovers as text; empty if there are none.
pub fn left_text(left: &[Leftover]) -> String {
    if left.is_empty() {
        return String::new();
    }
    let mut text = "\nLeft on this host:\n".to_owned();
    for Leftover { what, why } in left {
        text += &if why.is_empty() { format!("  - {what}\n") } else { format!("  - {what}: {why}\n") };
    }
    text
}
