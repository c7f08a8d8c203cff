//! Why a cluster was not found, or not believed.

use super::super::error::KubeError;
use super::grace::Unsigned;
use crate::base::exit_code::ExitCode;
use crate::base::fault::Fault;
use crate::base::https::HttpsError;
use std::time::Duration;

/// A cluster was not found, or not believed.
#[derive(Debug, thiserror::Error)]
pub enum DiscoveryError {
    /// What asked an endpoint has ended without an answer.
    #[error("the search for the cluster ended by an internal error")]
    Crashed,
    /// Nobody answered, or not over TLS.
    #[error(transparent)]
    Transport(HttpsError),
    /// The server answered with an error that is none of those below.
    #[error(transparent)]
    Answer(KubeError),
    /// The server does not let strangers read the cluster information.
    #[error("{endpoint} does not let anybody read the cluster information without credentials (status {status})")]
    AnonymousOff {
        /// Who.
        endpoint: String,
        /// 401 or 403.
        status: u16,
    },
    /// The API server says that its etcd does not answer.
    #[error("the API server at {endpoint} answers, and etcd behind it does not: it is down, or has lost its majority")]
    EtcdDown {
        /// Who says so.
        endpoint: String,
    },
    /// There is no cluster information.
    #[error("{endpoint} has no cluster information (ConfigMap kube-public/cluster-info)")]
    NoClusterInfo {
        /// Who.
        endpoint: String,
    },
    /// The cluster information cannot be understood.
    #[error("the cluster information of {endpoint} cannot be used: {problem}")]
    Malformed {
        /// Whose.
        endpoint: String,
        /// Why.
        problem: String,
    },
    /// Neither a pin was given nor the check waived.
    #[error("there is no hash of the cluster's CA to check against")]
    NoPins,
    /// The CA is not the one that was pinned.
    #[error("the CA of the cluster at {endpoint} is not the expected one: it is {}, expected {}", found.join(" and "), expected.join(" or "))]
    PinMismatch {
        /// Where.
        endpoint: String,
        /// The pins that were given.
        expected: Vec<String>,
        /// The pins of the CA certificates found.
        found: Vec<String>,
    },
    /// The cluster information is not signed with this token.
    #[error("the token {id} is unknown to the cluster at {endpoint}, or has expired")]
    NoSignature {
        /// Where.
        endpoint: String,
        /// The public part of the token.
        id: String,
        /// What is there instead.
        unsigned: Unsigned,
    },
    /// The signature was not made with this token over this information.
    #[error(
        "the cluster information of {endpoint} is not signed with the token {id}: the token is mistyped, or somebody altered the information"
    )]
    BadSignature {
        /// Where.
        endpoint: String,
        /// The public part of the token.
        id: String,
    },
    /// The server itself has a certificate of another CA than its cluster information says.
    #[error("{endpoint} hands out information on the right cluster, but cannot prove to be part of it")]
    OtherServer {
        /// Who.
        endpoint: String,
        /// What is wrong with its certificate.
        #[source]
        source: HttpsError,
    },
    /// The server's certificate is not valid at our time.
    #[error("the certificate of {endpoint} is not valid at the time this host believes it is")]
    ClockSkew {
        /// Whose.
        endpoint: String,
        /// Both times.
        #[source]
        source: HttpsError,
    },
    /// The server told another story over the connection that was proved.
    #[error("{endpoint} gave other cluster information over the verified connection than before")]
    Changed {
        /// Who.
        endpoint: String,
    },
    /// What might have passed did not.
    #[error("the cluster was not found within {limit:?}: {}", last.join("; "))]
    TimedOut {
        /// The first that was asked.
        endpoint: String,
        /// The time that was given.
        limit: Duration,
        /// What each endpoint said last.
        last: Vec<String>,
    },
}

impl DiscoveryError {
    /// How much it matters to a user who gave several endpoints: the greatest is told.
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
        let join_line = "on a control plane of the cluster run 'kubewright token create --print-join-command' and use the line it prints";
        Some(match self {
            Self::Crashed => "run the command again; what stands above on the screen belongs into a bug report".into(),
            Self::Transport(error) => return error.hint(),
            Self::Answer(error) => return error.hint(),
            Self::AnonymousOff { status: 401, .. } => {
                "anonymous access is switched off there: copy a kubeconfig to this host and join with '--discovery-file'".into()
            }
            Self::AnonymousOff { .. } | Self::NoClusterInfo { .. } => {
                "on the first control plane run 'kubewright init phase bootstrap-token', or join with '--discovery-file'".into()
            }
            Self::EtcdDown { .. } => {
                "on a control plane run 'kubewright token list', which says what etcd lacks; then run this command again".into()
            }
            Self::Malformed { endpoint, .. } => {
                format!("see what is there: run 'curl -k https://{endpoint}/api/v1/namespaces/kube-public/configmaps/cluster-info'")
            }
            Self::NoPins => format!(
                "{join_line}; or, where the network is beyond doubt, add '--discovery-token-unsafe-skip-ca-verification'"
            ),
            Self::NoSignature { .. } => {
                format!("{join_line}; if the token was made only now, run this command again")
            }
            Self::BadSignature { .. } => join_line.into(),
            Self::PinMismatch { endpoint, .. } => format!(
                "make sure that {endpoint} is the right cluster and nobody is in between; if its CA was replaced, {join_line}"
            ),
            Self::OtherServer { endpoint, .. } | Self::Changed { endpoint } => format!(
                "somebody may be between this host and the cluster; see who answers: run 'openssl s_client -connect {endpoint} -showcerts'"
            ),
            Self::ClockSkew { .. } => {
                "check the clocks of this host and of the control plane: run 'timedatectl' on both; if they are right, run 'kubewright certs check-expiration' on the control plane".into()
            }
            Self::TimedOut { endpoint, .. } => format!(
                "check the address, the load balancer and firewalls: run 'curl -kv https://{endpoint}/healthz'"
            ),
        })
    }

    fn retryable(&self) -> bool {
        match self {
            // A refused connection is an answer: a wrong address, or a server that is down for longer than a moment.
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
