//! Errors in phase lists and in the selection of phases.

use crate::base::exit_code::ExitCode;
use crate::base::fault::Fault;

#[derive(Debug, thiserror::Error)]
pub enum PipelineError {
    /// A file of `phases/` is invalid: a bug in this build.
    #[error("the phase list of '{workflow}' is invalid: {what}")]
    BadSpec {
        /// The workflow.
        workflow: String,
        /// The problem.
        what: String,
    },
    /// The user named a phase that does not exist.
    #[error("'{workflow}' has no phase '{path}'")]
    NoSuchPhase {
        /// The workflow.
        workflow: String,
        /// The given path.
        path: String,
        /// The nearest phase that exists.
        nearest: Option<String>,
    },
    /// The user wants to skip a check that cannot be skipped.
    #[error("phase '{path}' of '{workflow}' cannot be skipped: it only checks that no other cluster is damaged")]
    NotSkippable {
        /// The workflow.
        workflow: String,
        /// The path.
        path: String,
    },
    /// A phase needs a result that does not exist.
    #[error("phase '{phase}' needs the result of '{needs}', which this run skips and this host does not have")]
    Unmet {
        /// The phase.
        phase: String,
        /// The phase that it needs.
        needs: String,
        /// The workflow.
        workflow: String,
    },
}

impl Fault for PipelineError {
    fn exit_code(&self) -> ExitCode {
        match self {
            Self::BadSpec { .. } => ExitCode::Internal,
            Self::NoSuchPhase { .. } | Self::NotSkippable { .. } | Self::Unmet { .. } => ExitCode::Usage,
        }
    }

    fn hint(&self) -> Option<String> {
        match self {
            Self::BadSpec { .. } => None,
            Self::NoSuchPhase { workflow, nearest, .. } => Some(match nearest {
                Some(name) => format!("did you mean '{name}'? Run 'kubewright {workflow} --help' for the list"),
                None => format!("run 'kubewright {workflow} --help' for the list"),
            }),
            Self::NotSkippable { path, .. } => Some(format!("remove {path} from --skip-phases and skipPhases")),
            Self::Unmet { needs, workflow, .. } => {
                Some(format!("run 'kubewright {workflow} phase {}' first", needs.replace('/', " ")))
            }
        }
    }
}
