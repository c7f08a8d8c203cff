//! Flags of `reset` and its phases: kubeadm's names with kubeadm's meaning, and a few of our own.

use clap::Args;
use std::path::PathBuf;

/// Flags of `reset`. Values stay text here, as with `init`.
// Independent command-line switches, not a state machine.
#[allow(clippy::struct_excessive_bools)]
#[derive(Clone, Debug, Default, Args)]
pub struct ResetArgs {
    /// kubeadm configuration file with a ResetConfiguration; '-' reads standard input
    #[arg(long, value_name = "FILE")]
    pub config: Option<PathBuf>,
    /// Do not ask, and continue if the API server or etcd does not respond
    #[arg(long, short)]
    pub force: bool,
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
    /// Also remove kubeadm's files in /etc/kubernetes/tmp
    #[arg(long)]
    pub cleanup_tmp_dir: bool,
    /// Directory of the certificates [default: from the API server manifest, else /etc/kubernetes/pki]
    #[arg(long, value_name = "DIR")]
    pub cert_dir: Option<String>,
    /// Path to the CRI socket [default: detected]
    #[arg(long, value_name = "SOCKET")]
    pub cri_socket: Option<String>,
    /// Preflight checks whose errors are ignored; 'all' for every check
    #[arg(long, value_name = "CHECK", value_delimiter = ',')]
    pub ignore_preflight_errors: Vec<String>,
    /// kubeconfig used to remove the node from the cluster [default: /etc/kubernetes/admin.conf, else kubelet.conf]
    #[arg(long, value_name = "FILE")]
    pub kubeconfig: Option<PathBuf>,
    /// Phases to skip
    #[arg(long, value_name = "PHASE", value_delimiter = ',')]
    pub skip_phases: Vec<String>,
    /// Print the changes without applying them
    #[arg(long)]
    pub dry_run: bool,
}
