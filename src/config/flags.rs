//! The flags of `init`, `join`, `reset` and `upgrade` that correspond to fields of a configuration file.
//!
//! Each is declared here once: the command line is parsed into these structs, and their comments are the help. Values
//! are plain text as typed: `resolve` validates them by the same rules as fields, so that every error is reported at
//! once and in one format. An item of a list may contain several values, separated by commas.

use super::pod_network::PodNetwork;
use crate::base::secret::Secret;
use clap::Args;

/// A flag, whether it is set, and the field that replaces it.
pub type FieldFlag = (&'static str, bool, &'static str);

/// Flags of `init`.
#[derive(Clone, Debug, Default, Args)]
pub struct InitFlags {
    /// Kubernetes version of the control plane [default: the version of the installed kubelet]
    #[arg(long, value_name = "VERSION")]
    pub kubernetes_version: Option<String>,
    /// IP address on which the API server advertises itself [default: the address of the default route]
    #[arg(long, value_name = "IP")]
    pub apiserver_advertise_address: Option<String>,
    /// Port of the API server [default: 6443]
    #[arg(long, value_name = "PORT")]
    pub apiserver_bind_port: Option<String>,
    /// Extra Subject Alternative Names (SANs) for the API server certificate
    #[arg(long, value_name = "NAME", value_delimiter = ',')]
    pub apiserver_cert_extra_sans: Vec<String>,
    /// Directory for certificates and keys [default: /etc/kubernetes/pki]
    #[arg(long, value_name = "DIR")]
    pub cert_dir: Option<String>,
    /// Key used to encrypt the uploaded certificates: 64 hexadecimal digits
    #[arg(long, value_name = "KEY")]
    pub certificate_key: Option<Secret<String>>,
    /// Stable address shared by all control planes: a DNS name or IP address, optionally with a port
    #[arg(long, value_name = "HOST[:PORT]")]
    pub control_plane_endpoint: Option<String>,
    /// Path to the CRI socket [default: detected]
    #[arg(long, value_name = "SOCKET")]
    pub cri_socket: Option<String>,
    /// kubeadm feature gates, as NAME=true|false
    #[arg(long, value_name = "GATES", value_delimiter = ',')]
    pub feature_gates: Vec<String>,
    /// Preflight checks whose errors are reported as warnings; 'all' for every check
    #[arg(long, value_name = "CHECK", value_delimiter = ',')]
    pub ignore_preflight_errors: Vec<String>,
    /// Image registry [default: the one kubeadm uses for this version]
    #[arg(long, value_name = "REGISTRY")]
    pub image_repository: Option<String>,
    /// Name of this node [default: the hostname]
    #[arg(long, value_name = "NAME")]
    pub node_name: Option<String>,
    #[arg(
        long,
        value_name = "DIR",
        alias = "experimental-patches",
        help = "Directory with patch files named TARGET[SUFFIX][+TYPE].EXT"
    )]
    pub patches: Option<String>,
    /// Pod network to install: flannel, or the manifest of another one
    #[arg(long, value_name = "flannel|FILE|URL")]
    pub pod_network: Option<String>,
    /// The network of this flag, after its manifest was read.
    #[arg(skip)]
    pub chosen_network: Option<PodNetwork>,
    /// IP range for Pods; if set, each node gets a CIDR from it
    #[arg(long, value_name = "CIDR")]
    pub pod_network_cidr: Option<String>,
    /// IP range for Services [default: 10.96.0.0/12]
    #[arg(long, value_name = "CIDR")]
    pub service_cidr: Option<String>,
    /// DNS domain for Services [default: cluster.local]
    #[arg(long, value_name = "DOMAIN")]
    pub service_dns_domain: Option<String>,
    /// Phases to skip
    #[arg(long, value_name = "PHASE", value_delimiter = ',')]
    pub skip_phases: Vec<String>,
    /// Bootstrap token for joining nodes [default: generated]
    #[arg(long, value_name = "TOKEN")]
    pub token: Option<Secret<String>>,
    /// Lifetime of the token; 0 means it never expires [default: 24h]
    #[arg(long, value_name = "DURATION")]
    pub token_ttl: Option<String>,
    /// Print the changes without applying them: a summary, then each change in short, or in full with -v
    #[arg(long)]
    pub dry_run: bool,
}

impl InitFlags {
    /// The flags that cannot be combined with `--config`: a field corresponds to them.
    pub(in crate::config) fn with_field(&self) -> Vec<FieldFlag> {
        vec![
            (
                "--apiserver-advertise-address",
                self.apiserver_advertise_address.is_some(),
                "localAPIEndpoint.advertiseAddress of InitConfiguration",
            ),
            (
                "--apiserver-bind-port",
                self.apiserver_bind_port.is_some(),
                "localAPIEndpoint.bindPort of InitConfiguration",
            ),
            (
                "--apiserver-cert-extra-sans",
                !self.apiserver_cert_extra_sans.is_empty(),
                "apiServer.certSANs of ClusterConfiguration",
            ),
            ("--cert-dir", self.cert_dir.is_some(), "certificatesDir of ClusterConfiguration"),
            ("--certificate-key", self.certificate_key.is_some(), "certificateKey of InitConfiguration"),
            (
                "--control-plane-endpoint",
                self.control_plane_endpoint.is_some(),
                "controlPlaneEndpoint of ClusterConfiguration",
            ),
            ("--feature-gates", !self.feature_gates.is_empty(), "featureGates of ClusterConfiguration"),
            ("--image-repository", self.image_repository.is_some(), "imageRepository of ClusterConfiguration"),
            ("--kubernetes-version", self.kubernetes_version.is_some(), "kubernetesVersion of ClusterConfiguration"),
            ("--pod-network-cidr", self.pod_network_cidr.is_some(), "networking.podSubnet of ClusterConfiguration"),
            ("--service-cidr", self.service_cidr.is_some(), "networking.serviceSubnet of ClusterConfiguration"),
            ("--service-dns-domain", self.service_dns_domain.is_some(), "networking.dnsDomain of ClusterConfiguration"),
            ("--token", self.token.is_some(), "bootstrapTokens[].token of InitConfiguration"),
            ("--token-ttl", self.token_ttl.is_some(), "bootstrapTokens[].ttl of InitConfiguration"),
        ]
    }
}

/// Flags and arguments of `join`.
#[derive(Clone, Debug, Default, Args)]
pub struct JoinFlags {
    /// API server of the cluster to join; of several, the first that responds is used
    #[arg(value_name = "HOST:PORT")]
    pub endpoints: Vec<String>,
    /// Token for discovery and TLS bootstrap (visible in the process list; prefer --token-file)
    #[arg(long, value_name = "TOKEN")]
    pub token: Option<Secret<String>>,
    /// Token used only for discovery
    #[arg(long, value_name = "TOKEN")]
    pub discovery_token: Option<Secret<String>>,
    /// Token used only for TLS bootstrap
    #[arg(long, value_name = "TOKEN")]
    pub tls_bootstrap_token: Option<Secret<String>>,
    /// Hash of the cluster CA's public key, as sha256:HEX; may be repeated to accept several CAs
    #[arg(long, value_name = "HASH", value_delimiter = ',')]
    pub discovery_token_ca_cert_hash: Vec<String>,
    /// Skip CA verification: trust any server that knows the token (unsafe)
    #[arg(long)]
    pub discovery_token_unsafe_skip_ca_verification: bool,
    /// kubeconfig with the cluster information: a file or an HTTPS URL
    #[arg(long, value_name = "FILE|URL")]
    pub discovery_file: Option<String>,
    /// Join this host as a control plane
    #[arg(long, alias = "experimental-control-plane")]
    pub control_plane: bool,
    /// Key used to decrypt the certificates uploaded to the cluster
    #[arg(long, value_name = "KEY")]
    pub certificate_key: Option<Secret<String>>,
    /// IP address on which the API server advertises itself [default: the address of the default route]
    #[arg(long, value_name = "IP")]
    pub apiserver_advertise_address: Option<String>,
    /// Port of this host's API server [default: 6443]
    #[arg(long, value_name = "PORT")]
    pub apiserver_bind_port: Option<String>,
    /// Path to the CRI socket [default: detected]
    #[arg(long, value_name = "SOCKET")]
    pub cri_socket: Option<String>,
    /// Preflight checks whose errors are reported as warnings; 'all' for every check
    #[arg(long, value_name = "CHECK", value_delimiter = ',')]
    pub ignore_preflight_errors: Vec<String>,
    /// Name of this node [default: the hostname]
    #[arg(long, value_name = "NAME")]
    pub node_name: Option<String>,
    #[arg(
        long,
        value_name = "DIR",
        alias = "experimental-patches",
        help = "Directory with patch files named TARGET[SUFFIX][+TYPE].EXT"
    )]
    pub patches: Option<String>,
    /// Phases to skip
    #[arg(long, value_name = "PHASE", value_delimiter = ',')]
    pub skip_phases: Vec<String>,
    /// Print the changes without applying them: a summary, then each change in short, or in full with -v
    #[arg(long)]
    pub dry_run: bool,
}

impl JoinFlags {
    /// The flags that cannot be combined with `--config`: a field corresponds to them.
    pub(in crate::config) fn with_field(&self) -> Vec<FieldFlag> {
        vec![
            ("HOST:PORT", !self.endpoints.is_empty(), "discovery.bootstrapToken.apiServerEndpoint"),
            (
                "--apiserver-advertise-address",
                self.apiserver_advertise_address.is_some(),
                "controlPlane.localAPIEndpoint.advertiseAddress",
            ),
            ("--apiserver-bind-port", self.apiserver_bind_port.is_some(), "controlPlane.localAPIEndpoint.bindPort"),
            ("--certificate-key", self.certificate_key.is_some(), "controlPlane.certificateKey"),
            ("--control-plane", self.control_plane, "controlPlane (an empty map, {}, is enough)"),
            ("--discovery-file", self.discovery_file.is_some(), "discovery.file.kubeConfigPath"),
            ("--discovery-token", self.discovery_token.is_some(), "discovery.bootstrapToken.token"),
            (
                "--discovery-token-ca-cert-hash",
                !self.discovery_token_ca_cert_hash.is_empty(),
                "discovery.bootstrapToken.caCertHashes",
            ),
            (
                "--discovery-token-unsafe-skip-ca-verification",
                self.discovery_token_unsafe_skip_ca_verification,
                "discovery.bootstrapToken.unsafeSkipCAVerification",
            ),
            ("--tls-bootstrap-token", self.tls_bootstrap_token.is_some(), "discovery.tlsBootstrapToken"),
            ("--token", self.token.is_some(), "discovery.bootstrapToken.token"),
        ]
    }
}

/// Flags of `reset`.
#[derive(Clone, Debug, Default, Args)]
pub struct ResetFlags {
    /// Do not ask, and continue if the API server or etcd does not respond
    #[arg(long, short)]
    pub force: bool,
    /// Also remove kubeadm's files in /etc/kubernetes/tmp
    #[arg(long)]
    pub cleanup_tmp_dir: bool,
    /// Directory of the certificates [default: from the API server manifest, else /etc/kubernetes/pki]
    #[arg(long, value_name = "DIR")]
    pub cert_dir: Option<String>,
    /// Path to the CRI socket [default: detected]
    #[arg(long, value_name = "SOCKET")]
    pub cri_socket: Option<String>,
    /// Preflight checks whose errors are ignored; 'all' for every check
    #[arg(long, value_name = "CHECK", value_delimiter = ',')]
    pub ignore_preflight_errors: Vec<String>,
    /// Phases to skip
    #[arg(long, value_name = "PHASE", value_delimiter = ',')]
    pub skip_phases: Vec<String>,
    /// Print the changes without applying them
    #[arg(long)]
    pub dry_run: bool,
}

impl ResetFlags {
    /// The flags with a corresponding field that are not specific to one run.
    pub(in crate::config) fn with_field(&self) -> Vec<FieldFlag> {
        vec![
            ("--cert-dir", self.cert_dir.is_some(), "certificatesDir"),
            ("--cleanup-tmp-dir", self.cleanup_tmp_dir, "cleanupTmpDir"),
            ("--force", self.force, "force"),
        ]
    }
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

impl UpgradeFlags {
    /// The flags with a corresponding field that are not specific to one run.
    pub(in crate::config) fn with_field(&self) -> Vec<FieldFlag> {
        vec![
            ("--allow-experimental-upgrades", self.allow_experimental_upgrades.is_some(), "allowExperimentalUpgrades"),
            ("--allow-release-candidate-upgrades", self.allow_release_candidate_upgrades.is_some(), "allowRCUpgrades"),
            ("--certificate-renewal", self.certificate_renewal.is_some(), "certificateRenewal"),
            ("--context-lines", self.context_lines.is_some(), "contextLines"),
            ("--etcd-upgrade", self.etcd_upgrade.is_some(), "etcdUpgrade"),
            ("--force", self.force.is_some(), "forceUpgrade"),
            ("--print-config", self.print_config.is_some(), "printConfig"),
        ]
    }
}
