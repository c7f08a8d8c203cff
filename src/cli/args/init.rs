//! Flags of `init` and its phases: kubeadm's names with kubeadm's meaning.

use clap::Args;
use std::path::PathBuf;

/// Flags of `init`.
///
/// Values stay text here: `config` validates them together with the file, so that every error is reported at once and
/// in one format.
// Independent command-line switches, not a state machine.
#[allow(clippy::struct_excessive_bools)]
#[derive(Clone, Debug, Default, Args)]
pub struct InitArgs {
    /// kubeadm configuration file; '-' reads standard input
    #[arg(long, value_name = "FILE")]
    pub config: Option<PathBuf>,
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
    pub certificate_key: Option<String>,
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
    pub token: Option<String>,
    /// Lifetime of the token; 0 means it never expires [default: 24h]
    #[arg(long, value_name = "DURATION")]
    pub token_ttl: Option<String>,
    /// Upload the control-plane certificates, encrypted, to the kubeadm-certs Secret
    #[arg(long, alias = "experimental-upload-certs")]
    pub upload_certs: bool,
    /// Do not print the certificate key
    #[arg(long)]
    pub skip_certificate_key_print: bool,
    /// Do not print the bootstrap token
    #[arg(long)]
    pub skip_token_print: bool,
    /// Fix what preflight can fix: swap, kernel modules and parameters, the runtime's configuration
    #[arg(long)]
    pub fix: bool,
    /// Overwrite the objects that another cluster left in an external etcd
    #[arg(long)]
    pub adopt_existing_etcd_data: bool,
    /// Print the manifests of an addon instead of applying them (for 'init phase addon …')
    #[arg(long, hide = true)]
    pub print_manifest: bool,
    /// Directory of the kubeconfig files (for 'init phase kubeconfig …') [default: /etc/kubernetes]
    #[arg(long, value_name = "DIR", hide = true)]
    pub kubeconfig_dir: Option<PathBuf>,
    /// kubeconfig used to access the cluster (for single phases) [default: /etc/kubernetes/admin.conf]
    #[arg(long, value_name = "FILE", hide = true)]
    pub kubeconfig: Option<PathBuf>,
    /// Print the changes without applying them: a summary, then each change in short, or in full with -v
    #[arg(long)]
    pub dry_run: bool,
}
