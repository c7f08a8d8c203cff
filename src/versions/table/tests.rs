use super::*;
use crate::versions::minors::{ALL, NEWEST, UNCONFIRMED};

type Fact = fn(&Minor) -> bool;

#[track_caller]
fn changes_once(name: &str, fact: Fact) {
    let turns = ALL.windows(2).filter(|pair| fact(&pair[0]) != fact(&pair[1])).count();
    assert_eq!(turns, 1, "{name} changes {turns} times");
}

/// `3.5.10-0` and `v1.11.3` as numbers, so that they can be compared.
fn numbers(tag: &str) -> Vec<u32> {
    tag.trim_start_matches('v').split(['.', '-']).map(|part| part.parse().unwrap()).collect()
}

#[test]
fn minors_have_no_gaps() {
    assert_eq!(ALL[0].minor, OLDEST);
    assert!(ALL.windows(2).all(|pair| pair[1].minor == pair[0].minor + 1));
    assert_eq!((newest(), NEWEST.minor), (ALL.last().unwrap().minor, 37));
    assert!(facts(OLDEST - 1).is_none() && facts(newest() + 1).is_none());
    assert_eq!(window(), "v1.20 to v1.37");
}

#[test]
fn tags_start_at_the_first_patch_and_never_go_back() {
    for minor in ALL {
        for values in [minor.image_repository, minor.etcd_tag, minor.coredns_tag] {
            assert_eq!(values.0.first().map(|(since, _)| *since), Some(0), "v1.{}", minor.minor);
            assert!(values.0.windows(2).all(|pair| pair[0].0 < pair[1].0), "v1.{}", minor.minor);
            assert!(values.0.iter().all(|(_, value)| !value.is_empty()));
        }
        for tags in [minor.etcd_tag, minor.coredns_tag] {
            assert!(tags.0.windows(2).all(|pair| numbers(pair[0].1) < numbers(pair[1].1)), "v1.{}", minor.minor);
        }
        assert!(minor.coredns_tag.newest().starts_with('v') == minor.coredns_subpath, "v1.{}", minor.minor);
    }
    for pair in ALL.windows(2) {
        assert!(numbers(pair[0].etcd_tag.at(0)) <= numbers(pair[1].etcd_tag.at(0)), "v1.{}", pair[1].minor);
        assert!(numbers(pair[0].coredns_tag.at(0)) <= numbers(pair[1].coredns_tag.at(0)));
        assert!(numbers(pair[0].pause_tag) <= numbers(pair[1].pause_tag), "v1.{}", pair[1].minor);
    }
}

#[test]
fn facts_are_added_or_removed_once() {
    let facts: &[(&str, Fact)] = &[
        ("coredns_subpath", |m| m.coredns_subpath),
        ("images_dns_before_pause", |m| m.images_dns_before_pause),
        ("cluster_status", |m| m.cluster_status),
        ("uploads_authorization_mode", |m| m.uploads_authorization_mode),
        ("etcd_http_endpoints", |m| m.etcd_http_endpoints),
        ("plan_etcd_upgrade", |m| m.plan_etcd_upgrade),
        ("super_admin_conf", |m| m.super_admin_conf),
        ("clients_in_system_masters", |m| m.clients_in_system_masters),
        ("kubelet_api_binding", |m| m.kubelet_api_binding),
        ("ca_dns_name", |m| m.ca_dns_name),
        ("leaf_basic_constraints", |m| m.leaf_basic_constraints),
        ("certificate_backdate_minutes", |m| m.certificate_backdate_minutes > 0),
        ("leaf_starts_with_ca", |m| m.leaf_starts_with_ca),
        ("ecdsa_p384", |m| m.ecdsa_p384),
        ("kubelet_config_has_minor", |m| m.kubelet_config_has_minor),
        ("cri_socket_scheme", |m| m.cri_socket_scheme),
        ("default_cgroup_driver", |m| m.default_cgroup_driver.is_some()),
        ("uploads_resolv_conf", |m| m.uploads_resolv_conf),
        ("kubelet_instance_config", |m| m.kubelet_instance_config),
        ("kubelet_local_api_server", |m| m.kubelet_local_api_server),
        ("pod_priority", |m| m.pod_priority.is_some()),
        ("seccomp_runtime_default", |m| m.seccomp_runtime_default),
        ("sorts_extra_args", |m| m.sorts_extra_args),
        ("named_probe_port", |m| m.named_probe_port),
        ("api_server_insecure_port_flag", |m| m.api_server_insecure_port_flag),
        ("component_port_flag", |m| m.component_port_flag),
        ("etcd_learner", |m| m.etcd_learner),
        ("flexvolume_mount", |m| m.flexvolume_mount),
        ("proxy_mode", |m| !m.proxy_mode.is_empty()),
        ("registry", |m| m.image_repository.newest() == "registry.k8s.io"),
    ];
    for (name, fact) in facts {
        changes_once(name, *fact);
    }
    for pair in ALL.windows(2) {
        assert!(pair[0].cri <= pair[1].cri && pair[0].pause_image_flag <= pair[1].pause_image_flag);
        assert!(pair[0].api_version <= pair[1].api_version && pair[0].kubelet_skew <= pair[1].kubelet_skew);
    }
}

#[test]
fn a_minor_reads_what_it_and_its_predecessor_write() {
    for minor in ALL {
        assert!(minor.api_versions_read.is_sorted());
        assert_eq!(minor.api_versions_read.last(), Some(&minor.api_version), "v1.{}", minor.minor);
    }
    for pair in ALL.windows(2) {
        assert!(pair[1].api_versions_read.contains(&pair[0].api_version), "v1.{} cannot be upgraded", pair[0].minor);
    }
}

#[test]
fn feature_gates_are_sorted_and_consistent_with_the_facts_they_control() {
    for minor in ALL {
        assert!(minor.feature_gates.is_sorted_by_key(|gate| gate.name), "v1.{}", minor.minor);
        let on = |name| minor.feature_enabled(name, None);
        if minor.feature_gate("EtcdLearnerMode").is_some() {
            assert_eq!(on("EtcdLearnerMode"), minor.etcd_learner, "v1.{}", minor.minor);
        }
        if minor.feature_gate("NodeLocalCRISocket").is_some() {
            assert_eq!(on("NodeLocalCRISocket"), minor.kubelet_instance_config, "v1.{}", minor.minor);
        }
        if minor.feature_gate("ControlPlaneKubeletLocalMode").is_some() {
            assert_eq!(on("ControlPlaneKubeletLocalMode"), minor.kubelet_local_api_server, "v1.{}", minor.minor);
        }
        if minor.feature_gate("UnversionedKubeletConfigMap").is_some() {
            assert_eq!(on("UnversionedKubeletConfigMap"), !minor.kubelet_config_has_minor, "v1.{}", minor.minor);
        }
    }
}

#[test]
fn a_locked_gate_cannot_be_changed_and_an_unknown_one_is_off() {
    let v1_32 = facts(32).unwrap();
    assert!(v1_32.feature_enabled("EtcdLearnerMode", Some(false)));
    assert!(v1_32.feature_enabled("NodeLocalCRISocket", Some(true)));
    assert!(!v1_32.feature_enabled("IPv6DualStack", Some(true)));
}

#[test]
fn etcd_flags_are_those_of_its_version() {
    for minor in ALL {
        let has_feature_gates = numbers(minor.etcd_tag.at(0)) >= vec![3, 6, 0];
        assert!(minor.etcd_args.iter().all(|(name, _)| name.starts_with("experimental-") != has_feature_gates));
        // /livez and /readyz were added in etcd 3.5.11.
        assert!(minor.etcd_probes.live != "/livez" || numbers(minor.etcd_tag.at(0)) >= vec![3, 5, 11]);
    }
}

#[test]
fn the_kubelet_config_map_lost_its_suffix() {
    let names = |minor| (facts(minor).unwrap().kubelet_config_map(), facts(minor).unwrap().kubelet_config_role());
    assert_eq!(names(23), ("kubelet-config-1.23".into(), "kubeadm:kubelet-config-1.23".into()));
    assert_eq!(names(24), ("kubelet-config".into(), "kubeadm:kubelet-config".into()));
}

#[test]
fn unconfirmed_facts_are_about_known_minors() {
    assert!(UNCONFIRMED.iter().all(|(_, minor, known)| facts(*minor).is_some() && !known.ends_with('.')));
}

#[test]
fn unsupported_versions_are_refused_with_the_supported_ones() {
    let refused = |text: &str| facts_of(&text.parse().unwrap()).map(|minor| minor.minor).unwrap_err();
    assert_eq!(facts_of(&Version::new(36, 2)).unwrap().minor, 36);
    assert_eq!(
        refused("v1.19.16").to_string(),
        "Kubernetes v1.19.16 is not supported; supported versions are v1.20 to v1.37"
    );
    assert!(refused("v1.38.0-alpha.2").hint().unwrap().contains("v1.37 or older"));
    assert_eq!(refused("v2.36.0").version.major, 2);
}
