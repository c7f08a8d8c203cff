//! What can go wrong with the container runtime and its images.

use super::endpoint::Endpoint;
use super::grpc::{CallError, UNAVAILABLE, UNIMPLEMENTED};
use crate::base::exit_code::ExitCode;
use crate::base::fault::Fault;
use std::fmt;

/// A socket that was tried, and what was found there.
#[derive(Debug)]
pub struct Found {
    /// Where.
    pub endpoint: Endpoint,
    /// The runtime and its version, or why there is none.
    pub what: Result<String, String>,
}

impl fmt::Display for Found {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.what {
            Ok(runtime) => write!(f, "{} ({runtime})", self.endpoint),
            Err(why) => write!(f, "{} ({why})", self.endpoint),
        }
    }
}

/// Why an image cannot be pulled, as far as the runtime's words tell.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PullReason {
    /// The registry does not let us in.
    Denied,
    /// The name of the registry is not known.
    Dns,
    /// No room for it.
    DiskFull,
    /// The registry has no such image.
    NotFound,
    /// Anything else.
    Other,
    /// The registry asks us to come back later.
    RateLimited,
    /// The runtime does not trust the registry's certificate, or expects TLS where there is none.
    Tls,
    /// The registry does not answer.
    Unreachable,
}

/// The container runtime is not as needed.
#[derive(Debug, thiserror::Error)]
pub enum CriError {
    /// The socket's address has a form we do not know.
    #[error("{text:?} is not the address of a container runtime's socket")]
    BadEndpoint {
        /// What was given.
        text: String,
    },
    /// A call failed.
    #[error("the container runtime at {endpoint} could not {what}")]
    Call {
        /// Where.
        endpoint: Endpoint,
        /// What was asked: `list its containers`.
        what: String,
        /// The runtime's words.
        #[source]
        source: CallError,
    },
    /// The runtime listens but its Kubernetes interface is off.
    #[error("the container runtime at {endpoint} answers, but its Kubernetes interface (CRI) is switched off")]
    Disabled {
        /// Where.
        endpoint: Endpoint,
    },
    /// No socket has a live runtime.
    #[error("no container runtime answers; tried {}", list(.tried))]
    NoneFound {
        /// The sockets that were tried.
        tried: Vec<Found>,
    },
    /// The host's files are below a root directory.
    #[error("a container runtime can be asked on a running host only")]
    NotLive,
    /// An image cannot be pulled.
    #[error("cannot pull {image} from {registry}: {message}")]
    Pull {
        /// The image.
        image: String,
        /// The registry it should come from.
        registry: String,
        /// The runtime's words.
        message: String,
        /// What they mean.
        reason: PullReason,
    },
    /// The runtime does not answer.
    #[error("the container runtime at {endpoint} does not answer")]
    Silent {
        /// Where.
        endpoint: Endpoint,
        /// Why.
        #[source]
        source: CallError,
    },
    /// Several runtimes are alive and nobody chose.
    #[error("several container runtimes are running: {}", list(.found))]
    Several {
        /// The live ones.
        found: Vec<Found>,
    },
}

impl Fault for CriError {
    fn exit_code(&self) -> ExitCode {
        match self {
            Self::BadEndpoint { .. } => ExitCode::Usage,
            _ => ExitCode::Host,
        }
    }

    fn hint(&self) -> Option<String> {
        Some(match self {
            Self::BadEndpoint { .. } => "give it as unix:///run/containerd/containerd.sock".into(),
            Self::Call { endpoint, .. } => {
                format!("run 'journalctl -u {} -n 50' to see the runtime's own words", endpoint.service())
            }
            Self::Disabled { endpoint } if endpoint.service() == "containerd" => {
                "take \"cri\" out of disabled_plugins in /etc/containerd/config.toml, then run 'systemctl restart \
                 containerd'"
                    .into()
            }
            Self::Disabled { endpoint } => format!("switch it on, then run 'systemctl restart {}'", endpoint.service()),
            Self::NoneFound { tried } => {
                let present = tried.iter().find(|found| !matches!(&found.what, Err(why) if why == "not there"));
                let service = present.map_or("containerd", |found| found.endpoint.service());
                format!("run 'systemctl start {service}', or install a container runtime such as containerd")
            }
            Self::NotLive => "leave --rootfs out".into(),
            Self::Pull { image, registry, reason, .. } => pull_hint(*reason, image, registry),
            Self::Silent { endpoint, source: CallError::Connect(error) }
                if error.kind() == std::io::ErrorKind::PermissionDenied =>
            {
                format!("run the command as root, or run 'ls -l {}' to see who may", endpoint.path().display())
            }
            Self::Silent { endpoint, .. } => {
                let service = endpoint.service();
                format!("run 'systemctl start {service}'; if it does not stay up, run 'journalctl -u {service} -n 50'")
            }
            Self::Several { found } => {
                let first = found.first().map(|found| found.endpoint.to_string()).unwrap_or_default();
                format!("choose one with --cri-socket or nodeRegistration.criSocket, for example {first}")
            }
        })
    }

    fn retryable(&self) -> bool {
        match self {
            Self::Silent { source, .. } | Self::Call { source, .. } => {
                matches!(
                    source,
                    CallError::Connect(_)
                        | CallError::TimedOut(_)
                        | CallError::Protocol(_)
                        | CallError::Status { code: UNAVAILABLE, .. }
                )
            }
            Self::Pull { reason, .. } => {
                matches!(
                    reason,
                    PullReason::Other | PullReason::RateLimited | PullReason::Unreachable | PullReason::Dns
                )
            }
            _ => false,
        }
    }
}

impl CriError {
    /// True when the runtime does not know the method, because it is too old for it.
    pub fn is_unimplemented(&self) -> bool {
        matches!(self, Self::Call { source: CallError::Status { code: UNIMPLEMENTED, .. }, .. })
    }
}

fn pull_hint(reason: PullReason, image: &str, registry: &str) -> String {
    match reason {
        PullReason::Denied => format!("give the runtime credentials for {registry}, or use another imageRepository"),
        PullReason::DiskFull => "make room: run 'df -h /var/lib/containerd'".into(),
        PullReason::Dns => {
            format!("run 'getent hosts {registry}'; without internet, import the image or set imageRepository")
        }
        PullReason::NotFound => {
            format!("check imageRepository and kubernetesVersion: {registry} has no {image}")
        }
        PullReason::Other => format!("run 'crictl pull {image}' to see more"),
        PullReason::RateLimited => format!("wait, or use a mirror of {registry} as imageRepository"),
        PullReason::Tls => {
            format!("give the runtime the CA of {registry}, or declare it an HTTP registry in its configuration")
        }
        PullReason::Unreachable => {
            format!("run 'curl -v https://{registry}/v2/'; behind a proxy, set HTTPS_PROXY for the runtime's service")
        }
    }
}

fn list(found: &[Found]) -> String {
    found.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ")
}
