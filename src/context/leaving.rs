//! The node that is removed from its cluster, by `reset` on its own host or by `node remove` on another.

#[cfg(test)]
use super::{Context, Run};
use crate::config::ResetConfig;
use crate::host::removal::Kept;
use std::path::PathBuf;
use std::time::Duration;

/// Whether the API server of the cluster responds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ApiHealth {
    /// It responds and is ready.
    Ready,
    /// It does not respond, for this reason, but is required.
    Unreachable(String),
    /// It is not required: no change in the cluster is needed, or the user continues without it.
    NotChecked,
}

/// The etcd membership of the node.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum EtcdMembership {
    /// It is not a member.
    None,
    /// It is the only voting member.
    Last,
    /// It is one of several members.
    Member {
        /// The endpoints of the other members.
        others: Vec<String>,
    },
    /// It could not be determined, for this reason.
    Unknown(String),
}

/// Where the host of the node that is removed is.
pub trait Place {
    const IS_HERE: bool;
}

/// It is another host, and only the cluster is changed: `node remove`.
#[derive(Clone)]
pub struct Elsewhere;

impl Place for Elsewhere {
    const IS_HERE: bool = false;
}

/// It is this host, with these options: `reset`.
impl Place for ResetConfig {
    const IS_HERE: bool = true;
}

/// `reset`: the node is this host.
pub type Reset = Leaving<ResetConfig>;

// Each is an independent flag on the command line, not a state.
#[allow(clippy::struct_excessive_bools)]
#[derive(Clone)]
pub struct Leaving<H> {
    /// The node's name.
    pub name: String,
    pub place: H,
    /// The kubeconfig for the cluster; None: this host has no credentials.
    pub kubeconfig: Option<PathBuf>,
    /// The node's host no longer exists.
    pub dead: bool,
    /// Wait until the cluster marks the node as not ready.
    pub wait: bool,
    /// Continue if the cluster does not respond.
    pub force: bool,
    /// Remove the etcd member even if the other members lose quorum.
    pub accept_quorum_loss: bool,
    /// Continue if this is the last host of the cluster.
    pub end_cluster: bool,
    /// Keep the backups of earlier certificates and keys.
    pub keep_backups: bool,
    /// The timeout for draining the node.
    pub drain_limit: Duration,
    /// Whether the API server responds, once checked.
    pub api_health: Option<ApiHealth>,
    /// The node's etcd membership, once determined.
    pub etcd_membership: Option<EtcdMembership>,
    /// The other etcd members no longer list the member of this host, as after 'node remove' on another control plane:
    /// its API server no longer works.
    pub removed_elsewhere: bool,
    /// The number of remaining control planes, once determined.
    pub other_control_planes: Option<usize>,
    /// The data of this host's own etcd, if they exist when the files are removed.
    pub own_data: Option<PathBuf>,
    /// What was not removed.
    pub kept: Vec<Kept>,
    /// Those of them that give access to the cluster.
    pub exposed: Vec<Kept>,
    /// Steps that were not done, and what the user can do about them.
    pub notes: Vec<String>,
}

impl<H: Place> Leaving<H> {
    /// A removal with default options.
    pub fn new(name: String, place: H, kubeconfig: Option<PathBuf>, drain_limit: Duration) -> Self {
        Self {
            name,
            place,
            kubeconfig,
            dead: false,
            wait: false,
            force: false,
            accept_quorum_loss: false,
            end_cluster: false,
            keep_backups: false,
            drain_limit,
            api_health: None,
            etcd_membership: None,
            removed_elsewhere: false,
            other_control_planes: None,
            own_data: None,
            kept: Vec::new(),
            exposed: Vec::new(),
            notes: Vec::new(),
        }
    }

    /// True when the node is this host.
    pub fn is_here(&self) -> bool {
        H::IS_HERE
    }
}

/// A host that is about to be reset, for tests.
#[cfg(test)]
pub(crate) fn fixture(root: &std::path::Path) -> Run<Reset> {
    use crate::config::{Documents, Facts, ResetFlags, print};
    let cx = Context::for_tests(root.to_str().unwrap());
    let facts = Facts::placeholder(cx.random.clone());
    let reset = Documents::none().reset(&ResetFlags::default(), &facts).unwrap().config;
    let minor = crate::versions::facts(crate::versions::newest()).unwrap();
    let cluster = print::default_cluster(crate::versions::Version::new(crate::versions::newest(), 0), minor);
    let cx = cx.configured(cluster, print::default_node(minor, "n1"));
    Run { cx, work: Leaving::new("n1".into(), reset, None, Duration::from_mins(1)) }
}

#[cfg(test)]
impl Run<Reset> {
    /// The removal of a node on another host, with the same options.
    pub(crate) fn elsewhere(self) -> Run<Leaving<Elsewhere>> {
        let Leaving { name, kubeconfig, drain_limit, .. } = self.work;
        Run { cx: self.cx, work: Leaving::new(name, Elsewhere, kubeconfig, drain_limit) }
    }
}
