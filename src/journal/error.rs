//! What can go wrong with the journal.

use super::store::PATH;
use crate::base::exit_code::ExitCode;
use crate::base::fault::Fault;

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
                format!("run 'mv {PATH} {PATH}.broken'; only the undoing of earlier fixes is lost with it")
            }
            Self::Newer { .. } => "use the release that wrote it, or a later one".into(),
        })
    }
}
