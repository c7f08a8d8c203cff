//! Why a network test did not take place. That the network fails is a result, not an error.

use crate::base::exit_code::ExitCode;
use crate::base::fault::Fault;

/// More would not fit into the argument of a command.
pub const MOST: usize = 100;

#[derive(Debug, thiserror::Error)]
pub enum NetworkTestError {
    #[error("the cluster has no node {0}")]
    UnknownNode(String),
    #[error("more than {} nodes cannot be tested at a time", MOST)]
    TooMany,
    #[error("the kernel gives no random bytes")]
    NoRandomness(#[source] std::io::Error),
    #[error("the test was interrupted; what it created is being removed")]
    Interrupted,
}

impl Fault for NetworkTestError {
    fn exit_code(&self) -> ExitCode {
        match self {
            Self::UnknownNode(_) | Self::TooMany => ExitCode::Input,
            Self::NoRandomness(_) => ExitCode::Host,
            Self::Interrupted => ExitCode::Unhealthy,
        }
    }
    fn hint(&self) -> Option<String> {
        match self {
            Self::UnknownNode(_) => Some("run 'kubectl get nodes' to see the names".into()),
            Self::TooMany => Some("name those that matter with --nodes; without it, two of them are tested".into()),
            Self::NoRandomness(_) | Self::Interrupted => None,
        }
    }
}
