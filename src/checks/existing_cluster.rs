//! The control plane that this host runs already, and what a run would put in its place.

use crate::base::fault::Failure;
use crate::config::model::ClusterConfig;
use std::path::{Path, PathBuf};

/// What etcd makes in its data folder when it first starts.
pub(super) const MEMBER: &str = "member";

/// What this host runs, and what this run would put in its place.
#[derive(Debug, Default)]
pub struct ExistingCluster {
    /// The cluster's own `ClusterConfiguration`, where it answers and has one; or why that cannot be known.
    pub stored: Option<Result<ClusterConfig, Failure>>,
    /// The cluster has a configuration, or may have one, and nobody says which.
    pub is_unknown: bool,
    /// Where its data are, as the manifests on this host say.
    pub before: Data,
    /// Where they would be afterwards.
    pub after: Data,
}

/// What decides whether a control plane finds its data and can read them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Data {
    /// Where etcd keeps them; None without a control plane.
    pub etcd: Option<Database>,
    /// The file that says how Secrets are encrypted.
    pub encryption: Option<String>,
}

impl Data {
    /// True when there are any. Those of others cannot be looked at, and are taken to be there.
    pub fn exist(&self, is_there: impl Fn(&Path) -> bool) -> bool {
        match &self.etcd {
            None => false,
            Some(Database::Here(folder)) => is_there(&folder.join(MEMBER)),
            Some(Database::Elsewhere(_)) => true,
        }
    }
}

/// Where a control plane's data are.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Database {
    /// In a folder of this host.
    Here(PathBuf),
    /// With an etcd that others run, at these addresses.
    Elsewhere(Vec<String>),
}
