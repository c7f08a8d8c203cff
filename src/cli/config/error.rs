//! Errors in the options of `config`.

use crate::base::exit_code::ExitCode;
use crate::base::fault::Fault;
use crate::base::suggest::similar;
use crate::config::Kind;
use crate::versions::ApiVersion;

/// The component configurations that can be printed.
pub const COMPONENTS: [&str; 2] = ["KubeProxyConfiguration", "KubeletConfiguration"];

#[derive(Debug, thiserror::Error)]
pub enum OptionError {
    /// Unknown value of `--component-configs`.
    #[error("unknown component configuration {given:?}")]
    UnknownComponent { given: String },
    /// `--component-configs` for a document without any.
    #[error("'{command}' of v1.{minor} does not print component configurations: {why}")]
    NoComponents {
        /// `join-defaults`
        command: &'static str,
        minor: u16,
        /// Where a node gets them from instead.
        why: &'static str,
    },
    /// The minor version lacks the document.
    #[error("kubeadm v1.{minor} does not have {kind}, which was added in v1.31")]
    NoDocument {
        /// `ResetConfiguration`
        kind: &'static str,
        minor: u16,
    },
    /// Unknown value of `--to`.
    #[error("unknown API version {given:?}")]
    UnknownApi { given: String },
    /// Unknown value of `--kind`.
    #[error("unknown kind {given:?}")]
    UnknownKind { given: String },
    /// A value of `--api-version` that the kind, or any kind, does not have.
    #[error("no {} has the API version {given:?}", kind.map_or("document", Kind::name))]
    NoVersion { kind: Option<Kind>, given: String },
}

impl Fault for OptionError {
    fn exit_code(&self) -> ExitCode {
        ExitCode::Usage
    }

    fn hint(&self) -> Option<String> {
        Some(match self {
            Self::UnknownComponent { given } => match similar(given, COMPONENTS)
                .or_else(|| COMPONENTS.into_iter().find(|name| name.starts_with(given)))
            {
                Some(near) => format!("did you mean '{near}'?"),
                None => format!("choose from {}", COMPONENTS.join(", ")),
            },
            Self::NoComponents { .. } => {
                format!("run 'kubewright config print init-defaults --component-configs {}'", COMPONENTS.join(","))
            }
            Self::NoDocument { .. } => "add '--kubernetes-version v1.31.0' or a newer one".into(),
            Self::UnknownApi { given } => {
                let names = ApiVersion::ALL.map(ApiVersion::name);
                match similar(given, names) {
                    Some(near) => format!("did you mean '{near}'?"),
                    None => format!("choose from {}", names.join(", ")),
                }
            }
            Self::UnknownKind { given } => {
                let names = Kind::ALL.map(Kind::name);
                match similar(given, names) {
                    Some(near) => format!("did you mean '{near}'?"),
                    None => format!("choose from {}", names.join(", ")),
                }
            }
            Self::NoVersion { kind, .. } => {
                let kind = kind.map(|kind| format!(" --kind {}", kind.name())).unwrap_or_default();
                format!("run 'kubewright config schema{kind}' to see the versions that there are")
            }
        })
    }
}
