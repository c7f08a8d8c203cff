//! Flags of `reset` and its phases: kubeadm's names with kubeadm's meaning, and a few of our own.

use crate::config::ResetFlags;
use clap::Args;
use std::path::PathBuf;

/// Flags of `reset`: those of the configuration, and those of a single run.
// Independent command-line switches, not a state machine.
#[allow(clippy::struct_excessive_bools)]
#[derive(Clone, Debug, Default, Args)]
pub struct ResetArgs {
    /// kubeadm configuration file with a ResetConfiguration; '-' reads standard input
    #[arg(long, value_name = "FILE")]
    pub config: Option<PathBuf>,
    #[command(flatten)]
    pub flags: ResetFlags,
    /// Do not ask for confirmation
    #[arg(long, short)]
    pub yes: bool,
    /// Remove the etcd member even if the remaining members lose quorum, which stops the cluster
    #[arg(long)]
    pub accept_quorum_loss: bool,
    /// Remove the last etcd member too: the cluster and everything stored in it are lost
    #[arg(long)]
    pub end_cluster: bool,
    /// Also revert what --fix changed on this host: swap, kernel modules and parameters, the runtime's configuration
    #[arg(long)]
    pub undo_fix: bool,
    /// Keep the backups of certificates and keys in /var/lib/kubewright/backup
    #[arg(long)]
    pub keep_backups: bool,
    /// How long to wait for Pods to be evicted
    #[arg(long, value_name = "TIME", default_value = "5m", value_parser = super::certs::seconds)]
    pub drain_timeout: i64,
    /// kubeconfig used to remove the node from the cluster [default: /etc/kubernetes/admin.conf, else kubelet.conf]
    #[arg(long, value_name = "FILE")]
    pub kubeconfig: Option<PathBuf>,
}
