//! The command `etcd`.

use clap::{Args, Subcommand};
use std::path::PathBuf;

/// The subcommands of `etcd`.
#[derive(Clone, Debug, Subcommand)]
pub enum EtcdCommand {
    /// Save and inspect snapshots of etcd's data
    #[command(subcommand)]
    Snapshot(SnapshotCommand),
    /// Continue a cluster that has lost its etcd majority with the data of this host
    #[command(after_help = "\
Only for a cluster whose other etcd members are gone for good. While their hosts or data still exist, start them instead: etcd \
continues by itself as soon as a majority is back, and nothing is lost.

The other members are asked first. As long as a majority answers, or one has newer data, nothing is done. Each member that does not \
answer must be named with --members-lost. What only the lost members have received is lost. A copy of this host's data is kept. A \
run that was interrupted is completed by 'kubewright etcd recover'.")]
    Recover(RecoverArgs),
}

/// The subcommands of `etcd snapshot`.
#[derive(Clone, Debug, Subcommand)]
pub enum SnapshotCommand {
    /// Save a snapshot of the etcd of this control plane
    #[command(after_help = "\
A snapshot contains everything that is stored in the cluster, including all Secrets in the form in which etcd has them. Its file \
is readable by root only. Copy it to another machine, together with /etc/kubernetes/pki, without which it is of no use.

Without FILE it is saved in /var/lib/kubewright/snapshots, which keeps the newest five (--keep). The file is written whole or not \
at all, and is verified before it gets its name.")]
    Save(SaveArgs),
    /// Verify a snapshot file and show what it contains
    Status(StatusArgs),
    /// Put the cluster back to the state of a snapshot, on this control plane
    #[command(after_help = "\
Everything that was stored in the cluster after the snapshot is lost, and the API is away for about a minute. You are shown the \
revisions and times, and asked. The present data is kept beside the new data.

etcd on this host becomes a new cluster of one member. With several control planes stop the API server and etcd on all others first \
and name them with --members-lost; afterwards they are reset and join again. Until etcd works with the restored data, a failure \
brings the data of before back. A run that was interrupted is continued by the same command.")]
    Restore(RestoreArgs),
}

/// Flags of `etcd snapshot save`.
#[derive(Clone, Debug, Args)]
pub struct SaveArgs {
    /// The file to write; by default a file in /var/lib/kubewright/snapshots with the time in its name
    pub file: Option<PathBuf>,
    /// How many snapshots to keep in the default directory, with the new one
    #[arg(long, value_name = "N", default_value_t = 5, value_parser = clap::value_parser!(u32).range(1..=1000), conflicts_with = "file")]
    pub keep: u32,
    /// Replace FILE if it exists
    #[arg(long, requires = "file")]
    pub overwrite: bool,
    /// Print the changes without applying them
    #[arg(long)]
    pub dry_run: bool,
}

/// Flags of `etcd snapshot status`.
#[derive(Clone, Debug, Args)]
pub struct StatusArgs {
    /// The snapshot
    pub file: PathBuf,
}

/// Flags of `etcd snapshot restore`.
#[derive(Clone, Debug, Args)]
pub struct RestoreArgs {
    /// The snapshot
    pub file: PathBuf,
    /// The names of all other etcd members, which are stopped and whose data is given up
    #[arg(long, value_name = "NAME", value_delimiter = ',')]
    pub members_lost: Vec<String>,
    /// Do not ask for confirmation
    #[arg(long, short)]
    pub yes: bool,
    /// Print the changes without applying them
    #[arg(long)]
    pub dry_run: bool,
}

/// Flags of `etcd recover`.
#[derive(Clone, Debug, Args)]
pub struct RecoverArgs {
    /// The names of all members that do not answer and are gone for good
    #[arg(long, value_name = "NAME", value_delimiter = ',')]
    pub members_lost: Vec<String>,
    /// Do not ask for confirmation
    #[arg(long, short)]
    pub yes: bool,
    /// Print the changes without applying them
    #[arg(long)]
    pub dry_run: bool,
}
