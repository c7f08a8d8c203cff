//! Errors when creating objects.

use crate::base::exit_code::ExitCode;
use crate::base::fault::Fault;
use crate::base::yaml::YamlError;
use crate::render::engine::TemplateError;

/// Objects could not be created.
#[derive(Debug, thiserror::Error)]
pub enum ObjectError {
    /// The Service network is too small; validation has rejected that before.
    #[error("the Service network has no tenth address for DNS")]
    NoDnsAddress,
    /// A template or an API server returned an object without kind or name.
    #[error("an API object does not have a {0}")]
    Nameless(&'static str),
    /// A template rendered something that is not YAML.
    #[error("the template {name:?} did not render YAML")]
    NotYaml {
        name: &'static str,
        #[source]
        source: serde_yaml::Error,
    },
    /// The user's KubeProxyConfiguration is not valid for the minor version.
    #[error("the KubeProxyConfiguration is not valid for v1.{minor}: {}", problems.join("; "))]
    ProxyConfig {
        minor: u16,
        /// All errors, each with the path of the field.
        problems: Vec<String>,
    },
    #[error(transparent)]
    Template(#[from] TemplateError),
    /// A bootstrap token does not have the format `ID.SECRET`. It is a secret and not displayed.
    #[error("a bootstrap token does not have the format 'abcdef.0123456789abcdef'")]
    Token,
    /// The expiry of a token is not a time.
    #[error("a bootstrap token cannot expire at {text:?}: not a time")]
    TokenEnd { text: String },
    /// The expiry of a token is beyond the calendar.
    #[error("the lifetime of a bootstrap token, {days} days, is too long")]
    TokenLifetime { days: u64 },
    #[error(transparent)]
    Yaml(#[from] YamlError),
}

impl Fault for ObjectError {
    fn hint(&self) -> Option<String> {
        match self {
            Self::ProxyConfig { .. } => Some("fix these fields in the file given with --config".into()),
            Self::Token => Some("run 'kubewright token generate' to generate one".into()),
            Self::TokenEnd { .. } => Some("write the time as 2026-01-31T12:00:00Z".into()),
            Self::TokenLifetime { .. } => Some("use a shorter --token-ttl, or 0 for a token that never expires".into()),
            Self::NoDnsAddress | Self::Nameless(_) | Self::NotYaml { .. } | Self::Template(_) | Self::Yaml(_) => None,
        }
    }

    fn exit_code(&self) -> ExitCode {
        match self {
            Self::NoDnsAddress
            | Self::ProxyConfig { .. }
            | Self::Token
            | Self::TokenEnd { .. }
            | Self::TokenLifetime { .. } => ExitCode::Input,
            Self::Nameless(_) | Self::NotYaml { .. } | Self::Template(_) | Self::Yaml(_) => ExitCode::Internal,
        }
    }
}
