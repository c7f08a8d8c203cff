use super::*;
use crate::base::env::Random;
use crate::config::{Facts, InitFlags};

const TARGET: ApiVersion = ApiVersion::V1Beta4;

fn migrated(text: &str) -> Migrated {
    let result = migrate("c.yaml", text.as_bytes(), TARGET).unwrap_or_else(|e| panic!("{e}\n{text}"));
    let again = migrate("c.yaml", result.text.as_bytes(), TARGET).unwrap();
    assert_eq!(again.text, result.text, "a second migration changes nothing");
    assert!(again.changes.is_empty());
    result
}

/// The meaning of a file, with arguments by name: maps have no order.
fn meaning(text: &str) -> String {
    let facts = Facts::placeholder(Random::seeded(1));
    let mut init = parse("c.yaml", text.as_bytes()).unwrap().init(&InitFlags::default(), &facts).unwrap().config;
    for component in [&mut init.cluster.api_server, &mut init.cluster.controller_manager, &mut init.cluster.scheduler] {
        component.extra_args.sort_by(|a, b| a.name.cmp(&b.name));
    }
    init.node.kubelet_extra_args.sort_by(|a, b| a.name.cmp(&b.name));
    format!("{init:#?}")
}

const OLD: &str = r#"# My cluster
apiVersion: "kubeadm.k8s.io/v1beta2"   # to be raised
kind: InitConfiguration
nodeRegistration:
  # why this socket
  criSocket: unix:///run/containerd/containerd.sock
  kubeletExtraArgs:
    node-labels: a=b      # labels
    # the address
    node-ip: 192.168.0.36
---
kind: ClusterConfiguration
apiVersion: kubeadm.k8s.io/v1beta1
useHyperKubeImage: false # gone
kubernetesVersion: v1.36.2
dns:
  type: CoreDNS
  imageTag: v1.2
apiServer:
  timeoutForControlPlane: 3m0s # slow disks
  extraArgs: {"v": "3", audit-log-maxage: '7', empty: ""}
  certSANs: [lb.example.com]
scheduler:
  extraArgs: {}
etcd:
  local:
    dataDir: /var/lib/etcd
    extraArgs:
        heartbeat-interval: "250"
        'on': >-
          folded
          text
        quota:
          "1"
---
apiVersion: kubeadm.k8s.io/v1beta2
kind: ClusterStatus
apiEndpoints:
  cp1: {advertiseAddress: 1.2.3.4}   # gone
---
# proxy
apiVersion: kubeproxy.config.k8s.io/v1alpha1
kind: KubeProxyConfiguration
mode: ipvs
"#;

const NEW: &str = r#"# My cluster
apiVersion: "kubeadm.k8s.io/v1beta4"   # to be raised
kind: InitConfiguration
nodeRegistration:
  # why this socket
  criSocket: unix:///run/containerd/containerd.sock
  kubeletExtraArgs:
    - name: node-labels
      value: a=b      # labels
    # the address
    - name: node-ip
      value: 192.168.0.36
timeouts:
  controlPlaneComponentHealthCheck: 3m0s  # slow disks
---
kind: ClusterConfiguration
apiVersion: kubeadm.k8s.io/v1beta4
# gone
kubernetesVersion: v1.36.2
dns:
  imageTag: v1.2
apiServer:
  extraArgs: [{"name": "v", "value": "3"}, {name: audit-log-maxage, value: '7'}, {name: empty, value: ""}]
  certSANs: [lb.example.com]
scheduler:
  extraArgs: []
etcd:
  local:
    dataDir: /var/lib/etcd
    extraArgs:
        - name: heartbeat-interval
          value: "250"
        - name: 'on'
          value: "folded text"
        - name: quota
          value: "1"
---
# apiVersion: kubeadm.k8s.io/v1beta2
# kind: ClusterStatus
# apiEndpoints:
#   cp1: {advertiseAddress: 1.2.3.4}   # gone
---
# proxy
apiVersion: kubeproxy.config.k8s.io/v1alpha1
kind: KubeProxyConfiguration
mode: ipvs
"#;

#[test]
fn comments_order_and_documents_survive_and_arguments_become_lists() {
    let result = migrated(OLD);
    assert_eq!(result.text, NEW);
    let changes = result.changes.join("\n");
    assert_eq!(
        changes,
        "line 2: apiVersion of InitConfiguration is kubeadm.k8s.io/v1beta4 instead of kubeadm.k8s.io/v1beta2\n\
         line 7: nodeRegistration.kubeletExtraArgs is a list of name and value instead of a map\n\
         line 13: apiVersion of ClusterConfiguration is kubeadm.k8s.io/v1beta4 instead of kubeadm.k8s.io/v1beta1\n\
         line 14: useHyperKubeImage was removed: the newer version does not have it\n\
         line 17: dns.type was removed: the newer version does not have it\n\
         line 20: apiServer.timeoutForControlPlane is now timeouts.controlPlaneComponentHealthCheck of \
         InitConfiguration\n\
         line 21: apiServer.extraArgs is a list of name and value instead of a map\n\
         line 24: scheduler.extraArgs is a list of name and value instead of a map\n\
         line 28: etcd.local.extraArgs is a list of name and value instead of a map\n\
         line 37: ClusterStatus was commented out: the newer version does not have it"
    );
    assert_eq!(meaning(OLD), meaning(NEW));
}

/// Files and their conversion by kubeadm.
const KUBEADM: [(ApiVersion, &str, &str); 2] = [
    (
        ApiVersion::V1Beta4,
        include_str!("../encode/golden/migrate/v1.36.2-v1beta3/given.yaml"),
        include_str!("../encode/golden/migrate/v1.36.2-v1beta3/migrated.yaml"),
    ),
    (
        ApiVersion::V1Beta2,
        include_str!("../encode/golden/migrate/v1.20.2-v1beta1/given.yaml"),
        include_str!("../encode/golden/migrate/v1.20.2-v1beta1/migrated.yaml"),
    ),
];

#[test]
fn the_result_means_what_kubeadms_own_migration_means() {
    let facts = Facts::placeholder(Random::seeded(1));
    let read = |text: &str| {
        let config = parse("c.yaml", text.as_bytes()).unwrap().init(&InitFlags::default(), &facts).unwrap().config;
        let node = config.node;
        // kubeadm also adds the default taint, so taints are not compared.
        (format!("{:#?}", config.cluster), node.name, node.cri_socket, node.kubelet_extra_args, node.timeouts)
    };
    for (target, given, by_kubeadm) in KUBEADM {
        let ours = migrate("c.yaml", given.as_bytes(), target).unwrap();
        assert_eq!(read(&ours.text), read(by_kubeadm));
    }
}

#[test]
fn without_an_init_configuration_one_is_added_for_the_timeout() {
    let old =
        "apiVersion: kubeadm.k8s.io/v1beta3\nkind: ClusterConfiguration\napiServer:\n  timeoutForControlPlane: 2m0s";
    let result = migrated(old);
    assert!(
        result.text.ends_with(
            "apiServer:\n---\napiVersion: kubeadm.k8s.io/v1beta4\nkind: InitConfiguration\ntimeouts:\n  \
         controlPlaneComponentHealthCheck: 2m0s\n"
        ),
        "{}",
        result.text
    );
    assert_eq!(meaning(old), meaning(&result.text));
    let zero = old.replace("2m0s", "0s");
    assert!(!migrated(&zero).text.contains("timeout"));
}

#[test]
fn a_join_configuration_keeps_its_discovery_timeout() {
    let old = "apiVersion: kubeadm.k8s.io/v1beta3\r\nkind: JoinConfiguration\r\ndiscovery:\r\n  timeout: 4m0s\r\n  \
               file: {kubeConfigPath: /a.conf}\r\n";
    let result = migrated(old);
    assert_eq!(
        result.text,
        "apiVersion: kubeadm.k8s.io/v1beta4\r\nkind: JoinConfiguration\r\ndiscovery:\r\n  \
         file: {kubeConfigPath: /a.conf}\r\ntimeouts:\r\n  discovery: 4m0s\r\n"
    );
}

#[test]
fn json_stays_json() {
    let old = r#"{"apiVersion": "kubeadm.k8s.io/v1beta3", "kind": "JoinConfiguration",
 "nodeRegistration": {"kubeletExtraArgs": {"v": "3"}},
 "discovery": {"file": {"kubeConfigPath": "/a"}, "timeout": "4m0s"}}
"#;
    let result = migrated(old);
    let value: serde_json::Value = serde_json::from_str(&result.text).unwrap();
    assert_eq!(value["nodeRegistration"]["kubeletExtraArgs"], serde_json::json!([{"name": "v", "value": "3"}]));
    assert_eq!(value["timeouts"], serde_json::json!({"discovery": "4m0s"}));
    assert_eq!(value["discovery"], serde_json::json!({"file": {"kubeConfigPath": "/a"}}));
}

#[test]
fn anchors_aliases_and_merges_keep_their_meaning() {
    let old = "\
apiVersion: kubeadm.k8s.io/v1beta3
kind: ClusterConfiguration
kubernetesVersion: v1.36.2
apiServer:
  extraArgs: &common
    v: &level \"3\"
    profiling: # off
      \"false\"
    nothing:
controllerManager:
  extraArgs: *common
scheduler:
  extraArgs:
    <<: *common
    # more
    kube-api-qps: \"5\"
    v: *level
";
    let result = migrated(old);
    assert_eq!(meaning(old), meaning(&result.text), "{}", result.text);
    for comment in ["# off", "# more"] {
        assert!(result.text.contains(comment), "{}", result.text);
    }
}

#[test]
fn keys_that_would_change_their_type_are_quoted() {
    let old = "apiVersion: kubeadm.k8s.io/v1beta3\nkind: ClusterConfiguration\nscheduler:\n  extraArgs:\n    5: \"a\"\n    y: b\n    ? odd\n    : c\n";
    let result = migrated(old);
    assert_eq!(meaning(old), meaning(&result.text), "{}", result.text);
}

#[test]
fn block_scalars_keep_their_line_breaks() {
    let old = "apiVersion: kubeadm.k8s.io/v1beta3\nkind: ClusterConfiguration\nscheduler:\n  extraArgs:\n    a: |\n      5\n    b: &x |-\n        5\n\n    c: *x\n";
    let result = migrated(old);
    assert_eq!(meaning(old), meaning(&result.text), "{}", result.text);
    assert!(result.text.contains("value: \"5\\n\""), "{}", result.text);
}

#[test]
fn a_file_is_not_converted_to_an_older_version_and_an_invalid_one_not_at_all() {
    let new = b"apiVersion: kubeadm.k8s.io/v1beta4\nkind: ClusterConfiguration\n";
    let errors = migrate("c.yaml", new, ApiVersion::V1Beta3).unwrap_err();
    assert!(errors.to_string().contains("v1beta4 is newer than v1beta3"), "{errors}");
    let wrong = b"apiVersion: kubeadm.k8s.io/v1beta3\nkind: ClusterConfiguration\nnetworkng: {}\n";
    let errors = migrate("c.yaml", wrong, TARGET).unwrap_err();
    assert!(errors.to_string().contains("c.yaml:3:1: networkng"), "{errors}");
}

#[test]
fn v1beta2_is_reached_from_v1beta1_by_its_first_line_alone() {
    let old = "apiVersion: kubeadm.k8s.io/v1beta1\nkind: ClusterConfiguration\ndns: {type: CoreDNS}\n";
    let result = migrate("c.yaml", old.as_bytes(), ApiVersion::V1Beta2).unwrap();
    assert_eq!(result.text, old.replace("v1beta1", "v1beta2"));
    assert_eq!(result.changes.len(), 1);
}

#[test]
fn component_documents_alone_are_unchanged() {
    let old = "apiVersion: kubelet.config.k8s.io/v1beta1\nkind: KubeletConfiguration # mine\n";
    assert_eq!(migrated(old).text, old);
}

proptest::proptest! {
    #[test]
    fn arguments_of_any_text_keep_their_meaning(
        // No names that YAML 1.1 reads as booleans, such as `y` and `on`: two of those are the same key.
        args in proptest::collection::btree_map("a[a-z]{0,2}", "\\PC{0,8}", 0..4),
        flow in proptest::bool::ANY,
    ) {
        let quoted = |text: &str| serde_json::Value::from(text).to_string();
        let lines: Vec<String> = args.iter().map(|(name, value)| format!("{name}: {}", quoted(value))).collect();
        let body = if flow || args.is_empty() { format!(" {{{}}}", lines.join(", ")) } else { format!("\n    {}", lines.join("\n    ")) };
        let old = format!("apiVersion: kubeadm.k8s.io/v1beta3\nkind: ClusterConfiguration\nscheduler:\n  extraArgs:{body}\n");
        proptest::prop_assert_eq!(meaning(&old), meaning(&migrated(&old).text));
    }

    #[test]
    fn no_text_makes_it_panic(tail in "[a-c:\\-?\\[\\]{},&*!|>'\" \\n#~0-9.<]{0,80}") {
        let text = format!("apiVersion: kubeadm.k8s.io/v1beta3\nkind: ClusterConfiguration\nscheduler:\n  extraArgs:\n    {tail}");
        let _ = migrate("c.yaml", text.as_bytes(), TARGET);
    }
}
