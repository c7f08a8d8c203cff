//! The flags of `kubeconfig` and what is below it.

use clap::{Args, Subcommand};
use std::path::PathBuf;

/// The subcommands of `kubeconfig`.
#[derive(Clone, Debug, Subcommand)]
pub enum KubeconfigCommand {
    /// Merge the cluster's admin.conf into a user's ~/.kube/config
    Install(InstallArgs),
    /// Create a kubeconfig for another user of the cluster
    User(UserArgs),
}

/// Flags of `kubeconfig install`.
#[derive(Clone, Debug, Args)]
pub struct InstallArgs {
    /// User whose kubeconfig is changed [default: the user who called sudo, else the current user]
    #[arg(long, value_name = "NAME")]
    pub user: Option<String>,
    /// kubeconfig to merge [default: /etc/kubernetes/admin.conf]
    #[arg(long, value_name = "FILE")]
    pub kubeconfig: Option<PathBuf>,
    /// Print the changes without applying them
    #[arg(long)]
    pub dry_run: bool,
}

/// Flags of `kubeconfig user`.
#[derive(Clone, Debug, Args)]
#[command(after_help = "\
RBAC decides what the user may do; a new user has no permissions. To grant read access, for example:
    kubectl create clusterrolebinding jane-view --clusterrole view --user jane")]
pub struct UserArgs {
    /// User name: the common name (CN) of the certificate
    #[arg(long, value_name = "NAME")]
    pub client_name: String,
    /// Groups of the user: the organizations (O) of the certificate
    #[arg(long, value_name = "GROUP", value_delimiter = ',')]
    pub org: Vec<String>,
    /// Bearer token to use instead of a client certificate
    #[arg(long, value_name = "TOKEN", conflicts_with_all = ["org", "validity_period"])]
    pub token: Option<String>,
    /// Validity period of the certificate, which cannot be revoked [default: 168h0m0s]
    #[arg(long, value_name = "DURATION")]
    pub validity_period: Option<String>,
    /// kubeadm configuration file [default: the configuration stored in the cluster]; '-' reads standard input
    #[arg(long, value_name = "FILE")]
    pub config: Option<PathBuf>,
}
