//! The flags of `join` and of its phases: kubeadm's names, kubeadm's meaning.

use clap::Args;
use std::path::PathBuf;

/// Flags of `join`. Values stay text here, as with `init`.
// Each is a switch of its own on the command line; there is no state machine among them.
#[allow(clippy::struct_excessive_bools)]
#[derive(Clone, Debug, Default, Args)]
pub struct JoinArgs {
    /// The address of an API server of the cluster; of several, the first that answers well is taken
    #[arg(value_name = "HOST:PORT")]
    pub endpoints: Vec<String>,
    /// A kubeadm configuration file; '-' reads standard input
    #[arg(long, value_name = "FILE")]
    pub config: Option<PathBuf>,
    /// The token to find the cluster and to be let in; processes of this host can see it
    #[arg(long, value_name = "TOKEN")]
    pub token: Option<String>,
    /// A file that holds the token; '-' reads standard input. The variable `KUBEWRIGHT_TOKEN` works too
    #[arg(long, value_name = "FILE", conflicts_with = "token")]
    pub token_file: Option<PathBuf>,
    /// The token only to find the cluster
    #[arg(long, value_name = "TOKEN")]
    pub discovery_token: Option<String>,
    /// The token only to be let in
    #[arg(long, value_name = "TOKEN")]
    pub tls_bootstrap_token: Option<String>,
    /// The hash of the key that the cluster's CA must have, as sha256:HEX; several allow several CAs
    #[arg(long, value_name = "HASH", value_delimiter = ',')]
    pub discovery_token_ca_cert_hash: Vec<String>,
    /// Believe whoever knows the token to be the cluster
    #[arg(long)]
    pub discovery_token_unsafe_skip_ca_verification: bool,
    /// A kubeconfig that says where the cluster is: a file, or an HTTPS address
    #[arg(long, value_name = "FILE|URL")]
    pub discovery_file: Option<String>,
    /// Make this host a control plane
    #[arg(long, alias = "experimental-control-plane")]
    pub control_plane: bool,
    /// The key that opens the certificates stored in the cluster
    #[arg(long, value_name = "KEY")]
    pub certificate_key: Option<String>,
    /// The address others reach this API server at [default: that of the default route]
    #[arg(long, value_name = "IP")]
    pub apiserver_advertise_address: Option<String>,
    /// The port of this API server [default: 6443]
    #[arg(long, value_name = "PORT")]
    pub apiserver_bind_port: Option<String>,
    /// The socket of the container runtime [default: the one that answers]
    #[arg(long, value_name = "SOCKET")]
    pub cri_socket: Option<String>,
    /// Preflight checks whose errors become warnings; 'all' for every one
    #[arg(long, value_name = "CHECK", value_delimiter = ',')]
    pub ignore_preflight_errors: Vec<String>,
    /// The node's name [default: the host name]
    #[arg(long, value_name = "NAME")]
    pub node_name: Option<String>,
    /// A folder with patches, named like kube-apiserver0+merge.yaml
    #[arg(long, value_name = "DIR", alias = "experimental-patches")]
    pub patches: Option<String>,
    /// Phases to leave out
    #[arg(long, value_name = "PHASE", value_delimiter = ',')]
    pub skip_phases: Vec<String>,
    /// Mend what preflight finds and can mend: swap, kernel modules and parameters, the runtime's configuration
    #[arg(long)]
    pub fix: bool,
    /// Change nothing; print what would be done, with every file and its difference
    #[arg(long)]
    pub dry_run: bool,
}
