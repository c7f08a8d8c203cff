//! A plain cluster and node for the tests of this layer, all defaults.

use crate::config::model::{
    Addon, ApiEndpoint, ClusterConfig, Component, Etcd, ImageOverride, KeyAlgorithm, LocalEtcd, Networking, NodeConfig,
    Timeouts,
};
use crate::versions::Version;
use crate::versions::table::{self, Minor};
use serde_json::Map;
use std::collections::BTreeMap;
use std::time::Duration;

pub(super) fn facts(minor: u16) -> &'static Minor {
    table::facts(minor).unwrap()
}

pub(super) fn cluster(minor: u16) -> ClusterConfig {
    let addon = Addon { disabled: false, image: ImageOverride::default() };
    ClusterConfig {
        version: Version::new(minor, 2),
        cluster_name: "kubernetes".into(),
        control_plane_endpoint: None,
        networking: Networking {
            service_subnets: vec!["10.96.0.0/12".parse().unwrap()],
            pod_subnets: Vec::new(),
            dns_domain: "cluster.local".into(),
        },
        certificates_dir: "/etc/kubernetes/pki".into(),
        image_repository: facts(minor).image_repository.newest().into(),
        encryption_algorithm: KeyAlgorithm::Rsa2048,
        certificate_validity: Duration::from_secs(365 * 24 * 3600),
        ca_certificate_validity: Duration::from_secs(10 * 365 * 24 * 3600),
        feature_gates: BTreeMap::new(),
        api_server: Component::default(),
        api_server_cert_sans: Vec::new(),
        controller_manager: Component::default(),
        scheduler: Component::default(),
        etcd: Etcd::Local(LocalEtcd {
            data_dir: "/var/lib/etcd".into(),
            image: ImageOverride::default(),
            component: Component::default(),
            server_cert_sans: Vec::new(),
            peer_cert_sans: Vec::new(),
        }),
        dns: addon.clone(),
        proxy: addon,
        kubelet: Map::new(),
        kube_proxy: Map::new(),
    }
}

pub(super) fn node() -> NodeConfig {
    NodeConfig {
        name: "cp1".into(),
        cri_socket: Some("unix:///run/containerd/containerd.sock".into()),
        taints: None,
        kubelet_extra_args: Vec::new(),
        image_pull_policy: "IfNotPresent".into(),
        image_pull_serial: true,
        local_endpoint: ApiEndpoint { advertise_address: "192.168.0.36".parse().unwrap(), bind_port: 6443 },
        patches_dir: None,
        ignore_preflight_errors: Vec::new(),
        skip_phases: Vec::new(),
        timeouts: Timeouts::default(),
    }
}
