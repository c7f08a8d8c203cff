//! The cluster and the host of an upgrade.

use crate::config::model::{ClusterConfig, NodeConfig};

/// What is upgraded.
pub struct Upgrading {
    /// The cluster's configuration: the stored one, or what it will be.
    pub cluster: ClusterConfig,
    /// This host as a node of it.
    pub node: NodeConfig,
}
