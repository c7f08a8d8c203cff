//! How files and flags are resolved for `join`.

use super::*;
use crate::base::secret::Secret;
use crate::config::Documents;
use crate::config::model::DiscoverySource;
use std::time::Duration;

const TOKEN: &str = "abcdef.0123456789abcdef";

fn pin() -> String {
    format!("sha256:{}", "ab".repeat(32))
}

fn join(discovery: &str) -> String {
    format!("apiVersion: kubeadm.k8s.io/v1beta4\nkind: JoinConfiguration\ndiscovery:\n{discovery}\n")
}

fn secret(text: &str) -> Secret<String> {
    Secret::new(text.to_owned())
}

fn by_flags(flags: &JoinFlags) -> Result<Resolved<JoinConfig>, ConfigErrors> {
    Documents::none().join(flags, &facts())
}

#[test]
fn the_printed_join_command_is_understood() {
    let flags = JoinFlags {
        endpoints: vec!["10.0.0.1:6443".into()],
        token: Some(secret(TOKEN)),
        discovery_token_ca_cert_hash: vec![pin()],
        ..JoinFlags::default()
    };
    let config = by_flags(&flags).unwrap().config;
    let DiscoverySource::Token { endpoints, token, ca_cert_hashes, unsafe_skip_ca_verification } =
        config.discovery.source
    else {
        panic!("by token")
    };
    assert_eq!((endpoints, token.expose().as_str()), (vec!["10.0.0.1:6443".to_owned()], TOKEN));
    assert_eq!((ca_cert_hashes, unsafe_skip_ca_verification), (vec![pin()], false));
    assert_eq!(config.discovery.tls_bootstrap_token.unwrap().expose(), TOKEN);
    assert!(config.control_plane.is_none());
    assert_eq!((config.node.name.as_str(), config.node.taints), ("host-1", None));

    let control_plane =
        JoinFlags { control_plane: true, certificate_key: Some(secret(&"ab".repeat(32))), ..flags.clone() };
    let config = by_flags(&control_plane).unwrap().config;
    assert!(config.control_plane.unwrap().certificate_key.is_some());
    let worker = JoinFlags { control_plane: false, ..control_plane };
    assert_eq!(texts(&by_flags(&worker).unwrap().warnings), ["--certificate-key: has no effect on a worker"]);
}

#[test]
fn the_tokens_for_discovery_and_for_the_kubelet_may_differ() {
    let flags = JoinFlags {
        endpoints: vec!["lb:6443".into()],
        discovery_token: Some(secret("aaaaaa.0123456789abcdef")),
        token: Some(secret(TOKEN)),
        discovery_token_unsafe_skip_ca_verification: true,
        ..JoinFlags::default()
    };
    let discovery = by_flags(&flags).unwrap().config.discovery;
    let DiscoverySource::Token { token, unsafe_skip_ca_verification, .. } = discovery.source else {
        panic!("by token")
    };
    assert_eq!(token.expose(), "aaaaaa.0123456789abcdef");
    assert!(unsafe_skip_ca_verification);
    assert_eq!(discovery.tls_bootstrap_token.unwrap().expose(), TOKEN);
}

#[test]
fn a_discovery_file_does_not_need_a_token() {
    let config = try_join(&join("  file: {kubeConfigPath: \"file:///etc/a.conf\"}")).unwrap().config;
    assert!(matches!(config.discovery.source, DiscoverySource::File { location } if location == "/etc/a.conf"));
    assert!(config.discovery.tls_bootstrap_token.is_none());
}

#[test]
fn older_versions_have_the_timeout_in_discovery() {
    let text = join("  timeout: 4m0s\n  file: {kubeConfigPath: /a}").replace("v1beta4", "v1beta3");
    let resolved = try_join(&text).unwrap();
    assert_eq!(resolved.config.node.timeouts.discovery, Duration::from_mins(4));
}

#[test]
fn an_empty_map_makes_a_control_plane_and_null_does_not() {
    let file = "  file: {kubeConfigPath: /a}\n";
    assert!(try_join(&join(&format!("{file}controlPlane: {{}}"))).unwrap().config.control_plane.is_some());
    assert!(try_join(&join(&format!("{file}controlPlane:"))).unwrap().config.control_plane.is_none());
}

#[test]
fn trust_is_never_skipped_by_accident() {
    let token = format!("  bootstrapToken:\n    token: {TOKEN}\n    apiServerEndpoint: 10.0.0.1:6443\n");
    let found = problems(try_join(&join(&token)));
    assert_eq!(found.len(), 1);
    assert!(found[0].starts_with("discovery.bootstrapToken.caCertHashes: without a CA certificate hash"), "{found:?}");
    assert!(try_join(&join(&format!("{token}    unsafeSkipCAVerification: true"))).is_ok());
    let flags = JoinFlags { endpoints: vec!["lb:6443".into()], token: Some(secret(TOKEN)), ..JoinFlags::default() };
    assert!(problems(by_flags(&flags))[0].starts_with("--discovery-token-ca-cert-hash: without a CA certificate hash"));
}

#[test]
fn missing_and_conflicting_discovery_fields_are_named() {
    let full =
        format!("  bootstrapToken: {{token: {TOKEN}, apiServerEndpoint: \"lb:1\", caCertHashes: [\"{}\"]}}\n", pin());
    let cases = [
        (String::from("  {}"), "discovery: the discovery method is missing"),
        (
            format!("{full}  file: {{kubeConfigPath: /a}}"),
            "discovery: discovery by token and discovery by file are mutually exclusive",
        ),
        (full.replace("apiServerEndpoint: \"lb:1\", ", ""), "discovery.bootstrapToken: apiServerEndpoint is missing"),
        (full.replace("lb:1", "lb"), "discovery.bootstrapToken.apiServerEndpoint: \"lb\" has no port"),
        (full.replace(&format!("token: {TOKEN}, "), ""), "discovery.bootstrapToken: the discovery token is missing"),
        (
            full.replace("sha256", "md5"),
            "discovery.bootstrapToken.caCertHashes[0]: not a CA certificate hash: only sha256",
        ),
        (full.replace(TOKEN, "ABCDEF.0123456789abcdef"), "discovery.bootstrapToken.token: a bootstrap token has only"),
        (format!("{full}  tlsBootstrapToken: x"), "discovery.tlsBootstrapToken: a bootstrap token has a dot"),
        (String::from("  file: {}"), "discovery.file: kubeConfigPath is missing"),
        (String::from("  file: {kubeConfigPath: \"http://a/b\"}"), "discovery.file.kubeConfigPath: a discovery file"),
        (format!("{full}caCertPath: ca.crt"), "caCertPath: \"ca.crt\" is not an absolute path"),
        (
            format!("{full}controlPlane: {{certificateKey: xy}}"),
            "controlPlane.certificateKey: a certificate key has only",
        ),
        (
            format!("{full}controlPlane: {{localAPIEndpoint: {{advertiseAddress: 224.0.0.1, bindPort: 70000}}}}"),
            "controlPlane.localAPIEndpoint.advertiseAddress: 224.0.0.1 is a multicast address",
        ),
    ];
    for (discovery, expected) in cases {
        let found = problems(try_join(&join(&discovery)));
        assert!(found.iter().any(|p| p.starts_with(expected)), "{expected}: {found:?}");
    }
    let found = problems(by_flags(&JoinFlags::default()));
    assert!(found[0].starts_with("HOST:PORT: the discovery method is missing"), "{found:?}");
    let found = problems(try_join(&init("")));
    assert_eq!(found, [": JoinConfiguration is missing | add 'kind: JoinConfiguration'"]);
}

#[test]
fn discovery_flags_are_refused_with_a_file() {
    let documents = parse("c.yaml", join("  file: {kubeConfigPath: /a}").as_bytes()).unwrap();
    let flags = JoinFlags {
        control_plane: true,
        token: Some(secret(TOKEN)),
        node_name: Some("w".into()),
        ..JoinFlags::default()
    };
    assert_eq!(
        problems(documents.join(&flags, &facts())),
        [
            "--control-plane: cannot be combined with --config | set controlPlane (an empty map, {}, is enough) in the \
             file",
            "--token: cannot be combined with --config | set discovery.bootstrapToken.token in the file",
        ]
    );
}
