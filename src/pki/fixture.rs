//! For tests: a cluster and a node.

use crate::config::model::{
    Addon, ApiEndpoint, ClusterConfig, Component, Etcd, ImageOverride, KeyAlgorithm, LocalEtcd, Networking, NodeConfig,
    Timeouts,
};
use crate::versions::Version;
use std::time::Duration;

const DAY: u64 = 24 * 3600;

/// A cluster of this minor with every default, and ECDSA keys because they are made in no time.
pub fn cluster(minor: u16) -> ClusterConfig {
    ClusterConfig {
        version: Version::new(minor, 2),
        cluster_name: "kubernetes".into(),
        control_plane_endpoint: None,
        networking: Networking {
            service_subnets: vec!["10.96.0.0/12".parse().unwrap()],
            pod_subnets: vec![],
            dns_domain: "cluster.local".into(),
        },
        certificates_dir: "/etc/kubernetes/pki".into(),
        image_repository: "registry.k8s.io".into(),
        encryption_algorithm: KeyAlgorithm::EcdsaP256,
        certificate_validity: Duration::from_secs(365 * DAY),
        ca_certificate_validity: Duration::from_secs(3650 * DAY),
        feature_gates: std::collections::BTreeMap::new(),
        api_server: Component::default(),
        api_server_cert_sans: vec![],
        controller_manager: Component::default(),
        scheduler: Component::default(),
        etcd: Etcd::Local(LocalEtcd {
            data_dir: "/var/lib/etcd".into(),
            image: ImageOverride::default(),
            component: Component::default(),
            server_cert_sans: vec![],
            peer_cert_sans: vec![],
        }),
        dns: Addon::default(),
        proxy: Addon::default(),
        kubelet: serde_json::Map::new(),
        kube_proxy: serde_json::Map::new(),
    }
}

/// The node cp1 at 192.168.0.36.
pub fn node() -> NodeConfig {
    NodeConfig {
        name: "cp1".into(),
        cri_socket: None,
        taints: None,
        kubelet_extra_args: vec![],
        image_pull_policy: "IfNotPresent".into(),
        image_pull_serial: true,
        local_endpoint: ApiEndpoint { advertise_address: "192.168.0.36".parse().unwrap(), bind_port: 6443 },
        patches_dir: None,
        ignore_preflight_errors: vec![],
        skip_phases: vec![],
        timeouts: Timeouts::default(),
    }
}
