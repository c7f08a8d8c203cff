//! The flags of `kubeconfig` and what is below it.

use clap::{Args, Subcommand};
use std::path::PathBuf;

/// What `kubeconfig` can do.
#[derive(Clone, Debug, Subcommand)]
pub enum KubeconfigCommand {
    /// Let kubectl of a user reach this cluster: admin.conf becomes a part of the user's ~/.kube/config
    Install(InstallArgs),
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
