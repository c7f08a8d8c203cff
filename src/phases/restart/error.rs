//! Why a component did not load the current files.

use crate::base::exit_code::ExitCode;
use crate::base::fault::Fault;

/// The component that checks admin.conf.
pub(super) const API_SERVER: &str = "kube-apiserver";

/// A component did not start with the current files.
#[derive(Debug, thiserror::Error)]
pub(super) enum NotLoaded {
    #[error("{component} did not load the current files: {why}; {outcome}")]
    Component { component: &'static str, why: String, outcome: String },
    #[error("the restarted API server does not accept admin.conf: {why}; {outcome}")]
    Admin { why: String, outcome: String },
}

/// The certificates of this host are renewed, and etcd waits for other members.
#[derive(Debug, thiserror::Error)]
#[error("the certificates of this host, which had expired, are renewed, but {lost}")]
pub(super) struct NoMajority {
    pub lost: String,
}

impl Fault for NoMajority {
    fn exit_code(&self) -> ExitCode {
        ExitCode::Unhealthy
    }
    fn hint(&self) -> Option<String> {
        Some(
            "run 'kubewright certs renew all' on the other control planes, whose certificates have probably expired too, and then \
             'kubewright certs restart' here"
                .into(),
        )
    }
}

/// Clients do not accept the certificate that a component serves.
#[derive(Debug, thiserror::Error)]
#[error("clients do not accept what {address} serves: {why}")]
pub(super) struct NotAccepted {
    pub address: String,
    pub why: String,
}

impl Fault for NotAccepted {
    fn exit_code(&self) -> ExitCode {
        ExitCode::Unhealthy
    }
    fn hint(&self) -> Option<String> {
        Some("run 'kubewright certs check-expiration' to list the certificates of this host".into())
    }
}

impl NotLoaded {
    fn component(&self) -> &'static str {
        match self {
            Self::Component { component, .. } => component,
            Self::Admin { .. } => API_SERVER,
        }
    }
}

impl Fault for NotLoaded {
    fn exit_code(&self) -> ExitCode {
        ExitCode::Unhealthy
    }
    fn hint(&self) -> Option<String> {
        Some(format!(
            "run 'crictl logs $(crictl ps -a --name {} -q | head -1)' to see why, then run the same command again",
            self.component()
        ))
    }
}
