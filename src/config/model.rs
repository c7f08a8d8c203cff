//! The resolved configuration of a cluster and a node: defaulted and validated.
//!
//! These types do not depend on the API version or the minor version. `resolve` creates them; phases only read them.

use super::pod_network::PodNetwork;
use crate::base::secret::Secret;
use crate::versions::Version;
use ipnet::IpNet;
use serde_json::{Map, Value};
use std::collections::BTreeMap;
use std::net::IpAddr;
use std::path::PathBuf;
use std::time::Duration;

/// The configuration of `init`.
#[derive(Clone, Debug)]
pub struct InitConfig {
    pub cluster: ClusterConfig,
    /// This host as the first node.
    pub node: NodeConfig,
    /// The bootstrap tokens; never empty.
    pub bootstrap_tokens: Vec<BootstrapToken>,
    /// True if the only token was generated because none was given.
    pub generated_token: bool,
    /// The key (64 hex digits) that encrypts uploaded certificates; None: generated on upload.
    pub certificate_key: Option<Secret<String>>,
    /// The pod network to install.
    pub pod_network: Option<PodNetwork>,
}

/// The configuration of `join`.
#[derive(Clone, Debug)]
pub struct JoinConfig {
    pub node: NodeConfig,
    pub discovery: Discovery,
    /// Where the cluster's CA certificate is written on this host.
    pub ca_cert_path: PathBuf,
    /// Some if the host becomes a control plane.
    pub control_plane: Option<ControlPlaneJoin>,
}

/// The part of `join` that only control planes have.
#[derive(Clone, Debug)]
pub struct ControlPlaneJoin {
    /// The key that decrypts the uploaded certificates; None if they were copied by hand.
    pub certificate_key: Option<Secret<String>>,
}

/// How a joining host discovers and verifies the cluster.
#[derive(Clone, Debug)]
pub struct Discovery {
    pub source: DiscoverySource,
    /// The token for TLS bootstrap; None if a discovery file has credentials.
    pub tls_bootstrap_token: Option<Secret<String>>,
}

/// Where the cluster information comes from.
#[derive(Clone, Debug)]
pub enum DiscoverySource {
    /// The API server itself, verified by a token and CA pins.
    Token {
        /// `HOST:PORT`, may be several.
        endpoints: Vec<String>,
        token: Secret<String>,
        /// `sha256:…`, one of which must match.
        ca_cert_hashes: Vec<String>,
        /// Trust the token alone.
        unsafe_skip_ca_verification: bool,
    },
    /// A kubeconfig: a path or an HTTPS URL.
    File { location: String },
}

/// The configuration shared by all nodes of a cluster.
#[derive(Clone, Debug)]
pub struct ClusterConfig {
    /// The Kubernetes version of the control plane.
    pub version: Version,
    /// `kubernetes` by default.
    pub cluster_name: String,
    /// The address shared by all control planes, if any.
    pub control_plane_endpoint: Option<HostPort>,
    pub networking: Networking,
    /// `/etc/kubernetes/pki` by default.
    pub certificates_dir: PathBuf,
    /// Registry and path: `registry.k8s.io`.
    pub image_repository: String,
    /// The key algorithm of all certificates.
    pub encryption_algorithm: KeyAlgorithm,
    /// The validity period of leaf certificates.
    pub certificate_validity: Duration,
    /// The validity period of CA certificates.
    pub ca_certificate_validity: Duration,
    /// kubeadm's feature gates, as given.
    pub feature_gates: BTreeMap<String, bool>,
    pub api_server: Component,
    /// Extra SANs of the API server certificate, as given.
    pub api_server_cert_sans: Vec<String>,
    pub controller_manager: Component,
    pub scheduler: Component,
    pub etcd: Etcd,
    pub dns: Addon,
    pub proxy: Addon,
    /// The user's `KubeletConfiguration` without apiVersion and kind; empty if there is none.
    pub kubelet: Map<String, Value>,
    /// The user's `KubeProxyConfiguration`, likewise.
    pub kube_proxy: Map<String, Value>,
}

/// The settings of a component that runs as a static Pod.
#[derive(Clone, Debug, Default)]
pub struct Component {
    /// Extra flags in the given order; a name may be repeated where the API version allows it.
    pub extra_args: Vec<Arg>,
    /// Extra environment variables: Kubernetes `EnvVar` objects.
    pub extra_envs: Vec<Value>,
    pub extra_volumes: Vec<HostPathMount>,
}

/// A flag of a component: `--name=value`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Arg {
    /// Without dashes.
    pub name: String,
    /// May be empty.
    pub value: String,
}

/// A host path mounted into a static Pod.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HostPathMount {
    pub name: String,
    pub host_path: String,
    pub mount_path: String,
    /// True if the container may not write to it.
    pub read_only: bool,
    /// A Kubernetes `HostPathType`: `File`, `DirectoryOrCreate`, …; empty for no check.
    pub path_type: String,
}

/// The networks of a cluster.
#[derive(Clone, Debug)]
pub struct Networking {
    /// One network, or two for dual-stack.
    pub service_subnets: Vec<IpNet>,
    /// Up to two networks.
    pub pod_subnets: Vec<IpNet>,
    /// `cluster.local` by default.
    pub dns_domain: String,
}

/// The etcd that the cluster uses.
#[derive(Clone, Debug)]
pub enum Etcd {
    /// A static Pod on each control plane.
    Local(LocalEtcd),
    /// An etcd managed elsewhere.
    External(ExternalEtcd),
}

/// etcd as a static Pod.
#[derive(Clone, Debug)]
pub struct LocalEtcd {
    /// `/var/lib/etcd` by default.
    pub data_dir: PathBuf,
    /// Registry and tag, if they differ from the default.
    pub image: ImageOverride,
    /// Flags and variables; `extra_volumes` is always empty.
    pub component: Component,
    /// Extra SANs of the serving certificate.
    pub server_cert_sans: Vec<String>,
    /// Extra SANs of the peer certificate.
    pub peer_cert_sans: Vec<String>,
}

/// An etcd managed elsewhere.
#[derive(Clone, Debug)]
pub struct ExternalEtcd {
    /// `https://HOST:PORT`, at least one.
    pub endpoints: Vec<String>,
    /// HTTP endpoints (metrics, health), if they differ from `endpoints`.
    pub http_endpoints: Vec<String>,
    /// May be empty.
    pub ca_file: String,
    /// May be empty.
    pub cert_file: String,
    /// May be empty.
    pub key_file: String,
}

/// Overrides the default image of an addon or etcd.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ImageOverride {
    /// Registry and path, or empty.
    pub repository: String,
    /// Or empty.
    pub tag: String,
}

/// An addon that can be disabled.
#[derive(Clone, Debug, Default)]
pub struct Addon {
    pub disabled: bool,
    pub image: ImageOverride,
}

/// Algorithms and sizes of keys.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum KeyAlgorithm {
    /// `RSA-2048`, the default.
    Rsa2048,
    Rsa3072,
    Rsa4096,
    EcdsaP256,
    EcdsaP384,
}

impl KeyAlgorithm {
    /// Every algorithm with kubeadm's name for it.
    pub const ALL: [(Self, &'static str); 5] = [
        (Self::Rsa2048, "RSA-2048"),
        (Self::Rsa3072, "RSA-3072"),
        (Self::Rsa4096, "RSA-4096"),
        (Self::EcdsaP256, "ECDSA-P256"),
        (Self::EcdsaP384, "ECDSA-P384"),
    ];

    pub fn name(self) -> &'static str {
        match self {
            Self::Rsa2048 => "RSA-2048",
            Self::Rsa3072 => "RSA-3072",
            Self::Rsa4096 => "RSA-4096",
            Self::EcdsaP256 => "ECDSA-P256",
            Self::EcdsaP384 => "ECDSA-P384",
        }
    }
}

/// The configuration of this host as a node.
#[derive(Clone, Debug)]
pub struct NodeConfig {
    /// The name of the Node object: a DNS-1123 subdomain in lower case.
    pub name: String,
    /// The CRI socket as given (`unix:///run/containerd/containerd.sock`); None: detected when needed.
    pub cri_socket: Option<String>,
    /// The taints to register with; None: the default for control planes, none for workers.
    pub taints: Option<Vec<Value>>,
    /// Extra kubelet flags.
    pub kubelet_extra_args: Vec<Arg>,
    /// `Always`, `IfNotPresent` or `Never`.
    pub image_pull_policy: String,
    /// Pull one image at a time.
    pub image_pull_serial: bool,
    /// The endpoint of this host's API server, if it is or becomes a control plane.
    pub local_endpoint: ApiEndpoint,
    /// The directory of the patches, if any.
    pub patches_dir: Option<PathBuf>,
    /// In lower case.
    pub ignore_preflight_errors: Vec<String>,
    pub skip_phases: Vec<String>,
    pub timeouts: Timeouts,
}

/// The endpoint of an API server.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ApiEndpoint {
    /// The address that other hosts use.
    pub advertise_address: IpAddr,
    /// 6443 by default.
    pub bind_port: u16,
}

/// `HOST:PORT`, where the host is a DNS name or an IP address without brackets.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HostPort {
    /// A DNS name or an IP address.
    pub host: String,
    /// None: the API server's own port.
    pub port: Option<u16>,
}

impl HostPort {
    /// `HOST:PORT`, with brackets around an IPv6 address.
    pub fn with_port(&self, default: u16) -> String {
        let port = self.port.unwrap_or(default);
        if self.host.contains(':') { format!("[{}]:{port}", self.host) } else { format!("{}:{port}", self.host) }
    }
}

/// A bootstrap token.
#[derive(Clone, Debug)]
pub struct BootstrapToken {
    /// `abcdef.0123456789abcdef`.
    pub token: Secret<String>,
    pub description: String,
    /// The lifetime; None: the token never expires.
    pub ttl: Option<Duration>,
    /// The expiry time (RFC 3339), instead of `ttl`.
    pub expires: Option<String>,
    /// `signing`, `authentication`.
    pub usages: Vec<String>,
    /// `system:bootstrappers:kubeadm:default-node-token`.
    pub groups: Vec<String>,
}

/// Timeouts of waits.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Timeouts {
    /// A control-plane component becomes healthy.
    pub control_plane_component_health_check: Duration,
    /// The kubelet becomes healthy.
    pub kubelet_health_check: Duration,
    /// An API request including retries.
    pub kubernetes_api_call: Duration,
    /// An etcd membership change.
    pub etcd_api_call: Duration,
    /// The kubelet gets its certificate and the Node appears.
    pub tls_bootstrap: Duration,
    /// The cluster is discovered.
    pub discovery: Duration,
    /// Manifests are replaced and the Pods come back (upgrade, renewal).
    pub upgrade_manifests: Duration,
}

impl Default for Timeouts {
    /// The defaults of kubeadm's v1beta4 API.
    fn default() -> Self {
        let minutes = |n: u64| Duration::from_secs(60 * n);
        Self {
            control_plane_component_health_check: minutes(4),
            kubelet_health_check: minutes(4),
            kubernetes_api_call: minutes(1),
            etcd_api_call: minutes(2),
            tls_bootstrap: minutes(5),
            discovery: minutes(5),
            upgrade_manifests: minutes(5),
        }
    }
}

impl ClusterConfig {
    /// The API server's address in shared kubeconfigs: the shared endpoint, or that of this node.
    pub fn endpoint(&self, node: &ApiEndpoint) -> String {
        match &self.control_plane_endpoint {
            Some(shared) => shared.with_port(node.bind_port),
            None => HostPort { host: node.advertise_address.to_string(), port: Some(node.bind_port) }.with_port(0),
        }
    }
}
