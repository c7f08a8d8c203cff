//! Why a node is not removed from its cluster.

use crate::base::exit_code::ExitCode;
use crate::base::fault::{Failure, Fault};
use crate::etcd::EtcdError;
use crate::host::removal::{Kept, Why};
use std::collections::BTreeMap;
use std::path::PathBuf;

#[derive(Debug, thiserror::Error)]
pub enum LeaveError {
    /// The API server does not respond.
    #[error("cannot remove the node from the cluster: the API server does not respond: {why}")]
    Silent {
        /// The failure.
        why: String,
        /// True if the node is this host.
        here: bool,
    },
    /// The remaining etcd members would have no majority.
    #[error("without this node etcd loses quorum, and the cluster stops")]
    Quorum(#[source] EtcdError),
    /// etcd does not report its members.
    #[error("it is unknown whether etcd keeps its quorum without this node: {why}")]
    EtcdSilent {
        /// The failure.
        why: String,
    },
    /// The host has the last etcd member.
    #[error("{name} has the last etcd member: without it the cluster and everything stored in it are lost")]
    LastMember {
        /// The node.
        name: String,
    },
    /// A running etcd uses the data to be removed.
    #[error("an etcd on this host uses {}: its data were not removed", data.display())]
    EtcdRuns {
        /// The data.
        data: PathBuf,
    },
    /// The host still has files that give access to the cluster.
    #[error("this host still has files of the cluster that could not be removed: {}", grouped_by_reason(kept))]
    AccessLeft {
        /// The files, and why they were not removed.
        kept: Vec<Kept>,
    },
    /// Pods could not be removed from the node.
    #[error("these Pods are still on {node}: {}", pods.join("; "))]
    NotDrained {
        /// The node.
        node: String,
        /// Their names, and the reasons.
        pods: Vec<String>,
    },
    /// The client may not evict the Pods of the node.
    #[error("the Pods of {node} cannot be evicted: {why}")]
    MayNotDrain {
        /// The node.
        node: String,
        /// The message of the API server.
        why: String,
    },
    /// Why a node on another host stays in etcd, if the hints for `reset` on its own host do not apply.
    #[error("{why}")]
    KeptElsewhere {
        /// The reason.
        why: String,
        /// What the user can do.
        advice: String,
    },
    /// The node was given as dead, but its etcd member is running.
    #[error("{0} is not dead: its etcd member responds")]
    MemberAlive(String),
    /// The node to remove is this host.
    #[error("{0} is this host")]
    IsThisHost(String),
    /// The name is unknown.
    #[error("the cluster has no node and no etcd member named {0:?}")]
    NoSuchNode(String),
    /// The node is not ready, and the user did not specify that it is dead.
    #[error("{0} is not Ready, so its Pods cannot be drained")]
    MaybeDead(String),
    /// The node is ready, although it was given as dead.
    #[error("the cluster reports {name} as Ready{}", last_report(*ago))]
    Alive {
        /// The node.
        name: String,
        /// The seconds since its last report, if known.
        ago: Option<u64>,
        /// The seconds after which the cluster notices that reports are missing.
        left: u64,
    },
}

impl LeaveError {
    /// The failure for a node on another host: the flags of `reset` and the command that was just run do not apply
    /// there.
    pub fn for_other_host(failure: Failure) -> Failure {
        let advice = match failure.downcast_ref() {
            Some(Self::Quorum(_)) => {
                "first fix the members that are not healthy; while most members are healthy, those that will not \
                 return can be removed before this one; without quorum, etcd must be restored from a snapshot"
                    .into()
            }
            Some(Self::EtcdSilent { .. }) => {
                "start etcd on a control plane (run 'crictl logs $(crictl ps -aq --name etcd)' to see why it is not \
                 running) and run the command again there"
                    .into()
            }
            Some(Self::LastMember { name }) => format!(
                "keep {name}: it has the only copy of the cluster's data; join another control plane first, or save the data \
                 with 'kubewright etcd snapshot save' on it before the cluster ends"
            ),
            _ => return failure,
        };
        let mut why = failure.to_string();
        for cause in failure.causes() {
            why = format!("{why}: {cause}");
        }
        Self::KeptElsewhere { why, advice }.into()
    }

    /// True if a member that responds reports that quorum is lost. If none does, `--force` continues.
    pub fn is_of_living_etcd(failure: &Failure) -> bool {
        matches!(failure.downcast_ref(), Some(EtcdError::QuorumLost { answering: 1.., .. }))
    }

    /// The failure, with a hint for a quorum that is already lost: this host may have the last intact copy of the
    /// data.
    pub fn of_lost_quorum(failure: Failure) -> Failure {
        match failure.downcast_ref::<EtcdError>() {
            Some(error @ EtcdError::QuorumLost { .. }) => {
                let advice = format!(
                    "keep this host: it may have the last intact copy of the cluster's data. To save the cluster, {}",
                    error.hint().unwrap_or_default()
                );
                Self::KeptElsewhere { why: error.to_string(), advice }.into()
            }
            _ => failure,
        }
    }

    /// The failure, with a hint for the loss of quorum.
    pub fn of_etcd(failure: Failure) -> Failure {
        match failure.downcast_ref::<EtcdError>() {
            Some(EtcdError::NoQuorum { change, healthy, voters, needed, sick }) => Self::Quorum(EtcdError::NoQuorum {
                change: change.clone(),
                healthy: *healthy,
                voters: *voters,
                needed: *needed,
                sick: sick.clone(),
            })
            .into(),
            _ => failure,
        }
    }
}

impl Fault for LeaveError {
    fn exit_code(&self) -> ExitCode {
        match self {
            Self::Silent { .. } => ExitCode::Unreachable,
            Self::AccessLeft { .. } => ExitCode::Input,
            Self::NotDrained { .. } => ExitCode::Unhealthy,
            Self::NoSuchNode(_) | Self::IsThisHost(_) => ExitCode::Usage,
            Self::Quorum(_)
            | Self::EtcdSilent { .. }
            | Self::LastMember { .. }
            | Self::MayNotDrain { .. }
            | Self::EtcdRuns { .. }
            | Self::KeptElsewhere { .. }
            | Self::MemberAlive(_)
            | Self::MaybeDead(_)
            | Self::Alive { .. } => ExitCode::Refused,
        }
    }

    fn hint(&self) -> Option<String> {
        Some(match self {
            Self::Silent { here: true, .. } => {
                "fix the API server and run the command again; --force continues without removing the node from the \
                 cluster, and deletes this host's data, which may be the only copy"
                    .into()
            }
            Self::Silent { here: false, .. } => {
                "run it on a control plane whose API server responds, or specify another one with --kubeconfig".into()
            }
            Self::Quorum(error) => format!(
                "fix the members that are not healthy{}; --accept-quorum-loss accepts that the cluster stops, and this host's \
                 data may be its last intact copy",
                error.otherwise()
            ),
            Self::EtcdSilent { .. } => "start etcd again (run 'crictl logs $(crictl ps -aq --name etcd)' to see why \
                                        it is not running) and run the command again; \
                                        --force deletes the data of this host, which may be the only copy"
                .into(),
            Self::LastMember { .. } => {
                "to end the cluster, run the command again with --end-cluster; to save its data first, run 'kubewright \
                 etcd snapshot save' and copy the file and /etc/kubernetes/pki to another machine"
                    .into()
            }
            Self::EtcdRuns { data } => format!(
                "run 'fuser -v {}/snap/db' to see which process it is; if that etcd belongs to the cluster that this \
                 host leaves, stop it and run the command again: it continues; if not, give it another data directory \
                 first",
                data.display()
            ),
            Self::AccessLeft { kept } => {
                let advice = kept.first().map(advice_on).unwrap_or_default();
                format!(
                    "{advice}, then run the command again; until then anyone who can read them has access to the \
                     cluster"
                )
            }
            Self::NotDrained { node, .. } => format!(
                "see what blocks them: run 'kubectl get pods -A -o wide --field-selector spec.nodeName={node}' and \
                 'kubectl get poddisruptionbudgets -A'; then run the command again, with a longer --drain-timeout, or \
                 with --skip-phases drain to delete them without eviction; to keep the node, run 'kubectl uncordon \
                 {node}'"
            ),
            Self::MayNotDrain { node, .. } => format!(
                "run 'kubectl drain {node} --ignore-daemonsets' on a control plane and then this command again with \
                 --skip-phases drain, or specify the --kubeconfig of an administrator"
            ),
            Self::IsThisHost(_) => {
                "run 'kubewright reset --dry-run' here to see the changes with which this host leaves its cluster"
                    .into()
            }
            Self::NoSuchNode(_) => "run 'kubectl get nodes' to list the names; an etcd member that has never started \
                                    has no name: use its id, which 'kubewright etcd snapshot status' or 'etcdctl member list' prints"
                .into(),
            Self::KeptElsewhere { advice, .. } => advice.clone(),
            Self::MemberAlive(name) => {
                format!("run 'kubewright reset' on {name}; if its host is not accessible, switch it off first")
            }
            Self::MaybeDead(name) => format!(
                "start its kubelet, or, if the host will not return, run 'kubewright node remove {name} --dead'"
            ),
            Self::Alive { name, left, .. } => format!(
                "if its host no longer exists, the cluster notices that within {left} s: run the command again then, \
                 or add --wait; if it still runs, run 'kubewright reset' on {name}, or 'kubewright node remove \
                 {name}' here, which first drains the node"
            ),
        })
    }
}

/// `/a, /b (why); /c (why)`
fn grouped_by_reason(kept: &[Kept]) -> String {
    let mut reasons: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for one in kept {
        reasons.entry(one.why.to_string()).or_default().push(one.path.display().to_string());
    }
    let shown: Vec<String> = reasons.iter().map(|(why, paths)| format!("{} ({why})", paths.join(", "))).collect();
    shown.join("; ")
}

fn advice_on(kept: &Kept) -> String {
    let shown = kept.path.display();
    match &kept.why {
        Why::Refused(why) if why.contains("Read-only") => {
            format!("run 'findmnt -T {shown}' and remount that file system with 'mount -o remount,rw …'")
        }
        Why::Refused(why) if why.contains("not permitted") => {
            format!("run 'lsattr {shown}', also for its directory; 'chattr -i' removes the attribute 'immutable'")
        }
        Why::Mount => format!("run 'findmnt -T {shown}', remove the files or unmount it"),
        Why::Link(_) | Why::BehindLink(_) => {
            format!("run 'ls -l {shown}', and remove the target of the link if only this cluster used it")
        }
        Why::Refused(_) | Why::TooDeep | Why::Emptied => format!("run 'ls -la {shown}' and remove it"),
    }
}

fn last_report(ago: Option<u64>) -> String {
    ago.map_or_else(String::new, |ago| format!(": its kubelet last renewed its lease {ago} s ago"))
}
