//! The flags of `preflight`: those of `init` and `join` that its checks go by, under their names.

use clap::{Args, ValueEnum};
use std::path::PathBuf;

/// Flags of `preflight`.
// Each is a switch of its own on the command line; there is no state machine among them.
#[allow(clippy::struct_excessive_bools)]
#[derive(Clone, Debug, Args)]
#[command(after_help = "\
Look:               kubewright preflight
See the fixes:      kubewright preflight --fix --dry-run
Have it mended:     kubewright preflight --fix
As it was before:   kubewright preflight --undo-fix

The exit code is 0 when nothing was found that --fail-on names, else 4.")]
pub struct PreflightArgs {
    /// What the host is to do: init or join [default: what --config is for, else init]
    #[arg(value_enum, value_name = "COMMAND", hide_possible_values = true)]
    pub command: Option<Purpose>,
    /// A kubeadm configuration file; '-' reads standard input
    #[arg(long, value_name = "FILE")]
    pub config: Option<PathBuf>,
    /// With join: as a control plane, not as a worker
    #[arg(long)]
    pub control_plane: bool,
    /// The Kubernetes version [default: that of the installed kubelet]
    #[arg(long, value_name = "VERSION")]
    pub kubernetes_version: Option<String>,
    /// The address others reach this API server at [default: that of the default route]
    #[arg(long, value_name = "IP")]
    pub apiserver_advertise_address: Option<String>,
    /// The port of the API server [default: 6443]
    #[arg(long, value_name = "PORT")]
    pub apiserver_bind_port: Option<String>,
    /// The folder of the certificates [default: /etc/kubernetes/pki]
    #[arg(long, value_name = "DIR")]
    pub cert_dir: Option<String>,
    /// The address of all control planes together: a DNS name or IP, with or without port
    #[arg(long, value_name = "HOST[:PORT]")]
    pub control_plane_endpoint: Option<String>,
    /// The socket of the container runtime [default: the one that answers]
    #[arg(long, value_name = "SOCKET")]
    pub cri_socket: Option<String>,
    /// Preflight checks whose errors become warnings; 'all' for every one
    #[arg(long, value_name = "CHECK", value_delimiter = ',')]
    pub ignore_preflight_errors: Vec<String>,
    /// The registry of the images [default: the one of the version]
    #[arg(long, value_name = "REGISTRY")]
    pub image_repository: Option<String>,
    /// The node's name [default: the host name]
    #[arg(long, value_name = "NAME")]
    pub node_name: Option<String>,
    /// The addresses of Pods
    #[arg(long, value_name = "CIDR")]
    pub pod_network_cidr: Option<String>,
    /// The addresses of Services [default: 10.96.0.0/12]
    #[arg(long, value_name = "CIDR")]
    pub service_cidr: Option<String>,
    /// Mend what is found and can be mended: swap, kernel modules and parameters, the runtime's configuration
    #[arg(long)]
    pub fix: bool,
    /// Put everything back that fixes have changed on this host
    #[arg(long, conflicts_with_all = ["fix", "config", "command"])]
    pub undo_fix: bool,
    /// The least severe finding that fails: error or warning [default: error]
    #[arg(
        long,
        value_enum,
        value_name = "SEVERITY",
        default_value = "error",
        hide_default_value = true,
        hide_possible_values = true
    )]
    pub fail_on: FailOn,
    /// With --fix or --undo-fix: change nothing; print what would be done, with every file and its difference
    #[arg(long)]
    pub dry_run: bool,
}

/// The command for which a host is judged.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Purpose {
    /// `init`.
    Init,
    /// `join`.
    Join,
}

/// Which findings make the command fail.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum FailOn {
    /// Those without which the cluster does not come up.
    Error,
    /// All that were not chosen to be ignored.
    Warning,
}
