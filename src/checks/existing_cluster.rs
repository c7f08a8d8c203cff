//! The control plane that already runs on this host, and what a run would replace.

use crate::base::fault::Failure;
use crate::config::model::ClusterConfig;
use std::path::{Path, PathBuf};

/// Created by etcd in its data directory at its first start.
pub(super) const MEMBER: &str = "member";

/// What this host runs, and what this run would replace.
#[derive(Debug, Default)]
pub struct ExistingCluster {
    /// The `ClusterConfiguration` of the cluster, if it responds and has one; or why that is unknown.
    pub stored: Option<Result<ClusterConfig, Failure>>,
    /// The cluster has a configuration, or may have one, but it is unknown.
    pub is_unknown: bool,
    /// No configuration was asked for, and that of the cluster is unknown: there is nothing to compare.
    pub not_compared: bool,
    /// The location of its data, from the manifests on this host.
    pub before: Data,
    /// The location after this run.
    pub after: Data,
}

/// What a control plane needs to find its data and to read them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Data {
    /// The location of etcd's data; None without a control plane.
    pub etcd: Option<Database>,
    /// The configuration file for the encryption of Secrets.
    pub encryption: Option<String>,
}

impl Data {
    /// True if the data exist. Data of an external etcd are assumed to exist.
    pub fn exist(&self, is_there: impl Fn(&Path) -> bool) -> bool {
        match &self.etcd {
            None => false,
            Some(Database::Here(directory)) => is_there(&directory.join(MEMBER)),
            Some(Database::Elsewhere(_)) => true,
        }
    }
}

/// The location of a control plane's data.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Database {
    /// In a directory of this host.
    Here(PathBuf),
    /// In an external etcd with these endpoints.
    Elsewhere(Vec<String>),
}
