//! Why the kubelet of this host is not replaced.

use crate::base::exit_code::ExitCode;
use crate::base::fault::Fault;
use crate::phases::upgrade::component::Explained;

#[derive(Debug, thiserror::Error)]
pub enum HostNotFinished {
    /// Pods would be lost.
    #[error("no controller recreates these Pods of {node} after their eviction: {}", pods.join(", "))]
    LonePods { node: String, pods: Vec<String> },
    /// Pods did not end.
    #[error("these Pods are still on {node}: {}; {outcome}", pods.join("; "))]
    NotDrained { node: String, pods: Vec<String>, outcome: String },
    /// The service exits again and again.
    #[error("the kubelet has exited {times} times")]
    Exits { times: u32 },
    /// A unit of a package has flags that the kubelet does not know.
    #[error("{path} gives the kubelet arguments that {version} does not know: {}", flags.join(" "))]
    UnitOfPackage { path: String, version: String, flags: Vec<String> },
    /// The new kubelet does not work, and where everything stands.
    #[error("the kubelet {version} did not become ready: {}\n{outcome}{}", .cause.why, .cause.evidence)]
    NotReady { version: String, cause: Explained, outcome: String },
    /// An earlier run has begun to replace the kubelet.
    #[error("an earlier run with --finish has begun to replace the kubelet and was interrupted; nothing was changed")]
    Interrupted,
}

impl Fault for HostNotFinished {
    fn exit_code(&self) -> ExitCode {
        match self {
            Self::NotDrained { .. } | Self::Exits { .. } | Self::NotReady { .. } => ExitCode::Unhealthy,
            Self::LonePods { .. } | Self::UnitOfPackage { .. } | Self::Interrupted => ExitCode::Refused,
        }
    }

    fn hint(&self) -> Option<String> {
        Some(match self {
            Self::LonePods { .. } => {
                "move or delete these Pods yourself; or run the same command with '--skip-phases finish-host/drain': then all Pods stay \
                 on the node, and their containers restart with the kubelet"
                    .into()
            }
            Self::NotDrained { .. } => {
                "run 'kubectl get pdb -A' to see the disruption budgets, then the same command again; --drain-timeout waits longer; with \
                 '--skip-phases finish-host/drain' all Pods stay on the node, and their containers restart with the kubelet"
                    .into()
            }
            Self::Exits { .. } => "run 'journalctl -u kubelet -n 50' to see why".into(),
            Self::UnitOfPackage { path, .. } => format!(
                "copy {path} to the same name in /etc/systemd/system/kubelet.service.d, remove these arguments from the copy, and run \
                 the same command again"
            ),
            Self::NotReady { cause: Explained { fix: Some(fix), .. }, .. } => fix.clone(),
            Self::NotReady { .. } => {
                "run 'journalctl -u kubelet -n 100' to see what the kubelet reports; when the cause is gone, run the same command \
                 again"
                    .into()
            }
            Self::Interrupted => "run the same command with --finish, which continues it".into(),
        })
    }
}
