//! Errors of containerd's configuration.

use crate::base::exit_code::ExitCode;
use crate::base::fault::Fault;

/// The default configuration file of containerd.
pub(in crate::checks) const CONFIG: &str = "/etc/containerd/config.toml";

/// The configuration cannot be read, or not be changed as needed. Nothing was changed.
#[derive(Debug, thiserror::Error)]
pub enum ContainerdError {
    /// A file cannot be parsed or edited.
    #[error("cannot edit {file}: {why}")]
    NotEditable {
        /// The file.
        file: String,
        /// Line, column and reason.
        why: String,
    },
    /// The runtime is not containerd.
    #[error("only containerd's configuration can be fixed, and neither its program nor {CONFIG} was found")]
    NotContainerd,
    /// Another file overrides this one.
    #[error("{file} was not changed: with it containerd would still have {found}")]
    Overridden {
        /// The file.
        file: String,
        /// The effective setting.
        found: String,
    },
    /// containerd rejects a configuration.
    #[error("containerd rejects {file}: {why}")]
    Refused {
        /// The file.
        file: String,
        /// The message of containerd.
        why: String,
    },
    /// A file has another schema.
    #[error("{file} has version {found}, which kubewright does not support")]
    UnknownSchema {
        /// The file.
        file: String,
        /// Its version.
        found: String,
    },
}

impl Fault for ContainerdError {
    fn exit_code(&self) -> ExitCode {
        ExitCode::Host
    }

    fn hint(&self) -> Option<String> {
        Some(match self {
            Self::NotEditable { .. } => "change the file by hand".into(),
            Self::NotContainerd => "change the runtime's configuration by hand, then run the checks again".into(),
            Self::Overridden { file, .. } => format!(
                "another file overrides it: see 'imports' in {file} and the files it refers to, and change it there; \
                 'containerd config dump' shows the effective configuration"
            ),
            Self::Refused { .. } => "run 'containerd config dump' to see the problem; change the file by hand".into(),
            Self::UnknownSchema { .. } => "run 'containerd config migrate' to see it in the current version".into(),
        })
    }
}
