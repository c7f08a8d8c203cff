//! The flags of `init` and of its phases: kubeadm's names, kubeadm's meaning.

use clap::Args;
use std::path::PathBuf;

/// Flags of `init`.
///
/// Values stay text here: `config` checks them together with the file, so that all that is wrong is
/// told at once and in one way.
// Each is a switch of its own on the command line; there is no state machine among them.
#[allow(clippy::struct_excessive_bools)]
#[derive(Clone, Debug, Default, Args)]
pub struct InitArgs {
    /// A kubeadm configuration file; '-' reads standard input
    #[arg(long, value_name = "FILE")]
    pub config: Option<PathBuf>,
    /// The Kubernetes version [default: that of the installed kubelet]
    #[arg(long, value_name = "VERSION")]
    pub kubernetes_version: Option<String>,
    /// The address others reach this API server at [default: that of the default route]
    #[arg(long, value_name = "IP")]
    pub apiserver_advertise_address: Option<String>,
    /// The port of the API server [default: 6443]
    #[arg(long, value_name = "PORT")]
    pub apiserver_bind_port: Option<String>,
    /// More names and addresses for the API server's certificate
    #[arg(long, value_name = "NAME", value_delimiter = ',')]
    pub apiserver_cert_extra_sans: Vec<String>,
    /// The folder of the certificates [default: /etc/kubernetes/pki]
    #[arg(long, value_name = "DIR")]
    pub cert_dir: Option<String>,
    /// The key that seals uploaded certificates: 64 hexadecimal digits
    #[arg(long, value_name = "KEY")]
    pub certificate_key: Option<String>,
    /// The address of all control planes together: a DNS name or IP, with or without port
    #[arg(long, value_name = "HOST[:PORT]")]
    pub control_plane_endpoint: Option<String>,
    /// The socket of the container runtime [default: the one that answers]
    #[arg(long, value_name = "SOCKET")]
    pub cri_socket: Option<String>,
    /// Feature gates of kubeadm: NAME=true|false
    #[arg(long, value_name = "GATES", value_delimiter = ',')]
    pub feature_gates: Vec<String>,
    /// Preflight checks whose errors become warnings; 'all' for every one
    #[arg(long, value_name = "CHECK", value_delimiter = ',')]
    pub ignore_preflight_errors: Vec<String>,
    /// The registry of the images [default: the one of the version]
    #[arg(long, value_name = "REGISTRY")]
    pub image_repository: Option<String>,
    /// The node's name [default: the host name]
    #[arg(long, value_name = "NAME")]
    pub node_name: Option<String>,
    /// A folder with patches, named like kube-apiserver0+merge.yaml
    #[arg(long, value_name = "DIR", alias = "experimental-patches")]
    pub patches: Option<String>,
    /// The addresses of Pods
    #[arg(long, value_name = "CIDR")]
    pub pod_network_cidr: Option<String>,
    /// The addresses of Services [default: 10.96.0.0/12]
    #[arg(long, value_name = "CIDR")]
    pub service_cidr: Option<String>,
    /// The DNS domain of Services [default: cluster.local]
    #[arg(long, value_name = "DOMAIN")]
    pub service_dns_domain: Option<String>,
    /// Phases to leave out
    #[arg(long, value_name = "PHASE", value_delimiter = ',')]
    pub skip_phases: Vec<String>,
    /// The first bootstrap token [default: a new one]
    #[arg(long, value_name = "TOKEN")]
    pub token: Option<String>,
    /// How long the token lives; 0 for ever [default: 24h]
    #[arg(long, value_name = "DURATION")]
    pub token_ttl: Option<String>,
    /// Store the certificates of the control plane, sealed, in the cluster
    #[arg(long, alias = "experimental-upload-certs")]
    pub upload_certs: bool,
    /// Do not print the certificate key
    #[arg(long)]
    pub skip_certificate_key_print: bool,
    /// Do not print the token
    #[arg(long)]
    pub skip_token_print: bool,
    /// Mend what preflight finds and can mend: swap, kernel modules and parameters, the runtime's configuration
    #[arg(long)]
    pub fix: bool,
    /// Take over the objects that another cluster left in an external etcd
    #[arg(long)]
    pub adopt_existing_etcd_data: bool,
    /// Only print the objects of an addon (for 'init phase addon …')
    #[arg(long, hide = true)]
    pub print_manifest: bool,
    /// Change nothing; print what would be done, with every file and its difference
    #[arg(long)]
    pub dry_run: bool,
}
