//! What can go wrong while objects are made.

use crate::base::exit_code::ExitCode;
use crate::base::fault::Fault;
use crate::base::yaml::YamlError;
use crate::render::engine::TemplateError;

/// Objects could not be made.
#[derive(Debug, thiserror::Error)]
pub enum ObjectError {
    /// An object has no kind or name. It comes from a template of ours or from an API server.
    #[error("an API object has no {0}")]
    Nameless(&'static str),
    /// A template made something that is not YAML.
    #[error("the template {name:?} does not make YAML")]
    NotYaml {
        /// The template's name.
        name: &'static str,
        /// What the reader says.
        #[source]
        source: serde_yaml::Error,
    },
    /// The user's KubeProxyConfiguration does not fit the minor.
    #[error("the KubeProxyConfiguration cannot be used with v1.{minor}: {}", problems.join("; "))]
    ProxyConfig {
        /// The minor of the cluster.
        minor: u16,
        /// Everything wrong with it, each with the field's path.
        problems: Vec<String>,
    },
    /// A template could not be rendered.
    #[error(transparent)]
    Template(#[from] TemplateError),
    /// A bootstrap token is not of the form `ID.SECRET`. Its text is a secret and not shown.
    #[error("a bootstrap token is not of the form 'abcdef.0123456789abcdef'")]
    Token,
    /// A token's end is not a moment.
    #[error("a bootstrap token cannot end at {text:?}")]
    TokenEnd {
        /// What was given.
        text: String,
    },
    /// A token's end lies beyond any calendar.
    #[error("a bootstrap token that lives for {days} days has no date to end at")]
    TokenLifetime {
        /// The given lifetime, in days.
        days: u64,
    },
    /// Objects could not be printed.
    #[error(transparent)]
    Yaml(#[from] YamlError),
}

impl Fault for ObjectError {
    fn hint(&self) -> Option<String> {
        match self {
            Self::ProxyConfig { .. } => Some("correct these fields in the file given with --config".into()),
            Self::Token => Some("run 'kubewright token generate' for one that is".into()),
            Self::TokenEnd { .. } => Some("write the moment as 2026-01-31T12:00:00Z".into()),
            Self::TokenLifetime { .. } => Some("give a shorter --token-ttl, or 0 for a token without an end".into()),
            Self::Nameless(_) | Self::NotYaml { .. } | Self::Template(_) | Self::Yaml(_) => None,
        }
    }

    fn exit_code(&self) -> ExitCode {
        match self {
            Self::ProxyConfig { .. } | Self::Token | Self::TokenEnd { .. } | Self::TokenLifetime { .. } => {
                ExitCode::Input
            }
            Self::Nameless(_) | Self::NotYaml { .. } | Self::Template(_) | Self::Yaml(_) => ExitCode::Internal,
        }
    }
}
