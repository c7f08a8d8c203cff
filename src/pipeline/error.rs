//! What can be wrong with a list of phases or a choice among them.

use crate::base::exit_code::ExitCode;
use crate::base::fault::Fault;

/// See the module's text.
#[derive(Debug, thiserror::Error)]
pub enum PipelineError {
    /// A file of `phases/` is not what it should be: a fault of this build.
    #[error("the phase list of '{workflow}' is wrong: {what}")]
    BadSpec {
        /// Which list.
        workflow: String,
        /// What is wrong.
        what: String,
    },
    /// The user named a phase that does not exist.
    #[error("'{workflow}' has no phase '{path}'")]
    NoSuchPhase {
        /// Which list.
        workflow: String,
        /// What was asked for.
        path: String,
        /// The nearest phase that exists.
        nearest: Option<String>,
    },
    /// A phase needs what is not there.
    #[error("phase '{phase}' needs the result of '{needs}', which this run leaves out and this host does not have")]
    Unmet {
        /// The phase.
        phase: String,
        /// What it needs.
        needs: String,
        /// Which list.
        workflow: String,
    },
}

impl Fault for PipelineError {
    fn exit_code(&self) -> ExitCode {
        match self {
            Self::BadSpec { .. } => ExitCode::Internal,
            Self::NoSuchPhase { .. } | Self::Unmet { .. } => ExitCode::Usage,
        }
    }

    fn hint(&self) -> Option<String> {
        match self {
            Self::BadSpec { .. } => None,
            Self::NoSuchPhase { workflow, nearest, .. } => Some(match nearest {
                Some(name) => format!("did you mean '{name}'? Run 'kubewright {workflow} --help' for the list"),
                None => format!("run 'kubewright {workflow} --help' for the list"),
            }),
            Self::Unmet { needs, workflow, .. } => {
                Some(format!("run 'kubewright {workflow} phase {}' first", needs.replace('/', " ")))
            }
        }
    }
}
