//! Errors of the container runtime and of image pulls.

use super::endpoint::Endpoint;
use super::grpc::{CallError, UNAVAILABLE, UNIMPLEMENTED};
use crate::base::exit_code::ExitCode;
use crate::base::fault::Fault;
use std::fmt;

/// A socket that was tried, and the result.
#[derive(Debug)]
pub struct Found {
    /// The socket.
    pub endpoint: Endpoint,
    /// The runtime and its version, or the reason why it cannot be used.
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

/// Why an image cannot be pulled, as far as the message of the runtime shows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PullReason {
    /// The registry denied access.
    Denied,
    /// The name of the registry cannot be resolved.
    Dns,
    /// The disk is full.
    DiskFull,
    /// The registry does not have the image.
    NotFound,
    /// Another reason.
    Other,
    /// The registry limits the rate of requests.
    RateLimited,
    /// The runtime does not trust the registry's certificate, or the registry does not use TLS.
    Tls,
    /// The registry is unreachable.
    Unreachable,
}

/// The container runtime cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum CriError {
    /// The format of the socket's address is not supported.
    #[error("{text:?} is not the address of a container runtime's socket")]
    BadEndpoint {
        /// The given address.
        text: String,
    },
    /// A call failed.
    #[error("the container runtime at {endpoint} could not {what}")]
    Call {
        /// The socket.
        endpoint: Endpoint,
        /// The operation: `list its containers`.
        what: String,
        /// The message of the runtime.
        #[source]
        source: CallError,
    },
    /// The runtime listens, but its CRI is disabled.
    #[error("the container runtime at {endpoint} responds, but its CRI (Container Runtime Interface) is disabled")]
    Disabled {
        /// The socket.
        endpoint: Endpoint,
    },
    /// The kubelet has no adapter to Docker.
    #[error("the kubelet of v1.{minor} cannot use Docker: its adapter (dockershim) was removed in v1.24")]
    NoDockershim {
        /// The kubelet's minor version.
        minor: u16,
    },
    /// No runtime responds on any socket.
    #[error("no container runtime responds; tried {}", list(.tried))]
    NoneFound {
        /// The sockets that were tried.
        tried: Vec<Found>,
    },
    /// The host's files are in a root directory.
    #[error("a container runtime is only available on a running host")]
    NotLive,
    /// An image cannot be pulled.
    #[error("cannot pull {image} from {registry}: {message}")]
    Pull {
        /// The image.
        image: String,
        /// The registry.
        registry: String,
        /// The message of the runtime.
        message: String,
        /// The meaning of the message.
        reason: PullReason,
    },
    /// The runtime does not respond.
    #[error("the container runtime at {endpoint} does not answer")]
    Silent {
        /// The socket.
        endpoint: Endpoint,
        /// The reason.
        #[source]
        source: CallError,
    },
    /// Several runtimes respond and none was selected.
    #[error("several container runtimes are running: {}", list(.found))]
    Several {
        /// The runtimes that respond.
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
            Self::BadEndpoint { .. } => "use the form unix:///run/containerd/containerd.sock".into(),
            Self::Call { endpoint, .. } => {
                format!("run 'journalctl -u {} -n 50' to see the runtime's log", endpoint.service())
            }
            Self::Disabled { endpoint } if endpoint.service() == "containerd" => {
                "remove \"cri\" from disabled_plugins in /etc/containerd/config.toml, then run 'systemctl restart \
                 containerd'"
                    .into()
            }
            Self::Disabled { endpoint } => {
                format!("enable the CRI, then run 'systemctl restart {}'", endpoint.service())
            }
            Self::NoDockershim { .. } => {
                "omit --cri-socket (criSocket) to use the containerd that comes with Docker; or install \
                                          cri-dockerd and specify unix:///var/run/cri-dockerd.sock"
                    .into()
            }
            Self::NoneFound { tried } => {
                let present = tried.iter().find(|found| !matches!(&found.what, Err(why) if why == "not found"));
                let service = present.map_or("containerd", |found| found.endpoint.service());
                format!("run 'systemctl start {service}', or install a container runtime such as containerd")
            }
            Self::NotLive => "omit --rootfs".into(),
            Self::Pull { image, registry, reason, .. } => pull_hint(*reason, image, registry),
            Self::Silent { endpoint, source: CallError::Connect(error) }
                if error.kind() == std::io::ErrorKind::PermissionDenied =>
            {
                format!("run the command as root, or run 'ls -l {}' to see who has access", endpoint.path().display())
            }
            Self::Silent { endpoint, .. } => {
                let service = endpoint.service();
                format!(
                    "run 'systemctl start {service}'; if it does not keep running, run 'journalctl -u {service} -n 50'"
                )
            }
            Self::Several { found } => {
                let first = found.first().map(|found| found.endpoint.to_string()).unwrap_or_default();
                format!("select one with --cri-socket or nodeRegistration.criSocket, for example {first}")
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
    /// True when the runtime is too old to support the method.
    pub fn is_unimplemented(&self) -> bool {
        matches!(self, Self::Call { source: CallError::Status { code: UNIMPLEMENTED, .. }, .. })
    }
}

fn pull_hint(reason: PullReason, image: &str, registry: &str) -> String {
    match reason {
        PullReason::Denied => format!("give the runtime credentials for {registry}, or use another imageRepository"),
        PullReason::DiskFull => "free disk space: run 'df -h /var/lib/containerd'".into(),
        PullReason::Dns => {
            format!("run 'getent hosts {registry}'; without internet, import the image or set imageRepository")
        }
        PullReason::NotFound => {
            format!("check imageRepository and kubernetesVersion: {registry} has no {image}")
        }
        PullReason::Other => format!("run 'crictl pull {image}' to see details"),
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
