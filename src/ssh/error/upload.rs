//! Why a program cannot be installed on a host.

use crate::base::exit_code::ExitCode;
use crate::base::fault::Fault;

/// A program cannot be installed.
#[derive(Debug, thiserror::Error)]
pub enum UploadError {
    /// None of the directories can be used.
    #[error("the program cannot be stored anywhere on the host: {tried}")]
    NoPlace { tried: String },
    /// What arrived is not what was sent.
    #[error("the program arrived damaged: its SHA-256 hash is {found}, not {expected}; nothing ran it")]
    Damaged { expected: String, found: String },
    /// Writing failed.
    #[error("the program cannot be written to {place}: {why}")]
    NotWritten { place: String, why: String },
}

impl Fault for UploadError {
    fn exit_code(&self) -> ExitCode {
        ExitCode::Host
    }

    fn hint(&self) -> Option<String> {
        Some(match self {
            Self::NoPlace { .. } => {
                "free space there (run 'df -h /var /usr/local /opt' and 'df -i'), or mount one of these without noexec"
                    .into()
            }
            Self::Damaged { .. } => "check the disk of the host ('dmesg'), then run the same command again".into(),
            Self::NotWritten { .. } => "run 'df -h /var' and 'df -i /var' on the host".into(),
        })
    }
}
