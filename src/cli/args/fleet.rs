//! The commands for many hosts: `plan`, `apply` and `remove`.

use super::page::PageArgs;
use super::ssh::TransportArg;
use clap::Args;
use std::path::PathBuf;

/// Flags of all commands for many hosts: the file, and how the hosts are reached.
#[derive(Clone, Debug, Args)]
pub struct FleetArgs {
    /// File with a document of kind Cluster, which lists the hosts; '-' reads standard input
    #[arg(long, short = 'f', value_name = "FILE", required = true)]
    pub file: PathBuf,
    /// The most hosts that are worked on at once [default: limits.parallel of the file, else 30]
    #[arg(long, value_name = "NUMBER")]
    pub parallel: Option<usize>,
    /// Configuration of SSH to read instead of the user's and the system's
    #[arg(long, short = 'F', value_name = "FILE")]
    pub ssh_config: Option<PathBuf>,
    /// Accept the keys of hosts that are not known yet, and add them to the file of known hosts; a changed key never is
    #[arg(long)]
    pub accept_new_host_keys: bool,
    /// Program that connects: own (this one), or system (the ssh of this machine, for what this one does not support)
    #[arg(long, value_enum, value_name = "PROGRAM", default_value = "own", hide_possible_values = true)]
    pub transport: TransportArg,
    /// File with the password for sudo; '-' reads standard input. Without it, it is asked for on a terminal
    #[arg(long, value_name = "FILE")]
    pub sudo_password_file: Option<PathBuf>,
    /// kubewright for hosts of another architecture than this machine's, as aarch64=FILE
    #[arg(long, value_name = "ARCH=FILE")]
    pub program: Vec<String>,
}

/// Flags of `plan`.
#[derive(Clone, Debug, Args)]
pub struct PlanArgs {
    #[command(flatten)]
    pub fleet: FleetArgs,
    /// Save the plan, for 'apply --plan'
    #[arg(long, value_name = "FILE")]
    pub out: Option<PathBuf>,
    /// Exit with code 12 if 'apply' would change something
    #[arg(long)]
    pub exit_code: bool,
}

/// Flags of `diff`.
#[derive(Clone, Debug, Args)]
pub struct DiffArgs {
    #[command(flatten)]
    pub fleet: FleetArgs,
    /// Exit with code 12 if there are differences
    #[arg(long)]
    pub exit_code: bool,
}

/// Flags of `apply`.
// Independent command-line switches, not a state machine.
#[allow(clippy::struct_excessive_bools)]
#[derive(Clone, Debug, Args)]
pub struct ApplyArgs {
    #[command(flatten)]
    pub fleet: FleetArgs,
    /// Apply this plan of 'plan --out', and nothing if anything has changed since
    #[arg(long, value_name = "FILE")]
    pub plan: Option<PathBuf>,
    /// Work only on these hosts: addresses or node names
    #[arg(long, value_name = "HOST", value_delimiter = ',')]
    pub limit: Vec<String>,
    /// Work only on the hosts on which an earlier run has failed or was interrupted
    #[arg(long)]
    pub retry_failed: bool,
    /// Also remove the nodes of the cluster that the file does not list
    #[arg(long)]
    pub prune: bool,
    /// Fix on each host what preflight can fix: swap, kernel modules and parameters, the runtime's configuration
    #[arg(long)]
    pub fix: bool,
    /// Merge the cluster's admin.conf into this kubeconfig of this machine
    #[arg(long, value_name = "FILE")]
    pub kubeconfig_out: Option<PathBuf>,
    /// Write the events of each host to a file in this directory
    #[arg(long, value_name = "DIR")]
    pub log_dir: Option<PathBuf>,
    /// Do not ask for confirmation
    #[arg(long, short)]
    pub yes: bool,
    /// Print the plan without applying it
    #[arg(long)]
    pub dry_run: bool,
    #[command(flatten)]
    pub page: PageArgs,
}

/// Flags of `remove`.
#[derive(Clone, Debug, Args)]
pub struct RemoveHostArgs {
    #[command(flatten)]
    pub fleet: FleetArgs,
    /// Hosts to remove: addresses or node names
    #[arg(required = true, value_name = "HOST")]
    pub hosts: Vec<String>,
    /// Do not ask for confirmation
    #[arg(long, short)]
    pub yes: bool,
    /// Print what would be removed without removing it
    #[arg(long)]
    pub dry_run: bool,
}
