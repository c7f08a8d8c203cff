//! Why a cluster was not found, or not trusted.

use super::super::error::KubeError;
use super::grace::Unsigned;
use crate::base::exit_code::ExitCode;
use crate::base::fault::Fault;
use crate::base::https::HttpsError;
use std::time::Duration;

#[derive(Debug, thiserror::Error)]
pub enum DiscoveryError {
    /// The thread for an endpoint ended without a result.
    #[error("the search for the cluster ended with an internal error")]
    Crashed,
    /// The endpoint is unreachable, or the response was not TLS.
    #[error(transparent)]
    Transport(HttpsError),
    /// The server responded with an error that is not listed below.
    #[error(transparent)]
    Answer(KubeError),
    /// Anonymous clients may not read the cluster information.
    #[error("{endpoint} does not allow anonymous access to the cluster information (status {status})")]
    AnonymousOff {
        endpoint: String,
        /// 401 or 403.
        status: u16,
    },
    /// The API server reports that etcd does not respond.
    #[error("the API server at {endpoint} responds, but its etcd does not: it is down or has lost its majority")]
    EtcdDown { endpoint: String },
    /// The cluster information does not exist.
    #[error("{endpoint} has no cluster information (ConfigMap kube-public/cluster-info)")]
    NoClusterInfo { endpoint: String },
    /// The cluster information is invalid.
    #[error("the cluster information of {endpoint} cannot be used: {problem}")]
    Malformed {
        endpoint: String,
        /// The problem.
        problem: String,
    },
    /// Neither a CA certificate hash nor the option to skip the verification was given.
    #[error("no CA certificate hash was given to verify the cluster")]
    NoPins,
    /// The CA does not match a pin.
    #[error("the CA of the cluster at {endpoint} is not the expected one: it is {}, expected {}", found.join(" and "), expected.join(" or "))]
    PinMismatch {
        endpoint: String,
        /// The given pins.
        expected: Vec<String>,
        /// The pins of the CA certificates found.
        found: Vec<String>,
    },
    /// The cluster information is not signed with this token.
    #[error("the token {id} is unknown to the cluster at {endpoint}, or has expired")]
    NoSignature {
        endpoint: String,
        /// The public part of the token.
        id: String,
        /// The state of the signer.
        unsigned: Unsigned,
    },
    /// The signature does not match this token and this information.
    #[error(
        "the cluster information of {endpoint} is not signed with the token {id}: the token is mistyped, or the information was changed"
    )]
    BadSignature {
        endpoint: String,
        /// The public part of the token.
        id: String,
    },
    /// The server's certificate is from another CA than its cluster information contains.
    #[error(
        "{endpoint} returned the information of the expected cluster, but its certificate is not signed by that cluster's CA"
    )]
    OtherServer {
        endpoint: String,
        /// The problem of its certificate.
        #[source]
        source: HttpsError,
    },
    /// The server's certificate is not valid at this host's time.
    #[error("the certificate of {endpoint} is not valid at the current time of this host")]
    ClockSkew {
        endpoint: String,
        /// Both times.
        #[source]
        source: HttpsError,
    },
    /// The server returned different information over the verified connection.
    #[error("{endpoint} returned different cluster information over the verified connection")]
    Changed { endpoint: String },
    /// A temporary failure lasted until the timeout.
    #[error("the cluster was not found within {limit:?}: {}", last.join("; "))]
    TimedOut {
        /// The first endpoint that was tried.
        endpoint: String,
        /// The timeout.
        limit: Duration,
        /// The last failure of each endpoint.
        last: Vec<String>,
    },
}

impl DiscoveryError {
    /// The severity if several endpoints were given: the most severe failure is reported.
    pub(super) fn weight(&self) -> u8 {
        match self.exit_code() {
            ExitCode::Untrusted => 3,
            ExitCode::Unreachable if !matches!(self, Self::Transport(_)) => 2,
            _ => 1,
        }
    }
}

impl Fault for DiscoveryError {
    fn exit_code(&self) -> ExitCode {
        match self {
            Self::Transport(error) => error.exit_code(),
            Self::Answer(error) => error.exit_code(),
            Self::AnonymousOff { .. } | Self::NoClusterInfo { .. } | Self::Malformed { .. } | Self::TimedOut { .. } => {
                ExitCode::Unreachable
            }
            Self::Crashed => ExitCode::Internal,
            Self::EtcdDown { .. } => ExitCode::Unhealthy,
            Self::NoPins => ExitCode::Input,
            Self::PinMismatch { .. }
            | Self::NoSignature { .. }
            | Self::BadSignature { .. }
            | Self::OtherServer { .. }
            | Self::ClockSkew { .. }
            | Self::Changed { .. } => ExitCode::Untrusted,
        }
    }

    fn hint(&self) -> Option<String> {
        let join_line = "on a control plane of the cluster run 'kubewright token create --print-join-command' and use the command it prints";
        Some(match self {
            Self::Crashed => "run the command again, and report the message above as a bug".into(),
            Self::Transport(error) => return error.hint(),
            Self::Answer(error) => return error.hint(),
            Self::AnonymousOff { status: 401, .. } => {
                "anonymous access is disabled there: copy a kubeconfig to this host and join with '--discovery-file'".into()
            }
            Self::AnonymousOff { .. } | Self::NoClusterInfo { .. } => {
                "on the first control plane run 'kubewright init phase bootstrap-token', or join with '--discovery-file'".into()
            }
            Self::EtcdDown { .. } => {
                "on a control plane run 'kubewright token list', which reports the problem of etcd; then run this command again".into()
            }
            Self::Malformed { endpoint, .. } => {
                format!("inspect it: run 'curl -k https://{endpoint}/api/v1/namespaces/kube-public/configmaps/cluster-info'")
            }
            Self::NoPins => format!(
                "{join_line}; or, if you trust the network, add '--discovery-token-unsafe-skip-ca-verification'"
            ),
            Self::NoSignature { .. } => {
                format!("{join_line}; if the token was created just now, run this command again")
            }
            Self::BadSignature { .. } => join_line.into(),
            Self::PinMismatch { endpoint, .. } => format!(
                "make sure that {endpoint} is the right cluster and that the connection is not intercepted; if its CA was replaced, {join_line}"
            ),
            Self::OtherServer { endpoint, .. } | Self::Changed { endpoint } => format!(
                "the connection to the cluster may be intercepted; check which server responds: run 'openssl s_client -connect {endpoint} -showcerts'"
            ),
            Self::ClockSkew { .. } => {
                "check the clocks of this host and of the control plane: run 'timedatectl' on both; if they are correct, run 'kubewright certs check-expiration' on the control plane".into()
            }
            Self::TimedOut { endpoint, .. } => format!(
                "check the address, the load balancer and firewalls: run 'curl -kv https://{endpoint}/healthz'"
            ),
        })
    }

    fn retryable(&self) -> bool {
        match self {
            // A refused connection is a response: a wrong address, or a server that is down for longer than a moment.
            Self::Transport(error) => error.retryable() && error.trouble != crate::base::https::Trouble::Refused,
            Self::Answer(error) => error.retryable(),
            _ => false,
        }
    }
}

impl From<KubeError> for DiscoveryError {
    fn from(error: KubeError) -> Self {
        match error {
            KubeError::Transport(error) => Self::Transport(error),
            other => Self::Answer(other),
        }
    }
}
