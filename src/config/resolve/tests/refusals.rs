//! Invalid values, each with its field, the error and help.

use super::*;

/// Bodies of a v1beta4 `ClusterConfiguration` for v1.36.2, and the start of the first error.
const CLUSTER: &[(&str, &str)] = &[
    ("networking: {podSubnet: 10.0.0.0/99}", "networking.podSubnet: \"10.0.0.0/99\" is not a network"),
    ("networking: {podSubnet: 10.0.0.0/29}", "networking.podSubnet: 10.0.0.0/29 has 8 addresses; at least 14"),
    ("networking: {podSubnet: 10.0.0.0/7}", "networking.podSubnet: 10.0.0.0/7 has more than 2^16"),
    (
        "networking: {podSubnet: \"10.0.0.0/16,10.1.0.0/16\"}",
        "networking.podSubnet: 10.0.0.0/16 and 10.1.0.0/16 are of",
    ),
    (
        "networking: {serviceSubnet: 10.96.0.0/30}",
        "networking.serviceSubnet: 10.96.0.0/30 has 4 addresses; at least 10",
    ),
    ("networking: {serviceSubnet: 10.0.0.0/8}", "networking.serviceSubnet: 10.0.0.0/8 is larger than the API server"),
    ("networking: {serviceSubnet: \"fd00::/64\"}", "networking.serviceSubnet: fd00::/64 is larger"),
    ("networking: {dnsDomain: Cluster_Local}", "networking.dnsDomain: \"Cluster_Local\" contains 'C'"),
    ("controlPlaneEndpoint: \"lb.example.com:99999\"", "controlPlaneEndpoint: \"99999\" is not a port"),
    ("controlPlaneEndpoint: \"https://lb:6443\"", "controlPlaneEndpoint: \"https://lb:6443\" has the scheme"),
    ("certificatesDir: pki", "certificatesDir: \"pki\" is not an absolute path"),
    ("imageRepository: \"https://r.io\"", "imageRepository: \"https://r.io\" contains a scheme"),
    ("dns: {imageRepository: R/K}", "dns.imageRepository: \"R/K\" is not a registry and path"),
    ("dns: {imageTag: \"a b\"}", "dns.imageTag: \"a b\" is not an image tag"),
    ("featureGates: {NodeLocalCRISockets: true}", "featureGates.NodeLocalCRISockets: \"NodeLocalCRISockets\" is not"),
    ("featureGates: {IPv6DualStack: true}", "featureGates.IPv6DualStack: \"IPv6DualStack\" is not a feature gate"),
    ("encryptionAlgorithm: RSA-512", "encryptionAlgorithm: \"RSA-512\" is not an allowed value"),
    ("certificateValidityPeriod: 1y", "certificateValidityPeriod: \"1y\" is not a duration"),
    ("certificateValidityPeriod: 0s", "certificateValidityPeriod: must be longer than zero"),
    ("caCertificateValidityPeriod: -1h", "caCertificateValidityPeriod: -1h is negative"),
    ("apiServer: {certSANs: [ok, \"a b\"]}", "apiServer.certSANs[1]: is neither an IP address nor a DNS name"),
    ("apiServer: {extraArgs: [{value: a}]}", "apiServer.extraArgs[0]: the argument name is missing"),
    ("apiServer: {extraArgs: [{name: --v, value: a}]}", "apiServer.extraArgs[0].name: \"--v\" starts with a dash"),
    ("scheduler: {extraEnvs: [{value: a}]}", "scheduler.extraEnvs[0]: the variable name is missing"),
    ("scheduler: {extraEnvs: [{name: a=b}]}", "scheduler.extraEnvs[0].name: \"a=b\" contains '='"),
    (
        "scheduler: {extraEnvs: [{name: a, value: b, valueFrom: {}}]}",
        "scheduler.extraEnvs[0].valueFrom: value and valueFrom are mutually exclusive",
    ),
    (
        "scheduler: {extraVolumes: [{name: a, hostPath: b, mountPath: /c}]}",
        "scheduler.extraVolumes[0].hostPath: \"b\" is not an absolute path",
    ),
    ("scheduler: {extraVolumes: [{name: a, hostPath: /b}]}", "scheduler.extraVolumes[0]: mountPath is missing"),
    (
        "scheduler: {extraVolumes: [{name: A_b, hostPath: /b, mountPath: /c, pathType: file}]}",
        "scheduler.extraVolumes[0].name: \"A_b\" contains 'A'",
    ),
    (
        "scheduler: {extraVolumes: [{name: a, hostPath: /b, mountPath: /c, pathType: file}]}",
        "scheduler.extraVolumes[0].pathType: \"file\" is not an allowed value | did you mean 'File'?",
    ),
    (
        "scheduler: {extraVolumes: [{name: a, hostPath: /b, mountPath: /c}, {name: a, hostPath: /b, mountPath: /c}]}",
        "scheduler.extraVolumes[1].name: duplicate volume name \"a\"",
    ),
    (
        "etcd: {local: {}, external: {endpoints: [\"https://a:1\"]}}",
        "etcd.external: etcd.local and etcd.external are mutually exclusive",
    ),
    ("etcd: {local: {dataDir: data}}", "etcd.local.dataDir: \"data\" is not an absolute path"),
    ("etcd: {local: {serverCertSANs: [_]}}", "etcd.local.serverCertSANs[0]: is neither"),
    ("etcd: {external: {}}", "etcd.external.endpoints: an external etcd requires at least one endpoint"),
    (
        "etcd: {external: {endpoints: [\"10.0.0.1:2379\"]}}",
        "etcd.external.endpoints[0]: \"10.0.0.1:2379\" is not a URL",
    ),
    (
        "etcd: {external: {endpoints: [\"http://a:1\"], caFile: /a}}",
        "etcd.external.endpoints[0]: must start with https://",
    ),
    (
        "etcd: {external: {endpoints: [\"https://a:1\"], caFile: a}}",
        "etcd.external.caFile: \"a\" is not an absolute path",
    ),
    (
        "etcd: {external: {endpoints: [\"https://a:1\"], certFile: /a}}",
        "etcd.external.certFile: keyFile is required with certFile",
    ),
    (
        "etcd: {external: {endpoints: [\"https://a:1\"], keyFile: /a}}",
        "etcd.external.keyFile: certFile is required with keyFile",
    ),
    (
        "etcd: {external: {endpoints: [\"https://a:1\"], certFile: /a, keyFile: /b}}",
        "etcd.external: caFile is required with certFile and keyFile",
    ),
];

/// Bodies of a v1beta4 `InitConfiguration`.
const INIT: &[(&str, &str)] = &[
    (
        "localAPIEndpoint: {advertiseAddress: 300.1.2.3}",
        "localAPIEndpoint.advertiseAddress: \"300.1.2.3\" is not an IP",
    ),
    (
        "localAPIEndpoint: {advertiseAddress: 169.254.0.1}",
        "localAPIEndpoint.advertiseAddress: 169.254.0.1 is a link-local",
    ),
    ("localAPIEndpoint: {bindPort: 70000}", "localAPIEndpoint.bindPort: \"70000\" is not a port"),
    ("localAPIEndpoint: {bindPort: -1}", "localAPIEndpoint.bindPort: \"-1\" is not a port"),
    ("nodeRegistration: {name: CP_1}", "nodeRegistration.name: invalid node name: \"CP_1\" contains '_'"),
    ("nodeRegistration: {criSocket: \"tcp://a\"}", "nodeRegistration.criSocket: the scheme 'tcp' is not supported"),
    (
        "nodeRegistration: {imagePullPolicy: always}",
        "nodeRegistration.imagePullPolicy: \"always\" is not an allowed value",
    ),
    ("nodeRegistration: {taints: [{effect: NoSchedule}]}", "nodeRegistration.taints[0]: the taint key is missing"),
    ("nodeRegistration: {taints: [{key: a}]}", "nodeRegistration.taints[0]: the taint effect is missing"),
    ("nodeRegistration: {taints: [{key: a, effect: noschedule}]}", "nodeRegistration.taints[0].effect: \"noschedule\""),
    (
        "nodeRegistration: {taints: [{key: a/b/c, effect: NoSchedule}]}",
        "nodeRegistration.taints[0].key: \"a/b/c\" is not",
    ),
    (
        "nodeRegistration: {taints: [{key: a, value: \"-\", effect: NoSchedule}]}",
        "nodeRegistration.taints[0].value: \"-\"",
    ),
    (
        "nodeRegistration: {ignorePreflightErrors: [all, Swap]}",
        "nodeRegistration.ignorePreflightErrors[0]: 'all' cannot be combined",
    ),
    ("certificateKey: abc", "certificateKey: a certificate key has 64 hexadecimal digits; this has 3"),
    ("bootstrapTokens: [{token: NOT.A-TOKEN}]", "bootstrapTokens[0].token: a bootstrap token has only"),
    ("bootstrapTokens: [{ttl: 1d}]", "bootstrapTokens[0].ttl: \"1d\" is not a duration | write hours"),
    ("bootstrapTokens: [{usages: [login]}]", "bootstrapTokens[0].usages[0]: \"login\" is not a token usage"),
    (
        "bootstrapTokens: [{groups: [system:masters]}]",
        "bootstrapTokens[0].groups[0]: \"system:masters\" is not a valid token group",
    ),
    (
        "bootstrapTokens: [{usages: [signing], groups: [\"system:bootstrappers:a\"]}]",
        "bootstrapTokens[0].groups: groups require the usage 'authentication'",
    ),
    (
        "bootstrapTokens: [{ttl: 1h, expires: 2040-01-01T00:00:00Z}]",
        "bootstrapTokens[0].expires: ttl and expires are mutually exclusive",
    ),
    ("bootstrapTokens: [{expires: tomorrow}]", "bootstrapTokens[0].expires: \"tomorrow\" is not a time"),
    (
        "bootstrapTokens: [{token: abcdef.0123456789abcdef}, {token: abcdef.1123456789abcdef}]",
        "bootstrapTokens[1].token: the token ID is already used by bootstrapTokens[0]",
    ),
    ("timeouts: {discovery: 0s}", "timeouts.discovery: must be longer than zero"),
    ("timeouts: {etcdAPICall: soon}", "timeouts.etcdAPICall: \"soon\" is not a duration"),
];

#[test]
fn every_invalid_value_is_refused_with_its_field() {
    let clusters = CLUSTER.iter().map(|(body, expected)| (cluster("v1beta4", "v1.36.2", body), *expected));
    let inits = INIT.iter().map(|(body, expected)| (init(body), *expected));
    for (text, expected) in clusters.chain(inits) {
        let found = problems(try_init(&text));
        assert!(found.first().is_some_and(|p| p.starts_with(expected)), "{text}expected {expected}\nfound {found:?}");
    }
}

#[test]
fn most_errors_say_how_to_fix_them() {
    let clusters = CLUSTER.iter().map(|(body, _)| cluster("v1beta4", "v1.36.2", body));
    let found: Vec<String> =
        clusters.chain(INIT.iter().map(|(body, _)| init(body))).flat_map(|text| problems(try_init(&text))).collect();
    let bare = found.iter().filter(|p| !p.contains(" | ")).count();
    assert!(bare * 3 < found.len(), "{bare} of {} have no help: {found:#?}", found.len());
}

#[test]
fn unsupported_versions_are_refused_with_the_supported_ones() {
    for version in ["v1.10.0", "v1.99.0"] {
        let found = problems(try_init(&cluster("v1beta4", version, "")));
        assert!(found[0].starts_with(&format!("kubernetesVersion: {version} is not supported")), "{found:?}");
        assert!(found[0].contains(&crate::versions::window()));
    }
    let found = problems(try_init(&cluster("v1beta4", "banana", "")));
    assert!(found[0].starts_with("kubernetesVersion: \"banana\" is not a Kubernetes version"), "{found:?}");
}

#[test]
fn dual_stack_needs_its_feature_gate_only_in_the_oldest_minor_versions() {
    let nets =
        "networking: {podSubnet: \"10.244.0.0/16,fd00:10:244::/56\", serviceSubnet: \"10.96.0.0/16,fd00:1::/112\"}";
    let found = problems(try_init(&cluster("v1beta2", "v1.20.2", nets)));
    assert_eq!(found.len(), 2);
    assert!(found[0].contains("IPv6DualStack"), "{found:?}");
    let gate = format!("{nets}\nfeatureGates: {{IPv6DualStack: true}}");
    assert!(try_init(&cluster("v1beta2", "v1.20.2", &gate)).is_ok());
    for minor in 21..=crate::versions::newest() {
        assert!(try_init(&cluster("v1beta3", &format!("v1.{minor}.0"), nets)).is_ok(), "v1.{minor}");
    }
}

#[test]
fn invalid_fields_and_invalid_values_are_reported_together_in_order() {
    let text =
        cluster("v1beta4", "v1.36.2", "clusterNaem: a\nnetworking: {podSubnet: x}\ncertificatesDir: pki\ndns: 5");
    let fields: Vec<String> =
        problems(try_init(&text)).iter().map(|p| p.split(':').next().unwrap().to_owned()).collect();
    assert_eq!(fields, ["clusterNaem", "networking.podSubnet", "certificatesDir", "dns"]);
}

#[test]
fn a_file_must_contain_what_init_reads() {
    let kubelet = "apiVersion: kubelet.config.k8s.io/v1beta1\nkind: KubeletConfiguration\nmaxPods: 5\n";
    let found = problems(try_init(kubelet));
    assert_eq!(
        found,
        [
            ": InitConfiguration and ClusterConfiguration are missing; the file only contains KubeletConfiguration | add a document with \
          'kind: ClusterConfiguration'"
        ]
    );
    assert!(parse("c.yaml", kubelet.as_bytes()).unwrap().validate(&facts()).is_ok());
    for empty in ["", "---\n", "# nothing\n", "~\n"] {
        let errors = parse("c.yaml", empty.as_bytes()).unwrap_err();
        assert_eq!(errors.to_string(), "c.yaml:1:1: the file contains no documents");
        assert!(errors.hint().unwrap().contains("config print init-defaults"));
    }
    let errors = parse("c.yaml", b"apiVersion: [\n").unwrap_err();
    assert!(errors.to_string().starts_with("c.yaml:1:13: apiVersion: invalid YAML"), "{errors}");
}

#[test]
fn a_document_of_a_misspelled_kind_is_not_also_reported_as_missing() {
    let kubelet = "apiVersion: kubelet.config.k8s.io/v1beta1\nkind: KubeletConfiguration\n";
    let text = format!("{kubelet}---\n{}", cluster("v1beta4", "v1.36.2", "").replace("Configuration", "Config"));
    let found = problems(try_init(&text));
    assert_eq!(found.len(), 1, "{found:?}");
    assert!(found[0].starts_with("kind: \"ClusterConfig\" is not a supported kind"), "{found:?}");
}

#[test]
fn kube_dns_is_not_supported_any_more() {
    let found = problems(try_init(&cluster("v1beta1", "v1.20.2", "dns: {type: kube-dns}")));
    assert!(found[0].starts_with("dns.type: \"kube-dns\" is not a supported DNS server"), "{found:?}");
}

#[test]
fn secrets_are_not_part_of_messages() {
    let text = init("certificateKey: s3cr3tkey\nbootstrapTokens: [{token: s3cr3t.token}]");
    let errors = try_init(&text).unwrap_err();
    assert!(!errors.to_string().contains("s3cr3t") && !format!("{errors:?}").contains("s3cr3t"), "{errors:?}");
    let good = init_config(&init("bootstrapTokens: [{token: abcdef.0123456789abcdef}]"));
    assert!(!format!("{good:?}").contains("0123456789abcdef"));
}

proptest::proptest! {
    #[test]
    fn no_bytes_make_reading_panic(bytes in proptest::collection::vec(proptest::num::u8::ANY, 0..120)) {
        if let Ok(documents) = parse("c.yaml", &bytes) {
            let _ = documents.validate(&facts());
        }
    }

    #[test]
    fn no_value_makes_resolving_panic(
        field in proptest::sample::select(vec![
            "networking: {podSubnet: ", "networking: {serviceSubnet: ", "apiServer: {certSANs: ", "etcd: {external: ",
            "controlPlaneEndpoint: {", "kubernetesVersion: {", "featureGates: {", "controllerManager: {extraArgs: ",
        ]),
        value in "[-0-9a-z:/.,\\[\\]{}\"' ]{0,24}",
    ) {
        let field = field.strip_suffix(": {").map_or(field.to_owned(), |name| format!("{name}: "));
        let close = if field.contains('{') { "}" } else { "" };
        let _ = try_init(&cluster("v1beta4", "v1.36.2", &format!("{field}{value}{close}")));
    }
}
