//! For tests: a cluster and a node.

use crate::config::model::{ApiEndpoint, ClusterConfig, KeyAlgorithm, NodeConfig};
use crate::config::print;
use crate::versions::{Version, table};

/// A cluster of this minor version with defaults, and ECDSA keys because they are generated quickly.
pub fn cluster(minor: u16) -> ClusterConfig {
    ClusterConfig {
        encryption_algorithm: KeyAlgorithm::EcdsaP256,
        ..print::default_cluster(Version::new(minor, 2), table::facts(minor).unwrap())
    }
}

/// The node cp1 at 192.168.0.36.
pub fn node() -> NodeConfig {
    NodeConfig {
        local_endpoint: ApiEndpoint { advertise_address: "192.168.0.36".parse().unwrap(), bind_port: 6443 },
        ..print::default_node(table::facts(table::newest()).unwrap(), "cp1")
    }
}
