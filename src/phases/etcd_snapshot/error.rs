//! Why a snapshot is not saved.

use crate::base::exit_code::ExitCode;
use crate::base::fault::Fault;
use std::path::PathBuf;

#[derive(Debug, thiserror::Error)]
pub enum SaveError {
    #[error("{} exists", path.display())]
    Exists { path: PathBuf },
    #[error("{} is not a regular file, and is not replaced", path.display())]
    NotAFile { path: PathBuf },
    #[error("{} does not exist", path.display())]
    NoDirectory { path: PathBuf },
    #[error("the file system of {} has {free} MiB free; the snapshot needs {needed} MiB, and {spare} MiB must stay free", path.display())]
    NoRoom { path: PathBuf, free: u64, needed: u64, spare: u64 },
    #[error("the snapshot that etcd sent is not intact: {why}; nothing was saved")]
    NotIntact { why: String },
}

impl Fault for SaveError {
    fn exit_code(&self) -> ExitCode {
        match self {
            Self::Exists { .. } | Self::NotAFile { .. } | Self::NoRoom { .. } => ExitCode::Refused,
            Self::NoDirectory { .. } => ExitCode::Input,
            Self::NotIntact { .. } => ExitCode::Unreachable,
        }
    }

    fn hint(&self) -> Option<String> {
        Some(match self {
            Self::Exists { .. } => "give another file, or add --overwrite to replace it".into(),
            Self::NotAFile { .. } => "give another file".into(),
            Self::NoDirectory { path } => format!("run 'mkdir -m 700 {}', or give another file", path.display()),
            Self::NoRoom { path, .. } => {
                format!("give a file on another disk, or make room: run 'df -h {}'", path.display())
            }
            Self::NotIntact { .. } => {
                "run the command again; if that does not help, read etcd's log: run 'crictl logs $(crictl ps -q --name etcd)'".into()
            }
        })
    }
}
