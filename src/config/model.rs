//! What a cluster and a node are meant to be: resolved, defaulted and checked.
//!
//! These types are the same for every API version and every minor. `read` makes them from what the
//! user typed; phases only read them.

use crate::base::secret::Secret;
use crate::versions::Version;
use ipnet::IpNet;
use serde_json::{Map, Value};
use std::collections::BTreeMap;
use std::net::IpAddr;
use std::path::PathBuf;
use std::time::Duration;

/// All that `init` needs.
#[derive(Clone, Debug)]
pub struct InitConfig {
    /// The cluster to make.
    pub cluster: ClusterConfig,
    /// This host as its first node.
    pub node: NodeConfig,
    /// The tokens with which others may join; never empty.
    pub bootstrap_tokens: Vec<BootstrapToken>,
    /// True when the only token was made up, because nobody gave one.
    pub generated_token: bool,
    /// The key (64 hex digits) that seals uploaded certificates; None: a new one when they are uploaded.
    pub certificate_key: Option<Secret<String>>,
}

/// All that `join` needs.
#[derive(Clone, Debug)]
pub struct JoinConfig {
    /// This host as a node.
    pub node: NodeConfig,
    /// How the cluster is found and trusted.
    pub discovery: Discovery,
    /// The cluster's CA certificate is written here on this host.
    pub ca_cert_path: PathBuf,
    /// Set when the host becomes a control plane.
    pub control_plane: Option<ControlPlaneJoin>,
}

/// What only a joining control plane has.
#[derive(Clone, Debug)]
pub struct ControlPlaneJoin {
    /// The key that opens the uploaded certificates; None when they were copied by hand.
    pub certificate_key: Option<Secret<String>>,
}

/// How a joining host finds the cluster and why it trusts it.
#[derive(Clone, Debug)]
pub struct Discovery {
    /// Where the cluster information comes from.
    pub source: DiscoverySource,
    /// The token with which the kubelet asks for its certificate; None when a discovery file has credentials.
    pub tls_bootstrap_token: Option<Secret<String>>,
}

/// Where the cluster information comes from.
#[derive(Clone, Debug)]
pub enum DiscoverySource {
    /// From the API server itself, proved by a token and by pins of its CA.
    Token {
        /// `HOST:PORT`, several allowed.
        endpoints: Vec<String>,
        /// The bootstrap token.
        token: Secret<String>,
        /// `sha256:…`, any of which must match.
        ca_cert_hashes: Vec<String>,
        /// Trust the token alone.
        unsafe_skip_ca_verification: bool,
    },
    /// From a kubeconfig: a path or an HTTPS address.
    File {
        /// The path or address.
        location: String,
    },
}

/// A cluster, as every node of it must know it.
#[derive(Clone, Debug)]
pub struct ClusterConfig {
    /// The Kubernetes version of the control plane.
    pub version: Version,
    /// `kubernetes`, unless named otherwise.
    pub cluster_name: String,
    /// The shared address of all control planes, when there is one.
    pub control_plane_endpoint: Option<HostPort>,
    /// Pod and Service networks.
    pub networking: Networking,
    /// Where the PKI lies on a host: `/etc/kubernetes/pki`.
    pub certificates_dir: PathBuf,
    /// The registry and path of the images: `registry.k8s.io`.
    pub image_repository: String,
    /// What keys are made of.
    pub encryption_algorithm: KeyAlgorithm,
    /// How long leaf certificates are valid.
    pub certificate_validity: Duration,
    /// How long CA certificates are valid.
    pub ca_certificate_validity: Duration,
    /// kubeadm's feature gates, as given.
    pub feature_gates: BTreeMap<String, bool>,
    /// kube-apiserver.
    pub api_server: Component,
    /// More names and addresses for the API server's certificate, as given.
    pub api_server_cert_sans: Vec<String>,
    /// kube-controller-manager.
    pub controller_manager: Component,
    /// kube-scheduler.
    pub scheduler: Component,
    /// The cluster's etcd.
    pub etcd: Etcd,
    /// `CoreDNS`.
    pub dns: Addon,
    /// kube-proxy.
    pub proxy: Addon,
    /// The `KubeletConfiguration` document as the user wrote it, without apiVersion and kind; empty without one.
    pub kubelet: Map<String, Value>,
    /// The `KubeProxyConfiguration` document, likewise.
    pub kube_proxy: Map<String, Value>,
}

/// A component that runs as a static Pod.
#[derive(Clone, Debug, Default)]
pub struct Component {
    /// More flags, in the order given; a name may come twice where the API version allows it.
    pub extra_args: Vec<Arg>,
    /// More variables: Kubernetes `EnvVar` objects.
    pub extra_envs: Vec<Value>,
    /// More host folders.
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

/// A host folder or file in a static Pod.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HostPathMount {
    /// The volume's name.
    pub name: String,
    /// On the host.
    pub host_path: String,
    /// In the container.
    pub mount_path: String,
    /// True when the container may not write.
    pub read_only: bool,
    /// A Kubernetes `HostPathType`: `File`, `DirectoryOrCreate`, …; empty for no check.
    pub path_type: String,
}

/// The cluster's networks.
#[derive(Clone, Debug)]
pub struct Networking {
    /// One or, for dual-stack, two networks.
    pub service_subnets: Vec<IpNet>,
    /// None, one or two networks.
    pub pod_subnets: Vec<IpNet>,
    /// `cluster.local`.
    pub dns_domain: String,
}

/// Where the cluster's etcd is.
#[derive(Clone, Debug)]
pub enum Etcd {
    /// A static Pod on each control plane.
    Local(LocalEtcd),
    /// Somebody else's.
    External(ExternalEtcd),
}

/// etcd as a static Pod.
#[derive(Clone, Debug)]
pub struct LocalEtcd {
    /// Where its data lies on the host: `/var/lib/etcd`.
    pub data_dir: PathBuf,
    /// Registry and tag, when they differ from the default.
    pub image: ImageOverride,
    /// Flags and variables; `extra_volumes` stays empty.
    pub component: Component,
    /// More names and addresses for the serving certificate.
    pub server_cert_sans: Vec<String>,
    /// More names and addresses for the peer certificate.
    pub peer_cert_sans: Vec<String>,
}

/// etcd that is run by others.
#[derive(Clone, Debug)]
pub struct ExternalEtcd {
    /// `https://HOST:PORT`, at least one.
    pub endpoints: Vec<String>,
    /// Where etcd answers HTTP (metrics, health); empty where that is `endpoints` too.
    pub http_endpoints: Vec<String>,
    /// The CA certificate's path, or empty.
    pub ca_file: String,
    /// The client certificate's path, or empty.
    pub cert_file: String,
    /// The client key's path, or empty.
    pub key_file: String,
}

/// Which image an addon or etcd uses, where it is not the default.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ImageOverride {
    /// Registry and path, or empty.
    pub repository: String,
    /// Tag, or empty.
    pub tag: String,
}

/// An addon that can be left out.
#[derive(Clone, Debug, Default)]
pub struct Addon {
    /// True when the cluster does without it.
    pub disabled: bool,
    /// Its image.
    pub image: ImageOverride,
}

/// What keys are made of.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum KeyAlgorithm {
    /// `RSA-2048`, the default.
    Rsa2048,
    /// `RSA-3072`.
    Rsa3072,
    /// `RSA-4096`.
    Rsa4096,
    /// `ECDSA-P256`.
    EcdsaP256,
    /// `ECDSA-P384`.
    EcdsaP384,
}

impl KeyAlgorithm {
    /// Every algorithm and kubeadm's name for it.
    pub const ALL: [(Self, &'static str); 5] = [
        (Self::Rsa2048, "RSA-2048"),
        (Self::Rsa3072, "RSA-3072"),
        (Self::Rsa4096, "RSA-4096"),
        (Self::EcdsaP256, "ECDSA-P256"),
        (Self::EcdsaP384, "ECDSA-P384"),
    ];

    /// kubeadm's name for it.
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

/// A host as a node.
#[derive(Clone, Debug)]
pub struct NodeConfig {
    /// The Node object's name: a DNS-1123 subdomain in lower case.
    pub name: String,
    /// The container runtime's socket as given (`unix:///run/containerd/containerd.sock`); None: to be probed
    /// by whoever needs it.
    pub cri_socket: Option<String>,
    /// The taints to register with; None: the minor's default for control planes, none for workers.
    pub taints: Option<Vec<Value>>,
    /// More kubelet flags.
    pub kubelet_extra_args: Vec<Arg>,
    /// `Always`, `IfNotPresent` or `Never`.
    pub image_pull_policy: String,
    /// Pull one image after the other.
    pub image_pull_serial: bool,
    /// Where this host's API server listens, when it is or becomes a control plane.
    pub local_endpoint: ApiEndpoint,
    /// The folder with patches, when there is one.
    pub patches_dir: Option<PathBuf>,
    /// Preflight checks to ignore, in lower case.
    pub ignore_preflight_errors: Vec<String>,
    /// Phases to leave out, from the file.
    pub skip_phases: Vec<String>,
    /// Deadlines of waits.
    pub timeouts: Timeouts,
}

/// Where an API server listens.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ApiEndpoint {
    /// The address that others use.
    pub advertise_address: IpAddr,
    /// 6443, unless set otherwise.
    pub bind_port: u16,
}

/// `HOST:PORT`, where the host is a DNS name or an IP address without brackets.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HostPort {
    /// A DNS name or an IP address.
    pub host: String,
    /// The port; None where the API server's own is meant.
    pub port: Option<u16>,
}

impl HostPort {
    /// `HOST:PORT`, with brackets around an IPv6 address.
    pub fn with_port(&self, default: u16) -> String {
        let port = self.port.unwrap_or(default);
        if self.host.contains(':') { format!("[{}]:{port}", self.host) } else { format!("{}:{port}", self.host) }
    }
}

/// A bootstrap token and what it may be used for.
#[derive(Clone, Debug)]
pub struct BootstrapToken {
    /// `abcdef.0123456789abcdef`.
    pub token: Secret<String>,
    /// For people.
    pub description: String,
    /// How long it lives; None: for ever.
    pub ttl: Option<Duration>,
    /// When it ends (RFC 3339), in place of `ttl`.
    pub expires: Option<String>,
    /// `signing`, `authentication`.
    pub usages: Vec<String>,
    /// `system:bootstrappers:kubeadm:default-node-token`.
    pub groups: Vec<String>,
}

/// Deadlines of named waits.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Timeouts {
    /// A control-plane component becomes healthy.
    pub control_plane_component_health_check: Duration,
    /// The kubelet becomes healthy.
    pub kubelet_health_check: Duration,
    /// One API request, retries included.
    pub kubernetes_api_call: Duration,
    /// An etcd membership change.
    pub etcd_api_call: Duration,
    /// The kubelet gets its certificate and the node shows up.
    pub tls_bootstrap: Duration,
    /// The cluster is found.
    pub discovery: Duration,
    /// Manifests are swapped and the Pods come back (upgrade, renewal).
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
    /// The API server's address in kubeconfigs of everybody: the shared endpoint, or this node's.
    pub fn endpoint(&self, node: &ApiEndpoint) -> String {
        match &self.control_plane_endpoint {
            Some(shared) => shared.with_port(node.bind_port),
            None => HostPort { host: node.advertise_address.to_string(), port: Some(node.bind_port) }.with_port(0),
        }
    }
}
