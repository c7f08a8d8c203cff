//! The command `node`.

use clap::{Args, Subcommand};
use std::path::PathBuf;

/// The subcommands of `node`.
#[derive(Clone, Debug, Subcommand)]
pub enum NodeCommand {
    /// Remove another host's node from the cluster
    Remove(RemoveArgs),
}

/// Flags of `node remove`.
// Independent command-line switches, not a state machine.
#[allow(clippy::struct_excessive_bools)]
#[derive(Clone, Debug, Args)]
pub struct RemoveArgs {
    /// Name of the node, or the ID of an etcd member that never started
    pub name: String,
    /// The host is permanently gone and is not contacted
    #[arg(long)]
    pub dead: bool,
    /// With --dead: wait until the cluster notices that the host is gone, within about a minute
    #[arg(long, requires = "dead")]
    pub wait: bool,
    /// Do not ask for confirmation
    #[arg(long, short)]
    pub yes: bool,
    /// How long to wait for Pods to be evicted
    #[arg(long, value_name = "TIME", default_value = "5m", value_parser = super::certs::seconds)]
    pub drain_timeout: i64,
    /// kubeconfig used to access the cluster
    #[arg(long, value_name = "FILE", default_value = "/etc/kubernetes/admin.conf")]
    pub kubeconfig: PathBuf,
    /// Phases to skip: drain, remove-etcd-member, update-cluster-status, delete-node
    #[arg(long, value_name = "PHASE", value_delimiter = ',')]
    pub skip_phases: Vec<String>,
    /// Print the changes without applying them
    #[arg(long)]
    pub dry_run: bool,
}
