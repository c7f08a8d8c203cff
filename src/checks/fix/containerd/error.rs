//! Why containerd's configuration is not edited.

use crate::base::exit_code::ExitCode;
use crate::base::fault::Fault;

pub(super) const CONFIG: &str = "/etc/containerd/config.toml";
pub(super) const SERVICE: &str = "containerd";

/// The configuration cannot be changed as needed. Nothing was changed then.
#[derive(Debug, thiserror::Error)]
pub enum ContainerdError {
    /// The file cannot be edited.
    #[error("cannot edit {file}: {why}")]
    NotEditable {
        /// The file.
        file: String,
        /// Line, column and reason.
        why: String,
    },
    /// The runtime is another one.
    #[error("only containerd's configuration can be fixed, and {CONFIG} does not exist")]
    NotContainerd,
    /// Another file has the last word.
    #[error("{CONFIG} was not changed: with {key} = {wanted} in it, containerd would still use {found}")]
    Overridden {
        /// The setting.
        key: String,
        /// What it should be.
        wanted: String,
        /// What would be in force.
        found: String,
    },
    /// containerd does not accept the new file.
    #[error("{CONFIG} was not changed: containerd refuses the new configuration: {why}")]
    Refused {
        /// containerd's own words.
        why: String,
    },
    /// The file has another schema.
    #[error("{file} has version {found}, which kubewright does not support")]
    UnknownSchema {
        /// The file.
        file: String,
        /// The version it names.
        found: String,
    },
}

impl Fault for ContainerdError {
    fn exit_code(&self) -> ExitCode {
        ExitCode::Host
    }
    fn hint(&self) -> Option<String> {
        Some(match self {
            Self::NotEditable { .. } | Self::Refused { .. } => {
                "run 'containerd config dump' to see what containerd reads; change the file by hand".into()
            }
            Self::NotContainerd => "change the runtime's configuration by hand, then run the checks again".into(),
            Self::Overridden { .. } => {
                format!("an import has the last word: see 'imports' in {CONFIG}, and change that file")
            }
            Self::UnknownSchema { .. } => "run 'containerd config migrate' to see it in the current version".into(),
        })
    }
}
