//! Flags without a file, in conflict with a file, and invalid ones.

use super::*;
use crate::base::secret::Secret;
use crate::config::pod_network::PodNetwork;
use crate::config::{Documents, ResetFlags, UpgradeFlags, UpgradeTask};
use std::path::Path;

fn by_flags(flags: &InitFlags) -> Result<Resolved<InitConfig>, ConfigErrors> {
    Documents::none().init(flags, &facts())
}

#[test]
fn flags_have_the_same_meaning_as_fields() {
    let flags = InitFlags {
        apiserver_advertise_address: Some("192.168.0.51".into()),
        apiserver_bind_port: Some("7443".into()),
        apiserver_cert_extra_sans: vec!["LB.example.com,10.0.0.9".into(), "*.corp.local".into()],
        cert_dir: Some("/pki".into()),
        certificate_key: Some(Secret::new("ab".repeat(32))),
        control_plane_endpoint: Some("lb:6443".into()),
        cri_socket: Some("unix:///run/a.sock".into()),
        dry_run: true,
        feature_gates: vec!["RootlessControlPlane=true, PublicKeysECDSA=false".into()],
        ignore_preflight_errors: vec!["Swap,NumCPU".into()],
        image_repository: Some("r.io/k8s".into()),
        kubernetes_version: Some("1.35.1".into()),
        node_name: Some("cp".into()),
        patches: Some("patches".into()),
        pod_network: Some("flannel".into()),
        chosen_network: Some(PodNetwork::Flannel),
        pod_network_cidr: Some("10.150.0.0/16".into()),
        service_cidr: Some("10.97.0.0/16".into()),
        service_dns_domain: Some("corp.local".into()),
        skip_phases: vec!["addon".into()],
        token: Some(Secret::new("abcdef.0123456789abcdef".into())),
        token_ttl: Some("0".into()),
    };
    let resolved = by_flags(&flags).unwrap_or_else(|e| panic!("{e}"));
    assert!(resolved.dry_run);
    let (cluster, node) = (&resolved.config.cluster, &resolved.config.node);
    assert_eq!(cluster.version.to_string(), "v1.35.1");
    assert_eq!(node.local_endpoint.advertise_address.to_string(), "192.168.0.51");
    assert_eq!(node.local_endpoint.bind_port, 7443);
    assert_eq!(cluster.api_server_cert_sans, ["lb.example.com", "10.0.0.9", "*.corp.local"]);
    assert_eq!(cluster.certificates_dir, Path::new("/pki"));
    assert_eq!(cluster.feature_gates.get("RootlessControlPlane"), Some(&true));
    assert_eq!(cluster.networking.pod_subnets[0].to_string(), "10.150.0.0/16");
    assert_eq!(cluster.networking.service_subnets[0].to_string(), "10.97.0.0/16");
    assert_eq!(cluster.networking.dns_domain, "corp.local");
    assert_eq!(cluster.image_repository, "r.io/k8s");
    assert_eq!(resolved.config.pod_network, Some(PodNetwork::Flannel));
    assert_eq!(node.patches_dir.as_deref(), Some(Path::new("patches")));
    assert_eq!(node.ignore_preflight_errors, ["numcpu", "swap"]);
    let token = &resolved.config.bootstrap_tokens[0];
    assert_eq!((token.token.expose().as_str(), token.ttl), ("abcdef.0123456789abcdef", None));
}

#[test]
fn a_pod_network_and_the_cluster_agree_on_the_networks_for_pods() {
    let with = |network: PodNetwork, cidr: Option<&str>| {
        by_flags(&InitFlags {
            pod_network: Some("x".into()),
            chosen_network: Some(network),
            pod_network_cidr: cidr.map(str::to_owned),
            ..InitFlags::default()
        })
    };
    let subnets = |resolved: Resolved<InitConfig>| resolved.config.cluster.networking.pod_subnets[0].to_string();
    assert_eq!(subnets(with(PodNetwork::Flannel, None).unwrap()), "10.244.0.0/16");
    assert_eq!(subnets(with(PodNetwork::Flannel, Some("10.32.0.0/16")).unwrap()), "10.32.0.0/16");
    let text = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: c}\n\
                data: {net-conf.json: '{\"Network\": \"10.128.0.0/14\"}'}\n---\n\
                apiVersion: apps/v1\nkind: DaemonSet\nmetadata: {name: d}\n";
    let manifest = || PodNetwork::manifest(Path::new("net.yaml"), text.as_bytes()).unwrap();
    assert_eq!(subnets(with(manifest(), None).unwrap()), "10.128.0.0/14");
    let error = with(manifest(), Some("10.32.0.0/16")).err().unwrap().to_string();
    assert!(error.contains("10.128.0.0/14") && error.contains("10.32.0.0/16"), "{error}");
}

#[test]
fn errors_in_flags_name_the_flag_instead_of_a_position() {
    let flags = InitFlags {
        apiserver_bind_port: Some("0".into()),
        apiserver_cert_extra_sans: vec!["a_b".into()],
        feature_gates: vec!["Nope=true,RootlessControlPlane,PublicKeysECDSA=maybe".into()],
        kubernetes_version: Some("stable".into()),
        pod_network_cidr: Some("10.0.0.0/99".into()),
        token: Some(Secret::new("secret-value".into())),
        token_ttl: Some("5".into()),
        ..InitFlags::default()
    };
    let found = problems(by_flags(&flags));
    let flags: Vec<&str> = found.iter().map(|p| p.split(':').next().unwrap()).collect();
    assert_eq!(
        flags,
        [
            "--apiserver-bind-port",
            "--apiserver-cert-extra-sans",
            "--feature-gates",
            "--feature-gates",
            "--feature-gates",
            "--kubernetes-version",
            "--pod-network-cidr",
            "--token",
            "--token-ttl"
        ]
    );
    assert!(!found.join("\n").contains("secret-value"));
    assert!(found.last().unwrap().ends_with("add a unit: \"5s\" for seconds"));
}

#[test]
fn a_flag_with_a_corresponding_field_is_refused_with_a_file() {
    let documents = parse("c.yaml", init("").as_bytes()).unwrap();
    let flags = InitFlags {
        apiserver_advertise_address: Some("10.0.0.1".into()),
        pod_network_cidr: Some("10.1.0.0/16".into()),
        ..InitFlags::default()
    };
    assert_eq!(
        problems(documents.init(&flags, &facts())),
        [
            "--apiserver-advertise-address: cannot be combined with --config | set localAPIEndpoint.advertiseAddress \
             of InitConfiguration in the file",
            "--pod-network-cidr: cannot be combined with --config | set networking.podSubnet of \
             ClusterConfiguration in the file",
        ]
    );
}

#[test]
fn flags_of_a_single_host_or_run_take_precedence_over_the_file() {
    let text =
        init("nodeRegistration: {name: a, criSocket: \"unix:///a\", ignorePreflightErrors: [Swap]}\nskipPhases: [x]");
    let flags = InitFlags {
        node_name: Some("b".into()),
        cri_socket: Some("unix:///b".into()),
        ignore_preflight_errors: vec!["NumCPU".into()],
        skip_phases: vec!["y".into()],
        patches: Some("p".into()),
        dry_run: true,
        ..InitFlags::default()
    };
    let resolved = parse("c.yaml", text.as_bytes()).unwrap().init(&flags, &facts()).unwrap();
    let node = resolved.config.node;
    assert!(resolved.dry_run);
    assert_eq!((node.name.as_str(), node.cri_socket.as_deref()), ("b", Some("unix:///b")));
    assert_eq!(node.ignore_preflight_errors, ["numcpu", "swap"]);
    assert_eq!(node.skip_phases, ["x", "y"]);
}

#[test]
fn all_cannot_be_combined_with_other_checks() {
    let flags = InitFlags { ignore_preflight_errors: vec!["All,Swap".into()], ..InitFlags::default() };
    assert_eq!(
        problems(by_flags(&flags)),
        [
            "--ignore-preflight-errors: 'all' cannot be combined with other checks | list either 'all' or individual checks"
        ]
    );
}

#[test]
fn a_host_without_a_default_route_or_a_valid_name_is_reported_with_the_flags_to_set() {
    let facts = Facts { default_ipv4: None, default_ipv6: None, hostname: "my_host".into(), ..facts() };
    let found = problems(Documents::none().init(&InitFlags::default(), &facts));
    assert_eq!(found.len(), 2, "{found:?}");
    assert!(found[0].starts_with("host: the host does not have a default route"));
    assert!(found[1].contains("\"my_host\" contains '_'"), "{found:?}");
}

#[test]
fn reset_and_upgrade_read_their_documents_and_flags() {
    let text = "apiVersion: kubeadm.k8s.io/v1beta4\nkind: ResetConfiguration\ncertificatesDir: /pki\ncriSocket: /run/a.sock\n\
                force: true\ndryRun: true\nunmountFlags: [MNT_DETACH]\n---\napiVersion: kubeadm.k8s.io/v1beta4\n\
                kind: UpgradeConfiguration\napply: {kubernetesVersion: v1.36.1, certificateRenewal: false, \
                allowRCUpgrades: true}\ndiff: {contextLines: 7}\n";
    let documents = parse("c.yaml", text.as_bytes()).unwrap();
    let reset = documents.reset(&ResetFlags::default(), &facts()).unwrap();
    assert!(reset.dry_run && reset.config.force && !reset.config.cleanup_tmp_dir);
    assert_eq!(reset.config.cri_socket.as_deref(), Some("unix:///run/a.sock"));
    let apply = documents.upgrade(UpgradeTask::Apply, &UpgradeFlags::default()).unwrap();
    assert_eq!(apply.config.version.as_ref().unwrap().to_string(), "v1.36.1");
    assert!(!apply.config.certificate_renewal && apply.config.etcd_upgrade && apply.config.allow_release_candidates);
    let diff = documents.upgrade(UpgradeTask::Diff, &UpgradeFlags::default()).unwrap();
    assert_eq!((diff.config.context_lines, diff.config.version.is_none()), (7, true));
    let plan = Documents::none().upgrade(UpgradeTask::Plan, &UpgradeFlags::default()).unwrap();
    assert_eq!(plan.config.context_lines, 3);

    let bad = text.replace("MNT_DETACH", "MNT_DETATCH").replace("/pki", "pki").replace("v1.36.1", "v1.3.1");
    let documents = parse("c.yaml", bad.as_bytes()).unwrap();
    let found = problems(documents.validate(&facts()));
    assert_eq!(found.len(), 3, "{found:?}");
    assert!(found[1].contains("did you mean 'MNT_DETACH'?"));
    let none = parse("c.yaml", init("").as_bytes()).unwrap();
    assert!(problems(none.reset(&ResetFlags::default(), &facts()))[0].contains("ResetConfiguration is missing"));
    assert!(
        problems(none.upgrade(UpgradeTask::Node, &UpgradeFlags::default()))[0]
            .contains("UpgradeConfiguration is missing")
    );
}
