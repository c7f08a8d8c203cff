//! `config print`: the default documents of the kubeadm of a minor version.
//!
//! Writes nothing; each document is a YAML text without `---`. The token in them is a placeholder.

use super::encode::{Fields, cluster_configuration, control_plane_taints, init_value, join_value, timeouts};
use super::model::{
    Addon, ApiEndpoint, BootstrapToken, ClusterConfig, Component, Discovery, DiscoverySource, Etcd, ImageOverride,
    InitConfig, JoinConfig, KeyAlgorithm, LocalEtcd, Networking, NodeConfig, Timeouts,
};
use crate::base::go_yaml;
use crate::base::secret::Secret;
use crate::versions::ApiVersion::{V1Beta3, V1Beta4};
use crate::versions::{Minor, Version};
use serde_json::{Map, json};
use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv4Addr};
use std::time::Duration;

/// A well-formed placeholder.
const PLACEHOLDER_TOKEN: &str = "abcdef.0123456789abcdef";
/// A placeholder for the address.
const PLACEHOLDER_ADDRESS: IpAddr = IpAddr::V4(Ipv4Addr::new(1, 2, 3, 4));

/// The `InitConfiguration` and the `ClusterConfiguration`. Minor versions that still write v1beta2 set the node name to
/// the hostname and include its taints; later ones call it `node`.
pub fn init_defaults(minor: &Minor, host_name: &str) -> [String; 2] {
    let init = default_init(minor, host_name);
    let mut cluster = cluster_configuration(&init.cluster, minor, minor.api_version, &init.node.timeouts);
    if is_static(minor) {
        cluster["kubernetesVersion"] = json!(format!("1.{}.0", minor.minor));
    }
    [go_yaml::to_string(&init_value(&init, minor.api_version)), go_yaml::to_string(&cluster)]
}

/// The resolved form of those two documents, for the component configurations printed with them.
pub fn default_init(minor: &Minor, host_name: &str) -> InitConfig {
    let mut node = default_node(minor, if is_static(minor) { "node" } else { host_name });
    node.taints = (!is_static(minor)).then(|| control_plane_taints(minor));
    InitConfig {
        cluster: default_cluster(Version::new(minor.minor, 0), minor),
        node,
        bootstrap_tokens: vec![default_token()],
        generated_token: false,
        certificate_key: None,
        pod_network: None,
    }
}

/// True if the printed defaults do not depend on the host.
fn is_static(minor: &Minor) -> bool {
    minor.api_version >= V1Beta3
}

/// The `JoinConfiguration` of a worker.
pub fn join_defaults(minor: &Minor, host_name: &str) -> String {
    let source = DiscoverySource::Token {
        endpoints: vec!["kube-apiserver:6443".into()],
        token: Secret::new(PLACEHOLDER_TOKEN.into()),
        ca_cert_hashes: Vec::new(),
        unsafe_skip_ca_verification: true,
    };
    let join = JoinConfig {
        node: default_node(minor, host_name),
        discovery: Discovery { source, tls_bootstrap_token: Some(Secret::new(PLACEHOLDER_TOKEN.into())) },
        ca_cert_path: "/etc/kubernetes/pki/ca.crt".into(),
        control_plane: None,
    };
    go_yaml::to_string(&join_value(&join, minor.api_version))
}

/// The `ResetConfiguration`; None for minor versions before v1beta4.
pub fn reset_defaults(minor: &Minor) -> Option<String> {
    let document = Fields::document("ResetConfiguration", minor.api_version)
        .put("certificatesDir", "/etc/kubernetes/pki")
        .put("criSocket", minor.default_cri_socket)
        .put("timeouts", timeouts(&Timeouts::default()));
    since_v1beta4(minor, document)
}

/// The `UpgradeConfiguration`; None for minor versions before v1beta4.
pub fn upgrade_defaults(minor: &Minor) -> Option<String> {
    let machine = json!({
        "certificateRenewal": true,
        "etcdUpgrade": true,
        "imagePullPolicy": "IfNotPresent",
        "imagePullSerial": true,
    });
    let plan = Fields::default().flag("etcdUpgrade", minor.plan_etcd_upgrade);
    let document = Fields::document("UpgradeConfiguration", minor.api_version)
        .put("apply", machine.clone())
        .put("diff", Map::new())
        .put("node", machine)
        .put("plan", plan)
        .put("timeouts", timeouts(&Timeouts::default()));
    since_v1beta4(minor, document)
}

/// A cluster with all defaults.
pub fn default_cluster(version: Version, minor: &Minor) -> ClusterConfig {
    ClusterConfig {
        image_repository: minor.image_repository.at(version.patch).into(),
        version,
        cluster_name: "kubernetes".into(),
        control_plane_endpoint: None,
        networking: Networking {
            service_subnets: vec![DEFAULT_SERVICE_SUBNET],
            pod_subnets: Vec::new(),
            dns_domain: "cluster.local".into(),
        },
        certificates_dir: "/etc/kubernetes/pki".into(),
        encryption_algorithm: KeyAlgorithm::Rsa2048,
        certificate_validity: Duration::from_hours(365 * 24),
        ca_certificate_validity: Duration::from_hours(10 * 365 * 24),
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
        dns: Addon::default(),
        proxy: Addon::default(),
        kubelet: Map::new(),
        kube_proxy: Map::new(),
    }
}

const DEFAULT_SERVICE_SUBNET: ipnet::IpNet =
    ipnet::IpNet::V4(ipnet::Ipv4Net::new_assert(Ipv4Addr::new(10, 96, 0, 0), 12));

/// A node with all defaults.
pub fn default_node(minor: &Minor, name: &str) -> NodeConfig {
    NodeConfig {
        name: name.into(),
        cri_socket: Some(minor.default_cri_socket.into()),
        taints: None,
        kubelet_extra_args: Vec::new(),
        image_pull_policy: "IfNotPresent".into(),
        image_pull_serial: true,
        local_endpoint: ApiEndpoint { advertise_address: PLACEHOLDER_ADDRESS, bind_port: 6443 },
        patches_dir: None,
        ignore_preflight_errors: Vec::new(),
        skip_phases: Vec::new(),
        timeouts: Timeouts::default(),
    }
}

fn default_token() -> BootstrapToken {
    BootstrapToken {
        token: Secret::new(PLACEHOLDER_TOKEN.into()),
        description: String::new(),
        ttl: Some(Duration::from_hours(24)),
        expires: None,
        usages: vec!["signing".into(), "authentication".into()],
        groups: vec!["system:bootstrappers:kubeadm:default-node-token".into()],
    }
}

fn since_v1beta4(minor: &Minor, document: Fields) -> Option<String> {
    (minor.api_version >= V1Beta4).then(|| go_yaml::to_string(&document.into()))
}

#[cfg(test)]
mod tests;
