//! Properties of every minor version's objects, and byte-exact comparisons with kubeadm's.

use super::*;
use crate::base::secret::Secret;
use crate::config::model::{Addon, ClusterConfig, Component, Etcd, ExternalEtcd, KeyAlgorithm, Networking};
use crate::render::objects::addon::EnvVar;
use crate::render::objects::addons::{coredns, kube_proxy, kube_proxy::KubeProxy};
use crate::versions::{OLDEST, Version, facts, newest};
use serde_json::{Map, Value, json};
use std::collections::BTreeMap;
use std::time::Duration;

fn cluster(minor: u16) -> ClusterConfig {
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
        image_repository: "registry.example.com".into(),
        encryption_algorithm: KeyAlgorithm::Rsa2048,
        certificate_validity: Duration::from_secs(1),
        ca_certificate_validity: Duration::from_secs(1),
        feature_gates: BTreeMap::new(),
        api_server: Component::default(),
        api_server_cert_sans: Vec::new(),
        controller_manager: Component::default(),
        scheduler: Component::default(),
        etcd: Etcd::External(ExternalEtcd {
            http_endpoints: Vec::new(),
            endpoints: Vec::new(),
            ca_file: String::new(),
            cert_file: String::new(),
            key_file: String::new(),
        }),
        dns: Addon::default(),
        proxy: Addon::default(),
        kubelet: Map::new(),
        kube_proxy: Map::new(),
    }
}

fn proxy(cluster: &ClusterConfig, server: &str) -> Result<Vec<Object>, ObjectError> {
    KubeProxy {
        minor: cluster.version.minor,
        cluster,
        image: "registry.example.com/kube-proxy:v1",
        server,
        advertise_address: "192.168.0.36".parse().unwrap(),
        proxy_env: &[EnvVar { name: "https_proxy".into(), value: "http://proxy:3128".into() }],
    }
    .objects()
}

fn names(objects: &[Object]) -> Vec<String> {
    objects.iter().map(ToString::to_string).collect()
}

fn find<'a>(objects: &'a [Object], kind: &str) -> &'a Value {
    &objects.iter().find(|object| object.kind == kind).unwrap().value
}

fn hash(objects: &[Object]) -> &Value {
    &find(objects, "ConfigMap")["metadata"]["annotations"][checksum::ANNOTATION]
}

#[test]
fn every_template_is_used() {
    let sources = [
        include_str!("bootstrap_token.rs"),
        include_str!("config_map.rs"),
        include_str!("flannel.rs"),
        include_str!("rbac.rs"),
        include_str!("upload_certs.rs"),
    ];
    for (name, _) in templates::TABLE {
        assert!(sources.iter().any(|source| source.contains(name)), "{name} is not used");
    }
}

#[test]
fn coredns_renders_for_every_minor() {
    for minor in OLDEST..=newest() {
        let addon = coredns::CoreDns {
            minor,
            image: "registry.example.com/coredns:v1",
            domain: "cluster.local",
            cluster_ip: "fd00::a".parse().unwrap(),
            replicas: 2,
        };
        let objects = addon.objects().unwrap();
        let wanted = [
            "ConfigMap kube-system/coredns",
            "ClusterRole system:coredns",
            "ClusterRoleBinding system:coredns",
            "ServiceAccount kube-system/coredns",
            "Deployment kube-system/coredns",
            "Service kube-system/kube-dns",
        ];
        assert_eq!(names(&objects), wanted);
        assert_eq!(find(&objects, "Service")["spec"]["clusterIP"], "fd00::a");
        assert_eq!(manifest(&objects).unwrap().matches("---\n").count(), wanted.len());
    }
}

#[test]
fn kube_proxy_renders_for_every_minor() {
    for minor in OLDEST..=newest() {
        let objects = proxy(&cluster(minor), "https://[fd00::1]:6443").unwrap();
        let wanted = [
            "ServiceAccount kube-system/kube-proxy",
            "ConfigMap kube-system/kube-proxy",
            "DaemonSet kube-system/kube-proxy",
            "ClusterRoleBinding kubeadm:node-proxier",
            "Role kube-system/kube-proxy",
            "RoleBinding kube-system/kube-proxy",
        ];
        assert_eq!(names(&objects), wanted);
        let kubeconfig: Value =
            serde_yaml::from_str(find(&objects, "ConfigMap")["data"]["kubeconfig.conf"].as_str().unwrap()).unwrap();
        assert_eq!(kubeconfig["clusters"][0]["cluster"]["server"], "https://[fd00::1]:6443");
        let env = &find(&objects, "DaemonSet")["spec"]["template"]["spec"]["containers"][0]["env"];
        assert_eq!(env[1], json!({"name": "https_proxy", "value": "http://proxy:3128"}));
    }
}

/// The hashes that kubeadm v1.20.2 and v1.36.2 computed for the same configurations, which fix every byte of both texts
/// in the ConfigMap.
#[test]
fn kube_proxys_texts_equal_kubeadms_byte_for_byte() {
    let server = "https://192.168.0.36:6443";
    assert_eq!(
        hash(&proxy(&cluster(20), server).unwrap()),
        "sha256:526c43d8e79889eabdd5389352905c461e5406391975b6dd84ef5c061bff94fc"
    );
    assert_eq!(
        hash(&proxy(&cluster(36), server).unwrap()),
        "sha256:35791c9bafce5b8fe2f1e6f76557e5d2af9a0ce08ce61b415e7cc3c3a010a267"
    );
    let mut dual_stack = cluster(20);
    dual_stack.networking.pod_subnets = vec!["10.244.0.0/16".parse().unwrap(), "fd00:10:244::/56".parse().unwrap()];
    dual_stack.feature_gates.insert("IPv6DualStack".into(), true);
    assert_eq!(
        hash(&proxy(&dual_stack, "https://192.168.0.60:6443").unwrap()),
        "sha256:0fd0312a1a84d277130c258c03a243d47dbe71a20ac2c91fd7359a9265acb533"
    );
}

#[test]
fn a_kube_proxy_configuration_of_the_user_gets_no_hash() {
    let mut cluster = cluster(20);
    cluster.kube_proxy.insert("mode".into(), "ipvs".into());
    cluster.kube_proxy.insert("featureGates".into(), json!({"A": true}));
    cluster.feature_gates.insert("IPv6DualStack".into(), false);
    let objects = proxy(&cluster, "https://lb:6443").unwrap();
    assert_eq!(hash(&objects), &Value::Null);
    let text = find(&objects, "ConfigMap")["data"]["config.conf"].as_str().unwrap();
    let document: Value = serde_yaml::from_str(text).unwrap();
    assert_eq!(document["featureGates"], json!({"A": true, "IPv6DualStack": false}));

    cluster.kube_proxy.insert("featureGates".into(), "A=true".into());
    assert!(matches!(proxy(&cluster, "https://lb:6443"), Err(ObjectError::ProxyConfig { .. })));
}

#[test]
fn an_unchanged_kube_proxy_of_any_minor_may_be_updated() {
    let (old, new) = (cluster(20), cluster(36));
    let existing = proxy(&old, "https://lb:6443").unwrap();
    let ours = KubeProxy {
        minor: 36,
        cluster: &new,
        image: "registry.k8s.io/kube-proxy:v1.36.2",
        server: "https://lb:6443",
        advertise_address: "10.0.0.4".parse().unwrap(),
        proxy_env: &[],
    };
    let known = kube_proxy::known(&ours).unwrap();
    let sent = ours.objects().unwrap();
    let decided = |existing: &Value| {
        let kind = existing["kind"].as_str().unwrap();
        let sent = sent.iter().find(|object| object.kind == kind).unwrap();
        existing::decide(existing, sent, &known)
    };
    assert_eq!(decided(find(&existing, "ConfigMap")), existing::Decision::Update);
    let mut daemon_set = find(&existing, "DaemonSet").clone();
    let image = "/spec/template/spec/containers/0/image";
    let from_elsewhere = existing::Decision::UserChanged(vec!["spec.template.spec.containers[0].image".into()]);
    assert_eq!(decided(&daemon_set), from_elsewhere);
    *daemon_set.pointer_mut(image).unwrap() = "k8s.gcr.io/kube-proxy:v1.20.2".into();
    assert_eq!(decided(&daemon_set), existing::Decision::Update);
}

#[test]
fn signatures_in_cluster_info_do_not_count_as_changes() {
    let ours = bootstrap_token::cluster_info(facts(20).unwrap(), "https://lb:6443", b"CA").unwrap();
    let mut existing = find(&ours, "ConfigMap").clone();
    existing["data"]["jws-kubeconfig-abcdef"] = "eyJhbGciOiJIUzI1NiJ9..x".into();
    assert_eq!(existing::decide(&existing, &ours[0], &[]), existing::Decision::Keep);
}

#[test]
fn a_feature_gate_renames_the_kubelets_config_map_in_some_minors() {
    let name = |minor: &crate::versions::Minor, gate: Option<bool>| {
        let gates = gate.map(|on| ("UnversionedKubeletConfigMap".to_owned(), on));
        upload_config::kubelet_config_map(minor, &gates.into_iter().collect())
    };
    assert_eq!(name(facts(20).unwrap(), None), "kubelet-config-1.20");
    assert_eq!(name(facts(20).unwrap(), Some(true)), "kubelet-config-1.20");
    assert_eq!(name(facts(23).unwrap(), None), "kubelet-config-1.23");
    assert_eq!(name(facts(23).unwrap(), Some(true)), "kubelet-config");
    assert_eq!(name(facts(24).unwrap(), Some(false)), "kubelet-config-1.24");
    assert_eq!(name(facts(36).unwrap(), Some(false)), "kubelet-config");
}

#[test]
fn the_kubelet_configuration_gets_a_hash_unless_the_user_provided_it() {
    let mut cluster = cluster(20);
    let minor = facts(20).unwrap();
    let signed = upload_config::kubelet_config(minor, &cluster, "kind: KubeletConfiguration\n").unwrap();
    assert!(checksum::is_generated(find(&signed, "ConfigMap")));
    assert_eq!(find(&signed, "Role")["metadata"]["name"], "kubeadm:kubelet-config-1.20");
    cluster.kubelet.insert("maxPods".into(), 200.into());
    let given = upload_config::kubelet_config(minor, &cluster, "kind: KubeletConfiguration\n").unwrap();
    assert!(!checksum::is_generated(find(&given, "ConfigMap")));
}

#[test]
fn the_cri_socket_is_recorded_in_minors_without_a_file_for_it() {
    let node = json!({"metadata": {"annotations": {"a": "b"}}});
    let socket = "unix:///run/containerd/containerd.sock";
    let patch = mark::cri_socket_patch(facts(20).unwrap(), &cluster(20), &node, socket).unwrap();
    let noted = json!({"metadata": {"annotations": {"kubeadm.alpha.kubernetes.io/cri-socket": socket}}});
    assert_eq!(patch, noted);
    assert_eq!(mark::cri_socket_patch(facts(20).unwrap(), &cluster(20), &noted, socket), None);
    assert!(mark::cri_socket_patch(facts(33).unwrap(), &cluster(33), &node, socket).is_some());
    let mut without_file = cluster(34);
    assert_eq!(mark::cri_socket_patch(facts(34).unwrap(), &without_file, &node, socket), None);
    without_file.feature_gates.insert("NodeLocalCRISocket".into(), false);
    assert!(mark::cri_socket_patch(facts(34).unwrap(), &without_file, &node, socket).is_some());
    assert_eq!(mark::cri_socket_patch(facts(36).unwrap(), &cluster(36), &node, socket), None);
}

#[test]
fn encrypted_certificates_are_deleted_with_their_token() {
    let token = upload_certs::owner_token(Secret::new("abcdef.0123456789abcdef".into()), 0).unwrap();
    let mut owner = token[0].value.clone();
    let encrypted =
        BTreeMap::from([("etcd/ca.key".to_owned(), b"encrypted".to_vec()), ("ca.key".to_owned(), Vec::new())]);
    assert!(upload_certs::certificates(&owner, &encrypted).is_err(), "an owner without a uid owns nothing");
    owner["metadata"]["uid"] = "0000-1".into();
    let objects = upload_certs::certificates(&owner, &encrypted).unwrap();
    let secret = find(&objects, "Secret");
    assert_eq!(secret["data"], json!({"ca.key": "", "etcd-ca.key": "ZW5jcnlwdGVk"}));
    assert_eq!(secret["metadata"]["ownerReferences"][0]["name"], "bootstrap-token-abcdef");
    assert_eq!(secret["metadata"]["ownerReferences"][0]["uid"], "0000-1");
}

#[test]
fn rbac_rules_render_for_every_minor_of_the_table() {
    for minor in (OLDEST..=newest()).filter_map(facts) {
        let bindings = if minor.kubelet_api_binding { 5 } else { 4 };
        assert_eq!(bootstrap_token::access(minor).unwrap().len(), 1 + bindings, "v1.{}", minor.minor);
        let info = bootstrap_token::cluster_info(minor, "https://lb:6443", b"CA").unwrap();
        let text = find(&info, "ConfigMap")["data"]["kubeconfig"].as_str().unwrap();
        let kubeconfig: Value = serde_yaml::from_str(text).unwrap();
        let cluster = json!({"certificate-authority-data": "Q0E=", "server": "https://lb:6443"});
        assert_eq!(kubeconfig["clusters"], json!([{"name": "", "cluster": cluster}]));
        assert_eq!(kubeconfig.get("preferences").is_some(), minor.minor < 34);
    }
}
