//! Flags that conflict with `--config`.
//!
//! A file and a flag for the same setting could disagree, so flags with a corresponding field are refused, as in
//! kubeadm. Flags of a single host or run (`--node-name`, `--cri-socket`, `--patches`, `--skip-phases`,
//! `--ignore-preflight-errors`, `--dry-run`, `--upload-certs`, …) are allowed and take precedence.

use crate::config::flags::{InitFlags, JoinFlags, ResetFlags, UpgradeFlags};
use crate::config::problem::{Complaint, Place, Report};

/// A flag, whether it is set, and the field that replaces it.
type Row = (&'static str, bool, &'static str);

/// Reports every flag that is set and has a corresponding field.
pub(super) fn refuse(rows: &[Row], report: &mut Report) {
    for (flag, _, field) in rows.iter().filter(|(_, set, _)| *set) {
        let complaint = Complaint::with_help("cannot be combined with --config", format!("set {field} in the file"));
        report.problem(Place::Flag(flag), complaint);
    }
}

/// The flags of `init` with a corresponding field.
pub(super) fn init(flags: &InitFlags) -> Vec<Row> {
    vec![
        (
            "--apiserver-advertise-address",
            flags.apiserver_advertise_address.is_some(),
            "localAPIEndpoint.advertiseAddress of InitConfiguration",
        ),
        (
            "--apiserver-bind-port",
            flags.apiserver_bind_port.is_some(),
            "localAPIEndpoint.bindPort of InitConfiguration",
        ),
        (
            "--apiserver-cert-extra-sans",
            !flags.apiserver_cert_extra_sans.is_empty(),
            "apiServer.certSANs of ClusterConfiguration",
        ),
        ("--cert-dir", flags.cert_dir.is_some(), "certificatesDir of ClusterConfiguration"),
        ("--certificate-key", flags.certificate_key.is_some(), "certificateKey of InitConfiguration"),
        (
            "--control-plane-endpoint",
            flags.control_plane_endpoint.is_some(),
            "controlPlaneEndpoint of ClusterConfiguration",
        ),
        ("--feature-gates", !flags.feature_gates.is_empty(), "featureGates of ClusterConfiguration"),
        ("--image-repository", flags.image_repository.is_some(), "imageRepository of ClusterConfiguration"),
        ("--kubernetes-version", flags.kubernetes_version.is_some(), "kubernetesVersion of ClusterConfiguration"),
        ("--pod-network-cidr", flags.pod_network_cidr.is_some(), "networking.podSubnet of ClusterConfiguration"),
        ("--service-cidr", flags.service_cidr.is_some(), "networking.serviceSubnet of ClusterConfiguration"),
        ("--service-dns-domain", flags.service_dns_domain.is_some(), "networking.dnsDomain of ClusterConfiguration"),
        ("--token", flags.token.is_some(), "bootstrapTokens[].token of InitConfiguration"),
        ("--token-ttl", flags.token_ttl.is_some(), "bootstrapTokens[].ttl of InitConfiguration"),
    ]
}

/// The flags of `join` with a corresponding field.
pub(super) fn join(flags: &JoinFlags) -> Vec<Row> {
    vec![
        ("HOST:PORT", !flags.endpoints.is_empty(), "discovery.bootstrapToken.apiServerEndpoint"),
        (
            "--apiserver-advertise-address",
            flags.apiserver_advertise_address.is_some(),
            "controlPlane.localAPIEndpoint.advertiseAddress",
        ),
        ("--apiserver-bind-port", flags.apiserver_bind_port.is_some(), "controlPlane.localAPIEndpoint.bindPort"),
        ("--certificate-key", flags.certificate_key.is_some(), "controlPlane.certificateKey"),
        ("--control-plane", flags.control_plane, "controlPlane (an empty map, {}, is enough)"),
        ("--discovery-file", flags.discovery_file.is_some(), "discovery.file.kubeConfigPath"),
        ("--discovery-token", flags.discovery_token.is_some(), "discovery.bootstrapToken.token"),
        (
            "--discovery-token-ca-cert-hash",
            !flags.discovery_token_ca_cert_hash.is_empty(),
            "discovery.bootstrapToken.caCertHashes",
        ),
        (
            "--discovery-token-unsafe-skip-ca-verification",
            flags.discovery_token_unsafe_skip_ca_verification,
            "discovery.bootstrapToken.unsafeSkipCAVerification",
        ),
        ("--tls-bootstrap-token", flags.tls_bootstrap_token.is_some(), "discovery.tlsBootstrapToken"),
        ("--token", flags.token.is_some(), "discovery.bootstrapToken.token"),
    ]
}

/// The flags of `reset` with a corresponding field that are not specific to one run.
pub(super) fn reset(flags: &ResetFlags) -> Vec<Row> {
    vec![
        ("--cert-dir", flags.cert_dir.is_some(), "certificatesDir"),
        ("--cleanup-tmp-dir", flags.cleanup_tmp_dir, "cleanupTmpDir"),
        ("--force", flags.force, "force"),
    ]
}

/// The flags of `upgrade` with a corresponding field that are not specific to one run.
pub(super) fn upgrade(flags: &UpgradeFlags) -> Vec<Row> {
    vec![
        ("--allow-experimental-upgrades", flags.allow_experimental_upgrades.is_some(), "allowExperimentalUpgrades"),
        ("--allow-release-candidate-upgrades", flags.allow_release_candidate_upgrades.is_some(), "allowRCUpgrades"),
        ("--certificate-renewal", flags.certificate_renewal.is_some(), "certificateRenewal"),
        ("--context-lines", flags.context_lines.is_some(), "contextLines"),
        ("--etcd-upgrade", flags.etcd_upgrade.is_some(), "etcdUpgrade"),
        ("--force", flags.force.is_some(), "forceUpgrade"),
        ("--print-config", flags.print_config.is_some(), "printConfig"),
    ]
}
