//! The flags of `reset` and of its phases: kubeadm's names, kubeadm's meaning, and a few of our own.

use clap::Args;
use std::path::PathBuf;

/// Flags of `reset`. Values stay text here, as with `init`.
// Each is a switch of its own on the command line; there is no state machine among them.
#[allow(clippy::struct_excessive_bools)]
#[derive(Clone, Debug, Default, Args)]
pub struct ResetArgs {
    /// A kubeadm configuration file with a `ResetConfiguration`; '-' reads standard input
    #[arg(long, value_name = "FILE")]
    pub config: Option<PathBuf>,
    /// Ask nothing, and go on if the API server or etcd does not answer
    #[arg(long, short)]
    pub force: bool,
    /// Ask nothing
    #[arg(long, short)]
    pub yes: bool,
    /// Leave etcd even if those that stay have no majority then, so that the cluster stops
    #[arg(long)]
    pub accept_quorum_loss: bool,
    /// Leave even if this host has the last member of etcd: the cluster is gone then, with everything stored in it
    #[arg(long)]
    pub end_cluster: bool,
    /// Take back what --fix prepared on this host: swap, kernel modules and parameters, the runtime's configuration
    #[arg(long)]
    pub undo_fix: bool,
    /// Keep the copies of earlier certificates and keys in /var/lib/kubewright/backup
    #[arg(long)]
    pub keep_backups: bool,
    /// How long Pods get to move elsewhere
    #[arg(long, value_name = "TIME", default_value = "5m", value_parser = super::certs::seconds)]
    pub drain_timeout: i64,
    /// Remove kubeadm's files in /etc/kubernetes/tmp, too
    #[arg(long)]
    pub cleanup_tmp_dir: bool,
    /// The folder of the certificates [default: what the API server's manifest says, else /etc/kubernetes/pki]
    #[arg(long, value_name = "DIR")]
    pub cert_dir: Option<String>,
    /// The socket of the container runtime [default: the one that answers]
    #[arg(long, value_name = "SOCKET")]
    pub cri_socket: Option<String>,
    /// Preflight checks whose errors are ignored; 'all' for every one
    #[arg(long, value_name = "CHECK", value_delimiter = ',')]
    pub ignore_preflight_errors: Vec<String>,
    /// With what the cluster is told [default: /etc/kubernetes/admin.conf, else kubelet.conf]
    #[arg(long, value_name = "FILE")]
    pub kubeconfig: Option<PathBuf>,
    /// Phases to leave out
    #[arg(long, value_name = "PHASE", value_delimiter = ',')]
    pub skip_phases: Vec<String>,
    /// Change nothing; print what would be done
    #[arg(long)]
    pub dry_run: bool,
}
