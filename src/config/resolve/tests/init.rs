//! How valid files are resolved for `init`.

use super::*;
use crate::config::Documents;
use crate::config::model::{Arg, Etcd, HostPort, KeyAlgorithm};
use std::path::Path;
use std::time::Duration;

#[test]
fn the_smallest_file_gets_kubeadms_defaults() {
    let config = init_config(&cluster("v1beta4", "v1.36.2", ""));
    let cluster = &config.cluster;
    assert_eq!(cluster.version.to_string(), "v1.36.2");
    assert_eq!(cluster.cluster_name, "kubernetes");
    assert_eq!(cluster.image_repository, "registry.k8s.io");
    assert_eq!(cluster.certificates_dir, Path::new("/etc/kubernetes/pki"));
    assert_eq!(cluster.encryption_algorithm, KeyAlgorithm::Rsa2048);
    assert_eq!(cluster.certificate_validity, Duration::from_hours(8760));
    assert_eq!(cluster.ca_certificate_validity, Duration::from_hours(87_600));
    assert_eq!(cluster.control_plane_endpoint, None);
    assert_eq!(cluster.networking.service_subnets, ["10.96.0.0/12".parse().unwrap()]);
    assert!(cluster.networking.pod_subnets.is_empty());
    assert_eq!(cluster.networking.dns_domain, "cluster.local");
    let Etcd::Local(etcd) = &cluster.etcd else { panic!("etcd is local by default") };
    assert_eq!(etcd.data_dir, Path::new("/var/lib/etcd"));
    let node = &config.node;
    assert_eq!((node.name.as_str(), node.cri_socket.as_deref(), node.taints.as_ref()), ("host-1", None, None));
    assert_eq!((node.image_pull_policy.as_str(), node.image_pull_serial), ("IfNotPresent", true));
    assert_eq!(node.local_endpoint.advertise_address.to_string(), "10.0.0.7");
    assert_eq!(node.local_endpoint.bind_port, 6443);
    assert_eq!(node.timeouts, crate::config::model::Timeouts::default());
    let [token] = config.bootstrap_tokens.as_slice() else { panic!("one token") };
    assert_eq!(token.token.expose().len(), 23);
    assert_eq!(token.ttl, Some(Duration::from_hours(24)));
    assert_eq!(token.usages, ["signing", "authentication"]);
    assert_eq!(token.groups, ["system:bootstrappers:kubeadm:default-node-token"]);
}

#[test]
fn old_minors_have_their_registry_and_the_version_of_the_kubelet_or_the_table() {
    assert_eq!(init_config(&cluster("v1beta2", "v1.20.2", "")).cluster.image_repository, "k8s.gcr.io");
    let without = init_config("apiVersion: kubeadm.k8s.io/v1beta4\nkind: ClusterConfiguration\n");
    assert_eq!(without.cluster.version.to_string(), "v1.36.2", "that of the kubelet");
    let text = init("");
    let none = Facts { kubelet_version: None, ..facts() };
    let newest = parse("c", text.as_bytes()).unwrap().init(&InitFlags::default(), &none).unwrap();
    assert_eq!(newest.config.cluster.version.minor, crate::versions::newest());
    let odd = Facts { kubelet_version: Some(Version::new(12, 0)), ..facts() };
    let resolved = parse("c", text.as_bytes()).unwrap().init(&InitFlags::default(), &odd).unwrap();
    assert!(texts(&resolved.warnings)[0].contains("the kubelet is v1.12.0"), "{:?}", resolved.warnings);
}

#[test]
fn a_newer_kubelet_does_not_upgrade_the_existing_cluster() {
    let version = |facts: &Facts, flags: &InitFlags| {
        let resolved = parse("c", init("").as_bytes()).unwrap().init(&InitFlags::default(), facts);
        let (file, alone) = (resolved.unwrap(), Documents::none().init(flags, facts).unwrap());
        assert!(texts(&file.warnings).iter().any(|warning| warning.contains("stays at v1.36.1")));
        (file.config.cluster.version.to_string(), alone.config.cluster.version.to_string())
    };
    let here = Facts { cluster_version: Some(Version::new(36, 1)), ..facts() };
    assert_eq!(version(&here, &InitFlags::default()), ("v1.36.1".into(), "v1.36.1".into()));
    let asked = InitFlags { kubernetes_version: Some("v1.36.2".into()), ..InitFlags::default() };
    assert_eq!(version(&here, &asked).1, "v1.36.2");
}

#[test]
fn a_full_file_is_resolved_field_by_field() {
    let text = format!(
        "{}---\n{}---\napiVersion: kubelet.config.k8s.io/v1beta1\nkind: KubeletConfiguration\nmaxPods: 0200\n---\n\
         apiVersion: kubeproxy.config.k8s.io/v1alpha1\nkind: KubeProxyConfiguration\nmode: ipvs\n",
        init(
            "bootstrapTokens:\n- {token: abcdef.0123456789abcdef, ttl: \"0\", description: mine, usages: [signing]}\n\
             - {token: bbcdef.0123456789abcdef, expires: 2040-01-01T00:00:00Z}\n\
             nodeRegistration:\n  name: CP-7\n  criSocket: unix:///run/a.sock\n  taints: []\n  imagePullPolicy: Never\n  \
             imagePullSerial: false\n  ignorePreflightErrors: [Swap, NumCPU]\n  kubeletExtraArgs: [{name: v, value: \"\
             4\"}, {name: v, value: \"\"}]\n\
             localAPIEndpoint: {advertiseAddress: \"fd00::5\", bindPort: 7443}\n\
             certificateKey: 00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff\n\
             skipPhases: [addon/kube-proxy]\npatches: {directory: patches}\ndryRun: true\n\
             timeouts: {controlPlaneComponentHealthCheck: 3m0s, tlsBootstrap: 90s}"
        ),
        cluster(
            "v1beta4",
            "v1.36.2",
            "clusterName: prod\ncontrolPlaneEndpoint: LB.example.com\nencryptionAlgorithm: ECDSA-P384\n\
             certificateValidityPeriod: 2160h\ncaCertificateValidityPeriod: 43800h0m0s\nimageRepository: r.io:5000/k8s\n\
             networking: {podSubnet: \"10.244.0.0/16,fd00:10:244::/56\", serviceSubnet: \"fd00:1::/112,10.96.0.0/16\", \
             dnsDomain: corp.local}\n\
             apiServer:\n  certSANs: [LB.example.com, 203.0.113.10, \"*.corp.local\"]\n  extraEnvs:\n  - {name: A, \
             valueFrom: {fieldRef: {fieldPath: status.hostIP}}}\n  extraVolumes:\n  - {name: audit, hostPath: /a, \
             mountPath: /b, readOnly: yes, pathType: File}\n\
             dns: {imageTag: v1.2.3, disabled: true}\nproxy: {disabled: true}\n\
             etcd: {local: {dataDir: /data, serverCertSANs: [etcd.corp.local], peerCertSANs: [10.0.0.42], imageTag: \
             3.5.0-0}}\nfeatureGates: {RootlessControlPlane: false}"
        )
        .replace("LB.example.com\nencryption", "lb.example.com\nencryption"),
    );
    let resolved = try_init(&text).unwrap_or_else(|e| panic!("{e}"));
    assert!(resolved.dry_run);
    let (cluster, node) = (&resolved.config.cluster, &resolved.config.node);
    let tokens = &resolved.config.bootstrap_tokens;
    assert_eq!((tokens[0].ttl, tokens[0].description.as_str(), tokens[0].groups.len()), (None, "mine", 0));
    assert_eq!((tokens[1].ttl, tokens[1].expires.as_deref()), (None, Some("2040-01-01T00:00:00Z")));
    assert!(resolved.config.certificate_key.is_some());
    assert_eq!((node.name.as_str(), node.cri_socket.as_deref()), ("cp-7", Some("unix:///run/a.sock")));
    assert_eq!(node.taints.as_deref(), Some(&[][..]), "an empty list is not the default");
    assert_eq!((node.image_pull_policy.as_str(), node.image_pull_serial), ("Never", false));
    assert_eq!(node.ignore_preflight_errors, ["numcpu", "swap"]);
    let v = |value: &str| Arg { name: "v".into(), value: value.into() };
    assert_eq!(node.kubelet_extra_args, [v("4"), v("")]);
    assert_eq!(node.local_endpoint.advertise_address.to_string(), "fd00::5");
    assert_eq!(node.patches_dir.as_deref(), Some(Path::new("patches")));
    assert_eq!(node.skip_phases, ["addon/kube-proxy"]);
    assert_eq!(node.timeouts.control_plane_component_health_check, Duration::from_mins(3));
    assert_eq!(node.timeouts.tls_bootstrap, Duration::from_secs(90));
    let endpoint = HostPort { host: "lb.example.com".into(), port: Some(7443) };
    assert_eq!(cluster.control_plane_endpoint, Some(endpoint), "the port of this API server");
    assert_eq!(cluster.encryption_algorithm, KeyAlgorithm::EcdsaP384);
    assert_eq!(cluster.image_repository, "r.io:5000/k8s");
    assert_eq!(cluster.networking.pod_subnets.len(), 2);
    assert_eq!(cluster.networking.service_subnets[0].to_string(), "fd00:1::/112", "the first family is the main one");
    assert_eq!(cluster.api_server_cert_sans, ["lb.example.com", "203.0.113.10", "*.corp.local"]);
    assert_eq!(cluster.api_server.extra_envs[0]["valueFrom"]["fieldRef"]["apiVersion"], "v1");
    assert!(cluster.api_server.extra_volumes[0].read_only);
    assert!(cluster.dns.disabled && cluster.proxy.disabled);
    assert_eq!(cluster.feature_gates.get("RootlessControlPlane"), Some(&false));
    assert_eq!(serde_json::to_value(&cluster.kubelet).unwrap(), serde_json::json!({"maxPods": 128}));
    assert_eq!(serde_json::to_value(&cluster.kube_proxy).unwrap(), serde_json::json!({"mode": "ipvs"}));
}

#[test]
fn older_versions_have_timeouts_and_arguments_elsewhere() {
    let body = "apiServer: {timeoutForControlPlane: 3m0s, extraArgs: {v: \"3\", a: \"1\"}}\ndns: {type: CoreDNS}\n\
                useHyperKubeImage: true";
    let resolved = try_init(&cluster("v1beta2", "v1.20.2", body)).unwrap();
    assert_eq!(resolved.config.node.timeouts.control_plane_component_health_check, Duration::from_mins(3));
    let names: Vec<&str> = resolved.config.cluster.api_server.extra_args.iter().map(|a| a.name.as_str()).collect();
    assert_eq!(names, ["a", "v"], "a map is sorted by name");
    assert!(texts(&resolved.warnings).iter().any(|w| w.contains("hyperkube")), "{:?}", resolved.warnings);
}

#[test]
fn the_socket_gets_its_scheme_where_the_minor_version_requires_it() {
    let node = "---\napiVersion: kubeadm.k8s.io/v1beta2\nkind: InitConfiguration\nnodeRegistration: {criSocket: /run/a.sock}\n";
    let old = init_config(&format!("{}{node}", cluster("v1beta2", "v1.20.2", "")));
    assert_eq!(old.node.cri_socket.as_deref(), Some("/run/a.sock"));
    let resolved = try_init(&format!("{}{node}", cluster("v1beta2", "v1.36.2", ""))).unwrap();
    assert_eq!(resolved.config.node.cri_socket.as_deref(), Some("unix:///run/a.sock"));
    assert!(texts(&resolved.warnings).iter().any(|w| w.contains("unix:// is assumed")));
    assert!(texts(&resolved.warnings).iter().any(|w| w.contains("v1beta2 is older than v1beta4")));
}

#[test]
fn the_old_feature_gate_for_ecdsa_still_works() {
    let config = init_config(&cluster("v1beta3", "v1.30.0", "featureGates: {PublicKeysECDSA: true}"));
    assert_eq!(config.cluster.encryption_algorithm, KeyAlgorithm::EcdsaP256);
}

#[test]
fn questionable_values_are_warnings() {
    let cases = [
        ("certificateValidityPeriod: 2h\ncaCertificateValidityPeriod: 1h", "outlive their CA"),
        ("certificateValidityPeriod: 9000h", "longer than the recommended 8760h0m0s"),
        ("networking: {podSubnet: 10.244.1.0/16}", "has bits set after its prefix"),
        ("networking: {podSubnet: 10.97.0.0/16}", "overlaps with the Service network 10.96.0.0/12"),
        ("networking: {serviceSubnet: \"fd00::/112\"}", "another IP family"),
        ("networking: {podSubnet: \"fec0::/48\"}", "deprecated site-local range"),
        ("featureGates: {NodeLocalCRISocket: false}", "can no longer be changed"),
    ];
    for (body, expected) in cases {
        let resolved = try_init(&cluster("v1beta4", "v1.36.2", body)).unwrap_or_else(|e| panic!("{e}"));
        assert!(texts(&resolved.warnings).iter().any(|w| w.contains(expected)), "{body}: {:?}", resolved.warnings);
    }
    let old = try_init(&cluster("v1beta4", "v1.31.0", "encryptionAlgorithm: ECDSA-P384")).unwrap();
    assert!(texts(&old.warnings)[0].contains("kubeadm v1.31 does not support ECDSA-P384"), "{:?}", old.warnings);
    let join = "---\napiVersion: kubeadm.k8s.io/v1beta4\nkind: JoinConfiguration\n";
    let resolved = try_init(&format!("{}{join}", cluster("v1beta4", "v1.36.2", ""))).unwrap();
    assert_eq!(texts(&resolved.warnings), ["c.yaml:7:7: kind: 'init' ignores JoinConfiguration"]);
}

#[test]
fn loopback_addresses_are_replaced() {
    let any = init_config(&init("localAPIEndpoint: {advertiseAddress: 0.0.0.0}"));
    assert_eq!(any.node.local_endpoint.advertise_address.to_string(), "10.0.0.7");
    let any6 = init_config(&init("localAPIEndpoint: {advertiseAddress: \"::\"}"));
    assert_eq!(any6.node.local_endpoint.advertise_address.to_string(), "fd00::7");
    let loopback = init("localAPIEndpoint: {advertiseAddress: 127.0.0.1}");
    let routed = Facts { loopback_address: Some("192.0.2.1".parse().unwrap()), ..facts() };
    let config = parse("c", loopback.as_bytes()).unwrap().init(&InitFlags::default(), &routed).unwrap().config;
    assert_eq!(config.node.local_endpoint.advertise_address.to_string(), "192.0.2.1");
    assert!(problems(try_init(&loopback))[0].contains("127.0.0.1 is a loopback address"));
}

#[test]
fn node_masks_can_be_set_or_disabled() {
    let small = "networking: {podSubnet: 10.0.0.0/25}\n";
    let with = |args: &str| {
        try_init(&cluster("v1beta3", "v1.36.2", &format!("{small}controllerManager: {{extraArgs: {{{args}}}}}")))
    };
    assert!(with("node-cidr-mask-size: '26'").is_ok());
    assert!(with("node-cidr-mask-size-ipv4: '26'").is_ok());
    assert!(with("allocate-node-cidrs: 'false'").is_ok());
    assert!(problems(with(""))[0].contains("smaller than the /24"));
    assert!(problems(with("node-cidr-mask-size-ipv4: many"))[0].contains("is not a prefix length"));
}
