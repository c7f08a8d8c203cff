//! The options and results of the `etcd` commands.

use super::{Context, Missing, Task};
use crate::base::fault::Result;
use crate::config::model::{ClusterConfig, NodeConfig};
use crate::etcd::Status;
use crate::etcd::snapshot::Snapshot;
use std::path::PathBuf;

/// An `etcd` command on this host.
pub struct EtcdTask {
    /// The cluster configuration, as far as this host has it.
    pub cluster: ClusterConfig,
    /// The node configuration of this host.
    pub node: NodeConfig,
    /// What is done.
    pub work: Work,
}

pub enum Work {
    Save(Saving),
}

/// The options and the result of `etcd snapshot save`.
pub struct Saving {
    /// The file.
    pub file: PathBuf,
    /// How many snapshots in the default directory are kept; None where the user named a file.
    pub keep: Option<usize>,
    /// An existing file may be replaced.
    pub overwrite: bool,
    /// The member that is asked: its address and its status.
    pub source: Option<(String, Status)>,
    /// The snapshot.
    pub saved: Option<Snapshot>,
    /// Older ones that were removed.
    pub removed: Vec<PathBuf>,
}

impl Context {
    /// The options of `etcd snapshot save`.
    pub fn saving(&self) -> Result<&Saving> {
        match &self.task {
            Task::Etcd(task) => match &task.work {
                Work::Save(saving) => Ok(saving),
            },
            _ => Err(Missing("a snapshot to save").into()),
        }
    }

    /// The same, to record results.
    pub fn saving_mut(&mut self) -> Result<&mut Saving> {
        match &mut self.task {
            Task::Etcd(task) => match &mut task.work {
                Work::Save(saving) => Ok(saving),
            },
            _ => Err(Missing("a snapshot to save").into()),
        }
    }
}
