//! The node that is removed from its cluster, by `reset` on its own host or by `node remove` on another.

#[cfg(test)]
use super::Context;
use crate::config::ResetConfig;
use crate::config::model::{ClusterConfig, NodeConfig};
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

// Each is an independent flag on the command line, not a state.
#[allow(clippy::struct_excessive_bools)]
#[derive(Clone)]
pub struct Leaving {
    /// The node's name.
    pub name: String,
    /// The options of `reset`; None: the node is on another host, and only the cluster is changed.
    pub reset: Option<ResetConfig>,
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
    /// The cluster configuration, as far as this host has it.
    pub cluster: ClusterConfig,
    /// The node configuration of this host.
    pub node: NodeConfig,
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

impl Leaving {
    /// True when the node is this host.
    pub fn is_here(&self) -> bool {
        self.reset.is_some()
    }
}

/// A host that is about to be reset, for tests.
#[cfg(test)]
pub(crate) fn fixture(root: &std::path::Path) -> Context {
    use super::Task;
    use crate::config::{Documents, Facts, ResetFlags, print};
    let mut cx = Context::for_tests(root.to_str().unwrap());
    let facts = Facts::placeholder(cx.random.clone());
    let reset = Documents::none().reset(&ResetFlags::default(), &facts).unwrap().config;
    let minor = crate::versions::facts(crate::versions::newest()).unwrap();
    let version = crate::versions::Version::new(crate::versions::newest(), 0);
    cx.task = Task::Leave(Box::new(Leaving {
        name: "n1".into(),
        reset: Some(reset),
        kubeconfig: None,
        dead: false,
        wait: false,
        force: false,
        accept_quorum_loss: false,
        end_cluster: false,
        keep_backups: false,
        drain_limit: std::time::Duration::from_mins(1),
        cluster: print::default_cluster(version, minor),
        node: print::default_node(minor, "n1"),
        api_health: None,
        etcd_membership: None,
        removed_elsewhere: false,
        other_control_planes: None,
        own_data: None,
        kept: Vec::new(),
        exposed: Vec::new(),
        notes: Vec::new(),
    }));
    cx
}
