//! Flags of `preflight`: those of `init` and `join` that its checks depend on, under the same names.

use clap::{Args, ValueEnum};
use std::path::PathBuf;

/// Flags of `preflight`.
// Independent command-line switches, not a state machine.
#[allow(clippy::struct_excessive_bools)]
#[derive(Clone, Debug, Args)]
#[command(after_help = "\
Check:              kubewright preflight
Preview the fixes:  kubewright preflight --fix --dry-run
Apply the fixes:    kubewright preflight --fix
Revert them:        kubewright preflight --undo-fix

Exits with 0 if no finding is as severe as --fail-on, else with 4.")]
pub struct PreflightArgs {
    /// Command to check the host for: init or join [default: what --config is for, else init]
    #[arg(value_enum, value_name = "COMMAND", hide_possible_values = true)]
    pub command: Option<Purpose>,
    /// kubeadm configuration file; '-' reads standard input
    #[arg(long, value_name = "FILE")]
    pub config: Option<PathBuf>,
    /// With join: check the host for a control plane instead of a worker
    #[arg(long)]
    pub control_plane: bool,
    /// Kubernetes version [default: the version of the installed kubelet]
    #[arg(long, value_name = "VERSION")]
    pub kubernetes_version: Option<String>,
    /// IP address on which the API server advertises itself [default: the address of the default route]
    #[arg(long, value_name = "IP")]
    pub apiserver_advertise_address: Option<String>,
    /// Port of the API server [default: 6443]
    #[arg(long, value_name = "PORT")]
    pub apiserver_bind_port: Option<String>,
    /// Directory for certificates and keys [default: /etc/kubernetes/pki]
    #[arg(long, value_name = "DIR")]
    pub cert_dir: Option<String>,
    /// Stable address shared by all control planes: a DNS name or IP address, optionally with a port
    #[arg(long, value_name = "HOST[:PORT]")]
    pub control_plane_endpoint: Option<String>,
    /// Path to the CRI socket [default: detected]
    #[arg(long, value_name = "SOCKET")]
    pub cri_socket: Option<String>,
    /// Preflight checks whose errors are reported as warnings; 'all' for every check
    #[arg(long, value_name = "CHECK", value_delimiter = ',')]
    pub ignore_preflight_errors: Vec<String>,
    /// Image registry [default: the one kubeadm uses for this version]
    #[arg(long, value_name = "REGISTRY")]
    pub image_repository: Option<String>,
    /// Name of this node [default: the hostname]
    #[arg(long, value_name = "NAME")]
    pub node_name: Option<String>,
    /// Pod network to install: flannel, or the manifest of another one
    #[arg(long, value_name = "flannel|FILE|URL")]
    pub pod_network: Option<String>,
    /// IP range for Pods; if set, each node gets a CIDR from it
    #[arg(long, value_name = "CIDR")]
    pub pod_network_cidr: Option<String>,
    /// IP range for Services [default: 10.96.0.0/12]
    #[arg(long, value_name = "CIDR")]
    pub service_cidr: Option<String>,
    /// Fix what can be fixed: swap, kernel modules and parameters, the runtime's configuration
    #[arg(long)]
    pub fix: bool,
    /// Revert everything that fixes changed on this host
    #[arg(long, conflicts_with = "fix")]
    pub undo_fix: bool,
    /// Least severe finding that makes the command fail: error or warning [default: error]
    #[arg(
        long,
        value_enum,
        value_name = "SEVERITY",
        default_value = "error",
        hide_default_value = true,
        hide_possible_values = true
    )]
    pub fail_on: FailOn,
    /// With --fix or --undo-fix: print the changes without applying them, in full with -v
    #[arg(long)]
    pub dry_run: bool,
}

/// The command that a host is checked for.
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
    /// Findings that prevent the cluster from starting.
    Error,
    /// All findings that are not ignored.
    Warning,
}
