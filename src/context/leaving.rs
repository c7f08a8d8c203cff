//! The node that leaves its cluster, by `reset` on its own host or by `node remove` on another.

#[cfg(test)]
use super::Context;
use crate::config::ResetConfig;
use crate::config::model::{ClusterConfig, NodeConfig};
use crate::host::removal::Kept;
use std::path::PathBuf;
use std::time::Duration;

/// Whether the API server of the cluster that is left answers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Answer {
    /// It does, and is well.
    Well,
    /// It does not, for this reason, and must.
    Silent(String),
    /// It need not: there is nothing to tell it, or the user goes on without.
    NotAsked,
}

/// The place of the node in etcd.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Place {
    /// It has none.
    None,
    /// It is the only member that votes.
    Last,
    /// It is a member, and the others can do without.
    Member {
        /// Where the other members are.
        others: Vec<String>,
    },
    /// Nobody can tell, for this reason.
    Unknown(String),
}

/// See the module's text.
// Each is a switch of its own on the command line; there is no state machine among them.
#[allow(clippy::struct_excessive_bools)]
#[derive(Clone)]
pub struct Leaving {
    /// The node's name.
    pub name: String,
    /// What `reset` was told; None: the node is on another host, and only the cluster is changed.
    pub reset: Option<ResetConfig>,
    /// With what the cluster is entered; None: this host has no credentials.
    pub kubeconfig: Option<PathBuf>,
    /// The node's host is gone.
    pub dead: bool,
    /// Wait until the cluster notices that it is.
    pub wait: bool,
    /// Go on where the cluster does not answer.
    pub force: bool,
    /// Leave etcd even if those that stay have no majority then.
    pub accept_quorum_loss: bool,
    /// Leave also when the cluster ends with this host.
    pub end_cluster: bool,
    /// Leave the copies of earlier certificates and keys.
    pub keep_backups: bool,
    /// How long the node's Pods get to move elsewhere.
    pub drain_limit: Duration,
    /// The cluster, as far as this host knows it.
    pub cluster: ClusterConfig,
    /// This host as a node of it.
    pub node: NodeConfig,
    /// Whether the API server answers, once it was asked.
    pub answers: Option<Answer>,
    /// The node's place in etcd, once it was found out.
    pub place: Option<Place>,
    /// The other members of etcd no longer count this host's, as after 'node remove' on another control plane: its API
    /// server has ended with it.
    pub taken_out: bool,
    /// The control planes that stay, once they were counted.
    pub other_control_planes: Option<usize>,
    /// The data of this host's own etcd, where it is there when the files are removed.
    pub own_data: Option<PathBuf>,
    /// What was not removed.
    pub kept: Vec<Kept>,
    /// What of that gives access to the cluster.
    pub exposed: Vec<Kept>,
    /// What was not done, and what the user can do about it.
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
        answers: None,
        place: None,
        taken_out: false,
        other_control_planes: None,
        own_data: None,
        kept: Vec::new(),
        exposed: Vec::new(),
        notes: Vec::new(),
    }));
    cx
}
