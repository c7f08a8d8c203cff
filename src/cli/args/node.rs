//! The command `node`.

use clap::{Args, Subcommand};
use std::path::PathBuf;

/// What `node` can do.
#[derive(Clone, Debug, Subcommand)]
pub enum NodeCommand {
    /// Take a node on another host out of the cluster
    Remove(RemoveArgs),
}

/// Flags of `node remove`.
// Each is a switch of its own on the command line; there is no state machine among them.
#[allow(clippy::struct_excessive_bools)]
#[derive(Clone, Debug, Args)]
pub struct RemoveArgs {
    /// The node's name, or the id of a member of etcd that has never started
    pub name: String,
    /// Its host is gone for good: nobody there is asked
    #[arg(long)]
    pub dead: bool,
    /// With --dead: wait until the cluster notices that the host is gone, which takes up to a minute
    #[arg(long, requires = "dead")]
    pub wait: bool,
    /// Ask nothing
    #[arg(long, short)]
    pub yes: bool,
    /// How long its Pods get to move elsewhere
    #[arg(long, value_name = "TIME", default_value = "5m", value_parser = super::certs::seconds)]
    pub drain_timeout: i64,
    /// With what the cluster is entered
    #[arg(long, value_name = "FILE", default_value = "/etc/kubernetes/admin.conf")]
    pub kubeconfig: PathBuf,
    /// Phases to leave out: drain, remove-etcd-member, update-cluster-status, delete-node
    #[arg(long, value_name = "PHASE", value_delimiter = ',')]
    pub skip_phases: Vec<String>,
    /// Change nothing; print what would be done
    #[arg(long)]
    pub dry_run: bool,
}
