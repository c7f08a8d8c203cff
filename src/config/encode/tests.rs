//! In `golden/upload`, `uploaded.yaml` is what the kubeadm of that version stored in `kubeadm-config` for `given.yaml`;
//! in `golden/migrate`, `migrated.yaml` is the output of its `config migrate`.

use super::*;
use crate::base::env::Random;
use crate::base::go_yaml;
use crate::config::model::{Arg, ClusterConfig, Component, Etcd, ExternalEtcd, HostPort, Timeouts};
use crate::config::print::default_cluster;
use crate::config::{Facts, InitFlags, JoinFlags, parse};
use crate::versions::{ApiVersion, Minor, Version, facts};
use serde_json::{Value, json};
use std::fs;
use std::path::PathBuf;
use std::time::Duration;

fn minor_of(cluster: &ClusterConfig) -> &'static Minor {
    facts(cluster.version.minor).unwrap()
}

fn sample(version: &str) -> ClusterConfig {
    let version: Version = version.parse().unwrap();
    let minor = facts(version.minor).unwrap();
    default_cluster(version, minor)
}

fn args(pairs: &[(&str, &str)]) -> Vec<Arg> {
    pairs.iter().map(|(name, value)| Arg { name: (*name).into(), value: (*value).into() }).collect()
}

/// What is uploaded for a configuration file: the `ClusterConfiguration`, and the `ClusterStatus` if there is one.
fn uploads(given: &[u8]) -> String {
    let facts = Facts::placeholder(Random::seeded(1));
    let init = parse("given.yaml", given).unwrap().init(&InitFlags::default(), &facts).unwrap().config;
    let minor = minor_of(&init.cluster);
    let mut text = go_yaml::to_string(&uploaded_cluster_configuration(&init.cluster, minor, &init.node.timeouts));
    if minor.cluster_status {
        text += "---\n";
        text += &go_yaml::to_string(&cluster_status(minor, [(init.node.name.as_str(), &init.node.local_endpoint)]));
    }
    text
}

#[test]
fn what_is_uploaded_is_what_kubeadm_uploads() {
    let golden = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("src/config/encode/golden/upload");
    let mut cases: Vec<_> = fs::read_dir(golden).unwrap().map(|entry| entry.unwrap().path()).collect();
    cases.sort();
    assert_eq!(cases.len(), 13, "{cases:?}");
    for case in cases {
        let uploaded = fs::read_to_string(case.join("uploaded.yaml")).unwrap();
        assert_eq!(uploads(&fs::read(case.join("given.yaml")).unwrap()), uploaded, "{}", case.display());
    }
}

#[test]
fn documents_are_written_as_kubeadm_migrates_them() {
    let golden = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("src/config/encode/golden/migrate");
    let facts_of_host = Facts::placeholder(Random::seeded(1));
    for (case, minor) in [("v1.20.2-v1beta1", 20), ("v1.36.2-v1beta3", 36), ("v1.36.2-join-v1beta3", 36)] {
        let minor = facts(minor).unwrap();
        let documents = parse("given.yaml", &fs::read(golden.join(case).join("given.yaml")).unwrap()).unwrap();
        let written = if case.contains("join") {
            let join = documents.join(&JoinFlags::default(), &facts_of_host).unwrap().config;
            join_configuration(&join, minor.api_version).expose().clone()
        } else {
            let init = documents.init(&InitFlags::default(), &facts_of_host).unwrap().config;
            let cluster = cluster_configuration(&init.cluster, minor, minor.api_version, &init.node.timeouts);
            let init = init_configuration(&init, minor, minor.api_version);
            format!("{}---\n{}", init.expose(), go_yaml::to_string(&cluster))
        };
        assert_eq!(written, fs::read_to_string(golden.join(case).join("migrated.yaml")).unwrap(), "{case}");
    }
}

#[test]
fn what_was_uploaded_means_the_same_when_it_is_read_back() {
    let golden = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("src/config/encode/golden/upload");
    for entry in fs::read_dir(golden).unwrap() {
        let uploaded = fs::read_to_string(entry.unwrap().path().join("uploaded.yaml")).unwrap();
        let document = uploaded.split("---\n").next().unwrap();
        let read = parse("kubeadm-config", document.as_bytes()).unwrap();
        let cluster = read.cluster(&Facts::placeholder(Random::seeded(1))).unwrap().config;
        let again = uploaded_cluster_configuration(&cluster, minor_of(&cluster), &Timeouts::default());
        assert_eq!(go_yaml::to_string(&again), document);
    }
}

#[test]
fn http_endpoints_of_etcd_are_those_given_or_the_others() {
    let written = |version: &str, http_endpoints: &[&str]| {
        let mut cluster = sample(version);
        cluster.etcd = Etcd::External(ExternalEtcd {
            endpoints: vec!["https://10.0.0.1:2379".into()],
            http_endpoints: http_endpoints.iter().map(ToString::to_string).collect(),
            ca_file: String::new(),
            cert_file: String::new(),
            key_file: String::new(),
        });
        let value = cluster_configuration(&cluster, minor_of(&cluster), ApiVersion::V1Beta4, &Timeouts::default());
        value["etcd"]["external"]["httpEndpoints"].clone()
    };
    assert_eq!(written("v1.36.2", &["https://10.0.0.1:2381"]), json!(["https://10.0.0.1:2381"]));
    assert_eq!(written("v1.36.2", &[]), json!(["https://10.0.0.1:2379"]));
    assert_eq!(written("v1.34.0", &[]), Value::Null);
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
