//! The flags of `init`, `join`, `reset` and `upgrade` that correspond to fields of a configuration file.
//!
//! Plain text as typed: `resolve` validates it by the same rules as fields. An item of a list may contain several
//! values, separated by commas.

use crate::base::secret::Secret;

/// Flags of `init`.
#[derive(Clone, Debug, Default)]
pub struct InitFlags {
    pub apiserver_advertise_address: Option<String>,
    pub apiserver_bind_port: Option<String>,
    pub apiserver_cert_extra_sans: Vec<String>,
    pub cert_dir: Option<String>,
    pub certificate_key: Option<Secret<String>>,
    pub control_plane_endpoint: Option<String>,
    pub cri_socket: Option<String>,
    pub dry_run: bool,
    pub feature_gates: Option<String>,
    pub ignore_preflight_errors: Vec<String>,
    pub image_repository: Option<String>,
    pub kubernetes_version: Option<String>,
    pub node_name: Option<String>,
    pub patches: Option<String>,
    pub pod_network_cidr: Option<String>,
    pub service_cidr: Option<String>,
    pub service_dns_domain: Option<String>,
    pub skip_phases: Vec<String>,
    pub token: Option<Secret<String>>,
    pub token_ttl: Option<String>,
}

/// Flags and arguments of `join`.
#[derive(Clone, Debug, Default)]
pub struct JoinFlags {
    /// The arguments: `HOST:PORT` of API servers.
    pub endpoints: Vec<String>,
    pub apiserver_advertise_address: Option<String>,
    pub apiserver_bind_port: Option<String>,
    pub certificate_key: Option<Secret<String>>,
    pub control_plane: bool,
    pub cri_socket: Option<String>,
    pub discovery_file: Option<String>,
    pub discovery_token: Option<Secret<String>>,
    pub discovery_token_ca_cert_hash: Vec<String>,
    pub discovery_token_unsafe_skip_ca_verification: bool,
    pub dry_run: bool,
    pub ignore_preflight_errors: Vec<String>,
    pub node_name: Option<String>,
    pub patches: Option<String>,
    pub skip_phases: Vec<String>,
    pub tls_bootstrap_token: Option<Secret<String>>,
    /// Replaces the other two tokens.
    pub token: Option<Secret<String>>,
}

/// Flags of `reset`.
#[derive(Clone, Debug, Default)]
pub struct ResetFlags {
    pub cert_dir: Option<String>,
    pub cleanup_tmp_dir: bool,
    pub cri_socket: Option<String>,
    pub dry_run: bool,
    pub force: bool,
    pub ignore_preflight_errors: Vec<String>,
    pub skip_phases: Vec<String>,
}

/// Flags of `upgrade apply`, `diff`, `node` and `plan`. A flag that a command does not have stays unset.
#[derive(Clone, Debug, Default)]
pub struct UpgradeFlags {
    /// The argument: the target version.
    pub version: Option<String>,
    pub allow_experimental_upgrades: Option<bool>,
    pub allow_release_candidate_upgrades: Option<bool>,
    pub certificate_renewal: Option<bool>,
    pub context_lines: Option<String>,
    pub dry_run: Option<bool>,
    pub etcd_upgrade: Option<bool>,
    pub force: Option<bool>,
    pub ignore_preflight_errors: Vec<String>,
    pub patches: Option<String>,
    pub print_config: Option<bool>,
    pub skip_phases: Vec<String>,
}
