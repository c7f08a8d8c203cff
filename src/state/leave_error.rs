//! Why a node does not leave its cluster.

use crate::base::exit_code::ExitCode;
use crate::base::fault::{Failure, Fault};
use crate::etcd::EtcdError;
use crate::host::removal::{Kept, Why};
use std::collections::BTreeMap;
use std::path::PathBuf;

/// See the module's text.
#[derive(Debug, thiserror::Error)]
pub enum LeaveError {
    /// The API server does not answer.
    #[error("the cluster cannot be told that the node leaves, because its API server does not answer: {why}")]
    Silent {
        /// What it said instead.
        why: String,
        /// The node is this host.
        here: bool,
    },
    /// Those who stay in etcd could not decide anything.
    #[error("without this node etcd has no majority, and the cluster stops")]
    Quorum(#[source] EtcdError),
    /// etcd does not say who is in it.
    #[error("nobody can tell whether etcd can do without this node: {why}")]
    EtcdSilent {
        /// What was tried.
        why: String,
    },
    /// The cluster ends with this host.
    #[error("{name} has the last member of etcd: without it the cluster is gone, with everything stored in it")]
    LastMember {
        /// The node.
        name: String,
    },
    /// Somebody works on the data that is to go.
    #[error("an etcd on this host works on {}: its data stays", data.display())]
    EtcdRuns {
        /// The data.
        data: PathBuf,
    },
    /// The host still holds what gives access to the cluster.
    #[error("this host still holds files of the cluster that could not be removed: {}", by_reason(kept))]
    AccessLeft {
        /// What, and why.
        kept: Vec<Kept>,
    },
    /// Pods do not leave the node.
    #[error("these Pods have not left {node}: {}", pods.join("; "))]
    NotDrained {
        /// The node.
        node: String,
        /// Their names, and why.
        pods: Vec<String>,
    },
    /// Who asks may not move the node's Pods away.
    #[error("the Pods of {node} cannot be moved elsewhere: {why}")]
    MayNotDrain {
        /// The node.
        node: String,
        /// The API server's words.
        why: String,
    },
    /// What keeps a node elsewhere in etcd, where what `reset` could be told on its host is no way out.
    #[error("{why}")]
    KeptElsewhere {
        /// Why it stays.
        why: String,
        /// What the user can do.
        advice: String,
    },
    /// The node to remove is said to be gone, and its member of etcd is not.
    #[error("{0} is not dead: its member of etcd answers")]
    MemberAlive(String),
    /// The node to remove is this host.
    #[error("{0} is this host")]
    IsThisHost(String),
    /// There is nothing of this name.
    #[error("the cluster has no node and no etcd member named {0:?}")]
    NoSuchNode(String),
    /// The node to remove does not answer, and the user did not say that it is gone.
    #[error("{0} is not Ready: nobody there moves its Pods away")]
    MaybeDead(String),
    /// The node to remove is Ready, although it is said to be gone.
    #[error("the cluster counts {name} as Ready: its kubelet reports to it{}", last(*ago))]
    Alive {
        /// The node.
        name: String,
        /// The seconds since its last report, where they are known.
        ago: Option<u64>,
        /// The seconds after which the cluster misses the next one.
        left: u64,
    },
}

impl LeaveError {
    /// The failure, where the node is on another host than the one that asks: neither a flag of `reset` nor the
    /// command that was just given is of any use there.
    pub fn elsewhere(failure: Failure) -> Failure {
        let advice = match failure.downcast_ref() {
            Some(Self::Quorum(_)) => {
                "bring the members that are not healthy back first; as long as most of all members are healthy, those that \
                 will not return can be taken out before this one; without a majority only a snapshot brings etcd back"
                    .into()
            }
            Some(Self::EtcdSilent { .. }) => {
                "start etcd on a control plane (run 'crictl logs $(crictl ps -aq --name etcd)' to see why it is away) and run \
                 the command again there"
                    .into()
            }
            Some(Self::LastMember { name }) => format!(
                "keep {name}: it holds the only copy of the cluster's data; join another control plane first, or save that data with \
                 'etcdctl snapshot save' before the cluster ends"
            ),
            _ => return failure,
        };
        let mut why = failure.to_string();
        for cause in failure.causes() {
            why = format!("{why}: {cause}");
        }
        Self::KeptElsewhere { why, advice }.into()
    }

    /// The failure, in terms of a node that leaves where it is about a majority that is lost already: what leaves the cluster
    /// then may be the last good copy of its data.
    pub fn of_lost_majority(failure: Failure) -> Failure {
        match failure.downcast_ref::<EtcdError>() {
            Some(error @ EtcdError::QuorumLost { .. }) => {
                let advice = format!(
                    "keep this host: it may hold the last good copy of the cluster's data. To save the cluster, {}",
                    error.hint().unwrap_or_default()
                );
                Self::KeptElsewhere { why: error.to_string(), advice }.into()
            }
            _ => failure,
        }
    }

    /// The failure, in terms of a node that leaves where it is about the majority.
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
                "start what is down and run the command again; --force leaves without telling the cluster, and gives up this \
                 host's data, which may be the only copy"
                    .into()
            }
            Self::Silent { here: false, .. } => {
                "run it on a control plane whose API server answers, or name one with --kubeconfig".into()
            }
            Self::Quorum(_) => "bring the members that are not healthy back, or, for those that will not return, run \
                                'kubewright node remove NAME --dead' on a control plane first; --accept-quorum-loss \
                                lets the cluster stop, and this host's data may be its last good copy"
                .into(),
            Self::EtcdSilent { .. } => "start etcd again (run 'crictl logs $(crictl ps -aq --name etcd)' to see why it \
                                        is away) and run the command again; --force gives up the data of this host, \
                                        which may be the only copy"
                .into(),
            Self::LastMember { .. } => {
                "if the cluster is to end, run the command again with --end-cluster; save its data first with 'etcdctl snapshot save'"
                    .into()
            }
            Self::EtcdRuns { data } => format!(
                "run 'fuser -v {}/snap/db' to see which process it is; if that etcd is part of the cluster that this host \
                 leaves, end it and run the command again: it continues; if not, give it another data folder first",
                data.display()
            ),
            Self::AccessLeft { kept } => {
                let advice = kept.first().map(advice_on).unwrap_or_default();
                format!("{advice}, then run the command again; until then anybody who can read them can use the cluster")
            }
            Self::NotDrained { node, .. } => format!(
                "see what holds them: run 'kubectl get pods -A -o wide --field-selector spec.nodeName={node}' and \
                 'kubectl get poddisruptionbudgets -A'; then run the command again, with a longer --drain-timeout, or \
                 with --skip-phases drain to end them; or let the node stay: run 'kubectl uncordon {node}'"
            ),
            Self::MayNotDrain { node, .. } => format!(
                "run 'kubectl drain {node} --ignore-daemonsets' on a control plane and then this command again with \
                 --skip-phases drain, or give --kubeconfig of an administrator"
            ),
            Self::IsThisHost(_) => {
                "run 'kubewright reset --dry-run' here to see what it would change for this host to leave its cluster".into()
            }
            Self::NoSuchNode(_) => "run 'kubectl get nodes' to see their names; a member of etcd that has never started \
                                    has none, and goes by its id, as 'etcdctl member list' shows it"
                .into(),
            Self::KeptElsewhere { advice, .. } => advice.clone(),
            Self::MemberAlive(name) => format!(
                "run 'kubewright reset' on {name}; if its host cannot be entered any more, switch it off first"
            ),
            Self::MaybeDead(name) => format!(
                "start its kubelet, or, if the host will not return, run 'kubewright node remove {name} --dead'"
            ),
            Self::Alive { name, left, .. } => format!(
                "if its host is gone, the cluster notices that within {left} s: run the command again then, or add --wait; if \
                 it lives, run 'kubewright reset' on {name}, or 'kubewright node remove {name}' here, which moves its Pods \
                 away first"
            ),
        })
    }
}

/// `/a, /b (why); /c (why)`
fn by_reason(kept: &[Kept]) -> String {
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
            format!("run 'lsattr {shown}', also for its directory; 'chattr -i' removes the flag 'immutable'")
        }
        Why::Mount => format!("run 'findmnt -T {shown}', remove the files or unmount it"),
        Why::Link(_) | Why::BehindLink(_) => {
            format!("run 'ls -l {shown}', and remove what the link leads to if only this cluster used it")
        }
        Why::Refused(_) | Why::TooDeep | Why::Emptied => format!("run 'ls -la {shown}' and remove it"),
    }
}

fn last(ago: Option<u64>) -> String {
    ago.map_or_else(String::new, |ago| format!(", the last time {ago} s ago"))
}
