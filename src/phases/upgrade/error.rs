//! Why an upgrade of this host stops.

use super::explained::Explained;
use crate::base::exit_code::ExitCode;
use crate::base::fault::{Failure, Fault};
use crate::phases::etcd_snapshot::error::SaveError;
use std::path::PathBuf;

#[derive(Debug, thiserror::Error)]
pub enum UpgradeFailed {
    /// The container of a component exits again and again.
    #[error("its container has exited {times} times")]
    Exits { times: usize },
    /// A component is not ready, and where everything stands.
    #[error("{component} did not become ready for {goal}: {}\n{outcome}{}", .cause.why, .cause.evidence)]
    NotReady { component: String, goal: String, cause: Explained, outcome: String },
    /// Without a snapshot etcd's data could not be restored; nothing was changed yet.
    #[error("{}; without a snapshot of etcd from before the upgrade, this run has changed no component of this host", .0.with_causes())]
    NoSnapshot(Failure),
    /// What runs is neither the old nor the new state, so there is nothing to plan from.
    #[error("{} does not belong to its key: an interrupted run has replaced one of them, and no component starts with such a pair", .certificate.display())]
    HalfReplaced { certificate: PathBuf },
    /// The rules or the checks do not allow it; nothing was changed.
    #[error("{} for {goal}; nothing was changed:{}", number(.problems.len()), lines(.problems))]
    Refused { goal: String, problems: Vec<Problem>, can_force: bool },
}

/// One obstacle.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    /// The rule or the check.
    pub name: String,
    /// The node, file or object.
    pub place: String,
    pub what: String,
    pub fix: String,
}

fn number(problems: usize) -> String {
    format!("{problems} {}", if problems == 1 { "obstacle" } else { "obstacles" })
}

fn lines(problems: &[Problem]) -> String {
    let one = |problem: &Problem| {
        let Problem { name, place, what, fix } = problem;
        format!("\n  {name} ({place}): {what}\n    fix: {fix}")
    };
    problems.iter().map(one).collect()
}

impl Fault for UpgradeFailed {
    fn exit_code(&self) -> ExitCode {
        match self {
            Self::Exits { .. } | Self::NotReady { .. } => ExitCode::Unhealthy,
            Self::NoSnapshot(cause) => cause.exit_code(),
            Self::HalfReplaced { .. } | Self::Refused { .. } => ExitCode::Refused,
        }
    }

    fn hint(&self) -> Option<String> {
        Some(match self {
            Self::Exits { .. } => "run 'crictl ps -a' and 'crictl logs' to see why".into(),
            Self::NotReady { cause: Explained { fix: Some(fix), .. }, .. } => fix.clone(),
            Self::NotReady { .. } => {
                "run 'journalctl -u kubelet -n 100' to see what the kubelet reports; when the cause is gone, run the same command \
                 again"
                    .into()
            }
            Self::NoSnapshot(cause) => match cause.downcast_ref::<SaveError>() {
                // The file cannot be chosen.
                Some(SaveError::NoRoom { path, .. }) => {
                    format!("make room: run 'df -h {}', then the same command again", path.display())
                }
                _ => return cause.hint(),
            },
            Self::HalfReplaced { .. } => "run the same command without --dry-run: it completes the pair first".into(),
            Self::Refused { can_force: true, .. } => {
                "fix these, then run the same command again; 'kubewright upgrade plan' shows the whole list".into()
            }
            Self::Refused { .. } => "fix these, then run the same command again".into(),
        })
    }

    fn retryable(&self) -> bool {
        matches!(self, Self::NoSnapshot(cause) if cause.retryable())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_disk_that_is_full_before_or_during_the_snapshot_says_where_the_host_stands_and_what_to_do_here() {
        let full = SaveError::NoRoom { path: "/var/lib/kubewright/snapshots".into(), free: 8, needed: 2, spare: 256 };
        let failure = Failure::from(UpgradeFailed::NoSnapshot(full.into()));
        assert!(failure.to_string().contains("has changed no component of this host"), "{failure}");
        let hint = failure.hint().unwrap_or_default();
        assert!(hint.contains("make room") && !hint.contains("give a file"), "{hint}");
        assert_eq!((failure.exit_code(), failure.retryable()), (ExitCode::Refused, false));
    }
}
