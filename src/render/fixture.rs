//! A default cluster and node for the tests of this layer.

use crate::config::model::{ApiEndpoint, ClusterConfig, NodeConfig};
use crate::config::print;
use crate::versions::Version;
use crate::versions::table::{self, Minor};

pub(super) fn facts(minor: u16) -> &'static Minor {
    table::facts(minor).unwrap()
}

pub(super) fn cluster(minor: u16) -> ClusterConfig {
    let mut cluster = print::default_cluster(Version::new(minor, 2), facts(minor));
    cluster.image_repository = facts(minor).image_repository.newest().into();
    cluster
}

pub(super) fn node() -> NodeConfig {
    NodeConfig {
        cri_socket: Some("unix:///run/containerd/containerd.sock".into()),
        local_endpoint: ApiEndpoint { advertise_address: "192.168.0.36".parse().unwrap(), bind_port: 6443 },
        ..print::default_node(facts(table::newest()), "cp1")
    }
}
