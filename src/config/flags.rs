//! The flags of `init`, `join`, `reset` and `upgrade` that say what a config file could say too.
//!
//! Plain text, as typed: `resolve` judges it by the same rules as fields. Lists are as typed too; an item may hold
//! several, separated by commas.

use crate::base::secret::Secret;

/// Flags of `init`.
#[derive(Clone, Debug, Default)]
pub struct InitFlags {
    /// `--apiserver-advertise-address`
    pub apiserver_advertise_address: Option<String>,
    /// `--apiserver-bind-port`
    pub apiserver_bind_port: Option<String>,
    /// `--apiserver-cert-extra-sans`
    pub apiserver_cert_extra_sans: Vec<String>,
    /// `--cert-dir`
    pub cert_dir: Option<String>,
    /// `--certificate-key`
    pub certificate_key: Option<Secret<String>>,
    /// `--control-plane-endpoint`
    pub control_plane_endpoint: Option<String>,
    /// `--cri-socket`
    pub cri_socket: Option<String>,
    /// `--dry-run`
    pub dry_run: bool,
    /// `--feature-gates`
    pub feature_gates: Option<String>,
    /// `--ignore-preflight-errors`
    pub ignore_preflight_errors: Vec<String>,
    /// `--image-repository`
    pub image_repository: Option<String>,
    /// `--kubernetes-version`
    pub kubernetes_version: Option<String>,
    /// `--node-name`
    pub node_name: Option<String>,
    /// `--patches`
    pub patches: Option<String>,
    /// `--pod-network-cidr`
    pub pod_network_cidr: Option<String>,
    /// `--service-cidr`
    pub service_cidr: Option<String>,
    /// `--service-dns-domain`
    pub service_dns_domain: Option<String>,
    /// `--skip-phases`
    pub skip_phases: Vec<String>,
    /// `--token`
    pub token: Option<Secret<String>>,
    /// `--token-ttl`
    pub token_ttl: Option<String>,
}

/// Flags and arguments of `join`.
#[derive(Clone, Debug, Default)]
pub struct JoinFlags {
    /// The arguments: `HOST:PORT` of API servers.
    pub endpoints: Vec<String>,
    /// `--apiserver-advertise-address`
    pub apiserver_advertise_address: Option<String>,
    /// `--apiserver-bind-port`
    pub apiserver_bind_port: Option<String>,
    /// `--certificate-key`
    pub certificate_key: Option<Secret<String>>,
    /// `--control-plane`
    pub control_plane: bool,
    /// `--cri-socket`
    pub cri_socket: Option<String>,
    /// `--discovery-file`
    pub discovery_file: Option<String>,
    /// `--discovery-token`
    pub discovery_token: Option<Secret<String>>,
    /// `--discovery-token-ca-cert-hash`
    pub discovery_token_ca_cert_hash: Vec<String>,
    /// `--discovery-token-unsafe-skip-ca-verification`
    pub discovery_token_unsafe_skip_ca_verification: bool,
    /// `--dry-run`
    pub dry_run: bool,
    /// `--ignore-preflight-errors`
    pub ignore_preflight_errors: Vec<String>,
    /// `--node-name`
    pub node_name: Option<String>,
    /// `--patches`
    pub patches: Option<String>,
    /// `--skip-phases`
    pub skip_phases: Vec<String>,
    /// `--tls-bootstrap-token`
    pub tls_bootstrap_token: Option<Secret<String>>,
    /// `--token`: stands in for the other two tokens.
    pub token: Option<Secret<String>>,
}

/// Flags of `reset`.
#[derive(Clone, Debug, Default)]
pub struct ResetFlags {
    /// `--cert-dir`
    pub cert_dir: Option<String>,
    /// `--cleanup-tmp-dir`
    pub cleanup_tmp_dir: bool,
    /// `--cri-socket`
    pub cri_socket: Option<String>,
    /// `--dry-run`
    pub dry_run: bool,
    /// `--force`
    pub force: bool,
    /// `--ignore-preflight-errors`
    pub ignore_preflight_errors: Vec<String>,
    /// `--skip-phases`
    pub skip_phases: Vec<String>,
}

/// Flags of `upgrade apply`, `diff`, `node` and `plan`. A flag that a command lacks stays unset.
#[derive(Clone, Debug, Default)]
pub struct UpgradeFlags {
    /// The argument: the version to go to.
    pub version: Option<String>,
    /// `--allow-experimental-upgrades`
    pub allow_experimental_upgrades: Option<bool>,
    /// `--allow-release-candidate-upgrades`
    pub allow_release_candidate_upgrades: Option<bool>,
    /// `--certificate-renewal`
    pub certificate_renewal: Option<bool>,
    /// `--context-lines`
    pub context_lines: Option<String>,
    /// `--dry-run`
    pub dry_run: Option<bool>,
    /// `--etcd-upgrade`
    pub etcd_upgrade: Option<bool>,
    /// `--force`
    pub force: Option<bool>,
    /// `--ignore-preflight-errors`
    pub ignore_preflight_errors: Vec<String>,
    /// `--patches`
    pub patches: Option<String>,
    /// `--print-config`
    pub print_config: Option<bool>,
    /// `--skip-phases`
    pub skip_phases: Vec<String>,
}
