//! Flags of `join` and its phases: kubeadm's names with kubeadm's meaning.

use clap::Args;
use std::path::PathBuf;

/// Flags of `join`. Values stay text here, as with `init`.
// Independent command-line switches, not a state machine.
#[allow(clippy::struct_excessive_bools)]
#[derive(Clone, Debug, Default, Args)]
pub struct JoinArgs {
    /// API server of the cluster to join; of several, the first that responds is used
    #[arg(value_name = "HOST:PORT")]
    pub endpoints: Vec<String>,
    /// kubeadm configuration file; '-' reads standard input
    #[arg(long, value_name = "FILE")]
    pub config: Option<PathBuf>,
    /// Token for discovery and TLS bootstrap (visible in the process list; prefer --token-file)
    #[arg(long, value_name = "TOKEN")]
    pub token: Option<String>,
    /// File with the token; '-' reads standard input. The variable KUBEWRIGHT_TOKEN works too
    #[arg(long, value_name = "FILE", conflicts_with = "token")]
    pub token_file: Option<PathBuf>,
    /// Token used only for discovery
    #[arg(long, value_name = "TOKEN")]
    pub discovery_token: Option<String>,
    /// Token used only for TLS bootstrap
    #[arg(long, value_name = "TOKEN")]
    pub tls_bootstrap_token: Option<String>,
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
    pub certificate_key: Option<String>,
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
    /// Fix what preflight can fix: swap, kernel modules and parameters, the runtime's configuration
    #[arg(long)]
    pub fix: bool,
    /// Print the changes without applying them: a summary, then each change in short, or in full with -v
    #[arg(long)]
    pub dry_run: bool,
}
