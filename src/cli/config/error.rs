//! What can be wrong with the options of `config` beyond what a configuration can be wrong in.

use crate::base::exit_code::ExitCode;
use crate::base::fault::Fault;
use crate::base::nearest::nearest;
use crate::versions::ApiVersion;

/// The component configurations that can be printed.
pub const COMPONENTS: [&str; 2] = ["KubeProxyConfiguration", "KubeletConfiguration"];

/// See the module's text.
#[derive(Debug, thiserror::Error)]
pub enum OptionError {
    /// `--component-configs` names something else.
    #[error("there is no component configuration {given:?}")]
    UnknownComponent {
        /// As typed.
        given: String,
    },
    /// `--component-configs` where there are none.
    #[error("'{command}' of v1.{minor} prints no component configurations: {why}")]
    NoComponents {
        /// `join-defaults`
        command: &'static str,
        /// The minor whose defaults are printed.
        minor: u16,
        /// Where a node gets them from instead.
        why: &'static str,
    },
    /// The minor has no document of this kind.
    #[error("kubeadm v1.{minor} has no {kind}: it came with v1.31")]
    NoDocument {
        /// `ResetConfiguration`
        kind: &'static str,
        /// The minor whose defaults are printed.
        minor: u16,
    },
    /// `--to` names something else.
    #[error("there is no API version {given:?}")]
    UnknownApi {
        /// As typed.
        given: String,
    },
}

impl Fault for OptionError {
    fn exit_code(&self) -> ExitCode {
        ExitCode::Usage
    }

    fn hint(&self) -> Option<String> {
        Some(match self {
            Self::UnknownComponent { given } => match nearest(given, COMPONENTS)
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
                match nearest(given, names) {
                    Some(near) => format!("did you mean '{near}'?"),
                    None => format!("choose from {}", names.join(", ")),
                }
            }
        })
    }
}
