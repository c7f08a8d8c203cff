//! The golden files are what kubeadm v1.20.2 and v1.36.2 put into `kubeadm-config` for the same clusters.

use super::*;
use crate::base::go_yaml;
use crate::config::model::{
    ApiEndpoint, Arg, ClusterConfig, Component, Etcd, ExternalEtcd, HostPathMount, HostPort, KeyAlgorithm, LocalEtcd,
    Timeouts,
};
use crate::config::print::default_cluster;
use crate::versions::{ApiVersion, Minor, facts};
use serde_json::{Value, json};
use std::path::PathBuf;
use std::time::Duration;

fn minor_of(cluster: &ClusterConfig) -> &'static Minor {
    facts(cluster.version.minor).unwrap()
}

fn sample(version: &str) -> ClusterConfig {
    let version: crate::versions::Version = version.parse().unwrap();
    let minor = facts(version.minor).unwrap();
    default_cluster(version, minor)
}

/// Compares what is uploaded, byte for byte. `node` is the name and address of the first control plane.
#[track_caller]
fn assert_uploads(case: &str, node: (&str, &str), change: impl FnOnce(&mut ClusterConfig)) {
    let mut cluster = sample(case.split_once('-').unwrap().0);
    change(&mut cluster);
    let minor = minor_of(&cluster);
    let mut text = go_yaml::to_string(&uploaded_cluster_configuration(&cluster, minor, &Timeouts::default()));
    if minor.cluster_status {
        let endpoint = ApiEndpoint { advertise_address: node.1.parse().unwrap(), bind_port: 6443 };
        text += "---\n";
        text += &go_yaml::to_string(&cluster_status(minor, [(node.0, &endpoint)]));
    }
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join(format!("src/config/encode/golden/{case}.yaml"));
    assert_eq!(text, std::fs::read_to_string(path).unwrap(), "{case}");
}

fn strings(texts: &[&str]) -> Vec<String> {
    texts.iter().map(ToString::to_string).collect()
}

fn args(pairs: &[(&str, &str)]) -> Vec<Arg> {
    pairs.iter().map(|(name, value)| Arg { name: (*name).into(), value: (*value).into() }).collect()
}

fn local(cluster: &mut ClusterConfig) -> &mut LocalEtcd {
    match &mut cluster.etcd {
        Etcd::Local(local) => local,
        Etcd::External(_) => unreachable!("the sample has a local etcd"),
    }
}

#[test]
fn a_cluster_of_defaults() {
    assert_uploads("v1.20.2-01-default", ("cp1", "192.168.0.36"), |_| {});
    assert_uploads("v1.36.2-01-default", ("cp1", "192.168.0.36"), |_| {});
}

#[test]
fn a_pod_network() {
    let change = |cluster: &mut ClusterConfig| {
        cluster.networking.pod_subnets = vec!["10.150.0.0/16".parse().unwrap()];
    };
    assert_uploads("v1.20.2-02-seed-flags", ("master-kubeadm-k8s", "192.168.0.51"), change);
    assert_uploads("v1.36.2-02-seed-flags", ("master-kubeadm-k8s", "192.168.0.51"), change);
}

#[test]
fn a_mirror_of_the_images() {
    let change = |cluster: &mut ClusterConfig| {
        cluster.image_repository = "registry.cn-hangzhou.aliyuncs.com/google_containers".into();
    };
    assert_uploads("v1.20.2-03-mirror-ipvs", ("jjh1", "192.168.0.101"), change);
    assert_uploads("v1.36.2-03-mirror-ipvs", ("jjh1", "192.168.0.101"), change);
}

#[test]
fn a_load_balancer_and_every_component_told_something() {
    let change = |cluster: &mut ClusterConfig| {
        cluster.cluster_name = "prod".into();
        cluster.control_plane_endpoint = Some(HostPort { host: "lb.example.com".into(), port: Some(6443) });
        cluster.networking.pod_subnets = vec!["10.244.0.0/16".parse().unwrap()];
        cluster.networking.dns_domain = "corp.local".into();
        cluster.api_server_cert_sans = strings(&["lb.example.com", "api.corp.local", "203.0.113.10"]);
        cluster.api_server.extra_args = args(&[
            ("audit-log-path", "/var/log/kubernetes/audit.log"),
            ("audit-policy-file", "/etc/kubernetes/audit/policy.yaml"),
            ("audit-log-maxage", "7"),
        ]);
        let mount = |name: &str, path: &str, read_only, path_type: &str| HostPathMount {
            name: name.into(),
            host_path: path.into(),
            mount_path: path.into(),
            read_only,
            path_type: path_type.into(),
        };
        cluster.api_server.extra_volumes = vec![
            mount("audit-policy", "/etc/kubernetes/audit/policy.yaml", true, "File"),
            mount("audit-logs", "/var/log/kubernetes", false, "DirectoryOrCreate"),
        ];
        cluster.controller_manager.extra_args =
            args(&[("node-monitor-grace-period", "20s"), ("terminated-pod-gc-threshold", "100")]);
        cluster.scheduler.extra_args = args(&[("v", "4"), ("kube-api-qps", "75")]);
        let etcd = local(cluster);
        etcd.data_dir = "/var/lib/etcd-prod".into();
        etcd.component.extra_args =
            args(&[("heartbeat-interval", "250"), ("election-timeout", "2500"), ("snapshot-count", "5000")]);
        etcd.server_cert_sans = strings(&["etcd.corp.local", "10.0.0.41"]);
        etcd.peer_cert_sans = strings(&["etcd-peer.corp.local", "10.0.0.42"]);
    };
    assert_uploads("v1.20.2-04-ha-lb", ("cp-a", "10.0.0.4"), change);
    assert_uploads("v1.36.2-04-ha-lb", ("cp-a", "10.0.0.4"), change);
}

#[test]
fn an_external_etcd() {
    let change = |cluster: &mut ClusterConfig| {
        cluster.etcd = Etcd::External(ExternalEtcd {
            http_endpoints: Vec::new(),
            endpoints: strings(&["https://10.0.5.21:2379", "https://10.0.5.22:2379", "https://10.0.5.23:2379"]),
            ca_file: "/etc/kubernetes/pki/etcd-ext/ca.crt".into(),
            cert_file: "/etc/kubernetes/pki/etcd-ext/client.crt".into(),
            key_file: "/etc/kubernetes/pki/etcd-ext/client.key".into(),
        });
    };
    assert_uploads("v1.20.2-05-external-etcd", ("cp1", "10.0.5.10"), change);
    assert_uploads("v1.36.2-05-external-etcd", ("cp1", "10.0.5.10"), change);
}

#[test]
fn two_address_families() {
    let change = |cluster: &mut ClusterConfig| {
        let subnets = |texts: [&str; 2]| texts.iter().map(|text| text.parse().unwrap()).collect();
        cluster.networking.pod_subnets = subnets(["10.244.0.0/16", "fd00:10:244::/56"]);
        cluster.networking.service_subnets = subnets(["10.96.0.0/16", "fd00:10:96::/112"]);
    };
    assert_uploads("v1.20.2-06-dualstack", ("cp1", "192.168.0.60"), |cluster| {
        change(cluster);
        cluster.feature_gates.insert("IPv6DualStack".into(), true);
    });
    assert_uploads("v1.36.2-06-dualstack", ("cp1", "192.168.0.60"), change);
}

#[test]
fn what_only_v1beta4_can_say() {
    let env = |name: &str, value: &str| json!({ "name": name, "value": value });
    assert_uploads("v1.36.2-07-v1beta4-extras", ("cp1", "10.0.0.1"), |cluster| {
        cluster.encryption_algorithm = KeyAlgorithm::EcdsaP256;
        cluster.certificate_validity = Duration::from_hours(90 * 24);
        cluster.ca_certificate_validity = Duration::from_hours(5 * 365 * 24);
        cluster.api_server.extra_envs =
            vec![env("HTTPS_PROXY", "http://proxy.example.com:3128"), env("NO_PROXY", "10.0.0.0/8")];
        cluster.controller_manager.extra_envs = vec![env("GOGC", "80")];
        cluster.scheduler.extra_envs = vec![env("GOMAXPROCS", "2")];
        local(cluster).component.extra_envs = vec![env("ETCD_MAX_REQUEST_BYTES", "2097152")];
    });
}

#[test]
fn old_versions_leave_out_what_they_do_not_know() {
    let mut cluster = sample("v1.24.3");
    cluster.dns.disabled = true;
    cluster.proxy.disabled = true;
    cluster.api_server.extra_envs = vec![json!({ "name": "A", "value": "b" })];
    let slow = Timeouts { control_plane_component_health_check: Duration::from_mins(10), ..Timeouts::default() };
    let written = cluster_configuration(&cluster, minor_of(&cluster), ApiVersion::V1Beta3, &slow);
    assert_eq!(written["apiServer"], json!({ "timeoutForControlPlane": "10m0s" }));
    assert_eq!(written["dns"], json!({}));
    for absent in ["proxy", "encryptionAlgorithm", "certificateValidityPeriod"] {
        assert_eq!(written.get(absent), None, "{absent}");
    }
}

#[test]
fn a_flag_given_twice_survives_in_lists_and_the_last_wins_in_maps() {
    let mut cluster = sample("v1.30.1");
    cluster.scheduler = Component { extra_args: args(&[("v", "2"), ("v", "5")]), ..Component::default() };
    let write = |api| cluster_configuration(&cluster, minor_of(&cluster), api, &Timeouts::default());
    assert_eq!(write(ApiVersion::V1Beta3)["scheduler"]["extraArgs"], json!({ "v": "5" }));
    assert_eq!(write(ApiVersion::V1Beta4)["scheduler"]["extraArgs"].as_array().map(Vec::len), Some(2));
}

#[test]
fn authorization_modes_are_uploaded_as_the_phase_leaves_them() {
    let uploaded = |version: &str, modes: &str| -> Value {
        let mut cluster = sample(version);
        cluster.api_server.extra_args = args(&[("authorization-mode", modes)]);
        let written = uploaded_cluster_configuration(&cluster, minor_of(&cluster), &Timeouts::default());
        written["apiServer"]["extraArgs"]["authorization-mode"].clone()
    };
    assert_eq!(uploaded("v1.29.0", "RBAC,Nonsense,Webhook"), json!("RBAC,Webhook"));
    assert_eq!(uploaded("v1.29.0", "Nonsense"), json!("Node,RBAC"));
    assert_eq!(uploaded("v1.30.0", "RBAC,Nonsense"), json!("RBAC,Nonsense"));
}

#[test]
fn an_endpoint_without_a_port_stays_without_one() {
    let mut cluster = sample("v1.36.2");
    let mut written = |host: &str, port| {
        cluster.control_plane_endpoint = Some(HostPort { host: host.into(), port });
        let value = cluster_configuration(&cluster, minor_of(&cluster), ApiVersion::V1Beta4, &Timeouts::default());
        value["controlPlaneEndpoint"].clone()
    };
    assert_eq!(written("lb.example.com", None), json!("lb.example.com"));
    assert_eq!(written("fd00::1", Some(8443)), json!("[fd00::1]:8443"));
}

mod node;
