//! Errors of the journal.

use super::record::{HostChange, PATH};
use crate::base::exit_code::ExitCode;
use crate::base::fault::{Failure, Fault};
use crate::base::move_away;

/// The journal is unusable.
#[derive(Debug, thiserror::Error)]
pub enum JournalError {
    /// It is not valid.
    #[error("{PATH} is not a valid journal: {why}")]
    Broken {
        /// The parser's message.
        why: String,
    },
    /// It was written by a later release.
    #[error("{PATH} was written by a later release of kubewright (schema {found}, this release supports {known})")]
    Newer {
        /// The schema of the file.
        found: u32,
        /// The schema that this release supports.
        known: u32,
    },
}

impl Fault for JournalError {
    fn exit_code(&self) -> ExitCode {
        ExitCode::Input
    }

    fn hint(&self) -> Option<String> {
        Some(match self {
            Self::Broken { .. } => {
                format!(
                    "restore it from a backup, or run '{}'. Without it earlier fixes cannot be reverted, 'reset' leaves files of \
                     kubewright that do not have one of kubeadm's names, and 'init' refuses to replace the existing manifests",
                    move_away::command(PATH)
                )
            }
            Self::Newer { .. } => "use the release that wrote it, or a later one".into(),
        })
    }
}

/// Changes of this host that could not be undone; at least one.
#[derive(Debug, thiserror::Error)]
#[error("{} could not be undone{}", count(self.0.len()), lines(&self.0))]
pub struct UndoError(pub Vec<(HostChange, Failure)>);

impl Fault for UndoError {
    fn exit_code(&self) -> ExitCode {
        ExitCode::Host
    }

    fn hint(&self) -> Option<String> {
        Some(format!("fix the causes above and run the same command again; until then the changes stay in {PATH}"))
    }
}

fn count(changes: usize) -> String {
    if changes == 1 { "a change".into() } else { format!("{changes} changes") }
}

/// Each change with the reason, one per line.
fn lines(failed: &[(HostChange, Failure)]) -> String {
    failed
        .iter()
        .map(|(change, why)| {
            let why = why.causes().iter().fold(why.to_string(), |text, cause| format!("{text}: {cause}"));
            format!("\n  {}: {why}", change.what)
        })
        .collect()
}
