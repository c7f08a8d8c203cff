use super::*;
use crate::config::model::Arg;
use crate::render::fixture;

fn shared(minor: u16, cluster: &ClusterConfig, resolved: bool) -> Value {
    let input = SharedInput { cluster, facts: fixture::facts(minor), systemd_resolved: resolved };
    serde_saphyr::from_str(&shared_config(&input).unwrap()).unwrap()
}

fn with_document(minor: u16, document: Value) -> Value {
    let Value::Object(document) = document else { panic!("not a map") };
    shared(minor, &ClusterConfig { kubelet: document, ..fixture::cluster(minor) }, false)
}

fn node_input(minor: u16, patches: &PatchSet) -> NodeInput<'_> {
    NodeInput { facts: fixture::facts(minor), systemd_resolved: true, instance_config: None, patches }
}

#[test]
fn the_users_document_takes_precedence_and_unknown_fields_are_kept() {
    let config = with_document(
        36,
        json!({
            "maxPods": 55, "fromTheFuture": {"a": [1]}, "clusterDNS": ["10.0.0.9"], "syncFrequency": "30s",
            "authentication": {"anonymous": {"enabled": true}, "webhook": {"cacheTTL": "2m"}},
            "healthzPort": 0, "logging": {"verbosity": 3},
        }),
    );
    assert_eq!(config["maxPods"], 55);
    assert_eq!(config["fromTheFuture"], json!({"a": [1]}));
    assert_eq!(config["clusterDNS"], json!(["10.0.0.9"]));
    assert_eq!(config["syncFrequency"], "30s");
    assert_eq!(config["healthzPort"], 0);
    assert_eq!(
        config["authentication"],
        json!({"anonymous": {"enabled": true}, "webhook": {"cacheTTL": "2m", "enabled": true},
               "x509": {"clientCAFile": "/etc/kubernetes/pki/ca.crt"}})
    );
    assert_eq!(config["logging"]["verbosity"], 3);
    assert_eq!(config["logging"]["flushFrequency"], 0);
}

#[test]
fn null_and_empty_text_keep_the_default() {
    let config = with_document(
        36,
        json!({"staticPodPath": "", "cgroupDriver": null, "clusterDomain": "", "rotateCertificates": false}),
    );
    assert_eq!(config["staticPodPath"], "/etc/kubernetes/manifests");
    assert_eq!(config["cgroupDriver"], "systemd");
    assert_eq!(config["clusterDomain"], "cluster.local");
    assert_eq!(config["rotateCertificates"], true, "certificates are always rotated");
}

#[test]
fn cluster_dns_is_the_tenth_address_of_the_first_service_network() {
    for (networks, address) in [
        (vec!["10.96.0.0/12"], "10.96.0.10"),
        (vec!["10.0.5.128/28"], "10.0.5.138"),
        (vec!["10.96.0.0/16", "fd00:10:96::/112"], "10.96.0.10"),
        (vec!["fd00:10:96::/112", "10.96.0.0/16"], "fd00:10:96::a"),
        (vec!["192.168.1.0/30"], "10.96.0.10"),
        (vec!["255.255.255.252/30"], "10.96.0.10"),
    ] {
        let mut cluster = fixture::cluster(36);
        cluster.networking.service_subnets = networks.iter().map(|n| n.parse().unwrap()).collect();
        assert_eq!(shared(36, &cluster, false)["clusterDNS"], json!([address]), "{networks:?}");
    }
}

#[test]
fn the_dual_stack_gate_is_passed_on_until_it_is_removed() {
    for (minor, passed) in [(20, true), (22, true), (23, false)] {
        let mut cluster = fixture::cluster(minor);
        cluster.feature_gates.insert("IPv6DualStack".into(), true);
        cluster.kubelet.insert("featureGates".into(), json!({"Other": false}));
        let gates = if passed { json!({"IPv6DualStack": true, "Other": false}) } else { json!({"Other": false}) };
        assert_eq!(shared(minor, &cluster, false)["featureGates"], gates, "v1.{minor}");
    }
}

#[test]
fn the_resolver_is_shared_in_early_minors_and_local_later() {
    let patches = PatchSet::default();
    for (minor, in_shared) in [(20, true), (30, true), (31, false), (36, false)] {
        let cluster = fixture::cluster(minor);
        let config = shared(minor, &cluster, true);
        assert_eq!(config.get("resolvConf").is_some(), in_shared, "v1.{minor}");
        let text = node_config(&go_yaml::to_string(&config), &node_input(minor, &patches)).unwrap();
        assert!(text.contains("resolvConf: /run/systemd/resolve/resolv.conf\n"), "v1.{minor}");
    }
    let text = node_config("kind: KubeletConfiguration\nresolvConf: ''\n", &node_input(36, &patches)).unwrap();
    assert!(text.contains("resolvConf: \"\"\n"), "a set value is kept: {text}");
}

#[test]
fn the_instance_configuration_comes_last() {
    let instance = instance_config("unix:///run/crio/crio.sock").unwrap();
    let patches = PatchSet::default();
    let input = NodeInput { instance_config: Some(&instance), ..node_input(36, &patches) };
    let text = node_config("containerRuntimeEndpoint: ''\nmaxPods: 1\n", &input).unwrap();
    assert!(text.contains("containerRuntimeEndpoint: unix:///run/crio/crio.sock\n"), "{text}");
    assert!(text.contains("maxPods: 1\n"), "{text}");
}

#[test]
fn a_shared_configuration_that_is_not_a_mapping_is_refused() {
    for text in ["", "[]", "a: 1\n---\nb: 2", "a: [1\nb: 2"] {
        let error = node_config(text, &node_input(36, &PatchSet::default())).unwrap_err();
        assert!(matches!(error, KubeletError::Shared(_)), "{text:?}: {error}");
        assert!(error.hint().is_some());
    }
}

#[test]
fn a_users_field_of_the_wrong_type_is_left_for_the_kubelet_to_refuse() {
    assert_eq!(with_document(36, json!({"logging": "loud"}))["logging"], "loud");
}

fn flags(minor: u16, socket: &str, change: impl FnOnce(&mut ClusterConfig, &mut crate::config::NodeConfig)) -> String {
    let (mut cluster, mut node) = (fixture::cluster(minor), fixture::node());
    change(&mut cluster, &mut node);
    let text = flags_env(&FlagsInput {
        cluster: &cluster,
        node: &node,
        facts: fixture::facts(minor),
        cri_socket: socket,
        host_name: "cp1",
        register_taints: true,
    });
    text.strip_prefix("KUBELET_KUBEADM_ARGS=\"").unwrap().strip_suffix("\"\n").unwrap().to_owned()
}

#[test]
fn each_minor_passes_the_runtime_in_its_own_way() {
    for (minor, socket, wanted) in [
        (20, "/var/run/dockershim.sock", "--network-plugin=cni --pod-infra-container-image=k8s.gcr.io/pause:3.2"),
        (20, "/run/c.sock", "--container-runtime=remote --container-runtime-endpoint=/run/c.sock"),
        (
            23,
            "/run/c.sock",
            "--container-runtime=remote --container-runtime-endpoint=/run/c.sock --pod-infra-container-image=registry.k8s.io/pause:3.6",
        ),
        (
            31,
            "unix:///run/c.sock",
            "--container-runtime-endpoint=unix:///run/c.sock --pod-infra-container-image=registry.k8s.io/pause:3.10",
        ),
        (34, "unix:///run/c.sock", "--pod-infra-container-image=registry.k8s.io/pause:3.10.1"),
        (36, "unix:///run/c.sock", ""),
    ] {
        assert_eq!(flags(minor, socket, |_, _| ()), wanted, "v1.{minor}");
    }
    let gate_off = flags(34, "unix:///c", |cluster, _| {
        cluster.feature_gates.insert("NodeLocalCRISocket".into(), false);
    });
    assert!(gate_off.starts_with("--container-runtime-endpoint=unix:///c "), "{gate_off}");
}

#[test]
fn taints_names_and_the_users_flags() {
    let taints = json!([
        {"key": "a", "effect": "NoSchedule"}, {"key": "b", "value": "c", "effect": "NoExecute"}, {"key": "d"},
        {"key": "e", "value": "f"},
    ]);
    let arg = |name: &str, value: &str| Arg { name: name.into(), value: value.into() };
    let text = flags(36, "unix:///c", |_, node| {
        node.taints = taints.as_array().cloned();
        node.name = "other".into();
        node.kubelet_extra_args = vec![arg("v", "2"), arg("node-ip", "10.0.0.4"), arg("v", "4")];
    });
    assert_eq!(
        text,
        "--hostname-override=other --register-with-taints=a:NoSchedule,b=c:NoExecute,d,e=f: --v=2 --node-ip=10.0.0.4 --v=4"
    );
    let text = flags(36, "unix:///c", |_, node| node.kubelet_extra_args = vec![arg("hostname-override", "mine")]);
    assert_eq!(text, "--hostname-override=mine");
    let text = flags(36, "unix:///c", |_, node| node.kubelet_extra_args = vec![arg("x", r#"a"b\"#)]);
    assert_eq!(text, r#"--x=a\"b\\"#);
}
