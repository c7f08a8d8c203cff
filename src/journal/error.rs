//! What can go wrong with the journal.

use super::record::{HostChange, PATH};
use crate::base::exit_code::ExitCode;
use crate::base::fault::{Failure, Fault};
use crate::base::move_away;

/// The journal cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum JournalError {
    /// It is not what we write.
    #[error("{PATH} is not a journal: {why}")]
    Broken {
        /// The reader's words.
        why: String,
    },
    /// It was written by a later release.
    #[error("{PATH} was written by a later release of kubewright (schema {found}, this one knows {known})")]
    Newer {
        /// Its schema.
        found: u32,
        /// Ours.
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

/// Changes of this host that could not be undone; never empty.
#[derive(Debug, thiserror::Error)]
#[error("{} could not be undone{}", count(self.0.len()), lines(&self.0))]
pub struct UndoError(pub Vec<(HostChange, Failure)>);

impl Fault for UndoError {
    fn exit_code(&self) -> ExitCode {
        ExitCode::Host
    }

    fn hint(&self) -> Option<String> {
        Some(format!("mend what is named, then run the same command again; until then they stay in {PATH}"))
    }
}

fn count(changes: usize) -> String {
    if changes == 1 { "a change".into() } else { format!("{changes} changes") }
}

/// Each change with the reason, one a line.
fn lines(failed: &[(HostChange, Failure)]) -> String {
    failed
        .iter()
        .map(|(change, why)| {
            let why = why.causes().iter().fold(why.to_string(), |text, cause| format!("{text}: {cause}"));
            format!("\n  {}: {why}", change.what)
        })
        .collect()
}
