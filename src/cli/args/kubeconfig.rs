//! The flags of `kubeconfig` and what is below it.

use clap::{Args, Subcommand};
use std::path::PathBuf;

/// What `kubeconfig` can do.
#[derive(Clone, Debug, Subcommand)]
pub enum KubeconfigCommand {
    /// Let kubectl of a user reach this cluster: admin.conf becomes a part of the user's ~/.kube/config
    Install(InstallArgs),
    /// Print a kubeconfig for another user of the cluster
    User(UserArgs),
}

/// Flags of `kubeconfig install`.
#[derive(Clone, Debug, Args)]
pub struct InstallArgs {
    /// Whose kubeconfig [default: of who called sudo, else of who runs this]
    #[arg(long, value_name = "NAME")]
    pub user: Option<String>,
    /// The kubeconfig to take in [default: /etc/kubernetes/admin.conf]
    #[arg(long, value_name = "FILE")]
    pub kubeconfig: Option<PathBuf>,
    /// Change nothing; print what would be done
    #[arg(long)]
    pub dry_run: bool,
}

/// Flags of `kubeconfig user`.
#[derive(Clone, Debug, Args)]
#[command(after_help = "\
The user may do what RBAC allows that name and those groups, which at first is nothing:
    kubectl create clusterrolebinding jane-view --clusterrole view --user jane")]
pub struct UserArgs {
    /// The user's name: the common name of the certificate
    #[arg(long, value_name = "NAME")]
    pub client_name: String,
    /// The user's groups: the organizations of the certificate
    #[arg(long, value_name = "GROUP", value_delimiter = ',')]
    pub org: Vec<String>,
    /// A bearer token to put into the kubeconfig in place of a certificate
    #[arg(long, value_name = "TOKEN", conflicts_with_all = ["org", "validity_period"])]
    pub token: Option<String>,
    /// How long the certificate is valid: a certificate cannot be taken back [default: 168h0m0s]
    #[arg(long, value_name = "DURATION")]
    pub validity_period: Option<String>,
    /// A kubeadm configuration file [default: what the cluster has stored]; '-' reads standard input
    #[arg(long, value_name = "FILE")]
    pub config: Option<PathBuf>,
}
