//! The command `token`.

use clap::{Args, Subcommand};
use std::path::PathBuf;

/// `token`: options shared by its subcommands.
#[derive(Clone, Debug, Args)]
pub struct TokenArgs {
    /// kubeconfig used to access the cluster [default: KUBECONFIG, ~/.kube/config, /etc/kubernetes/admin.conf]
    #[arg(long, global = true, value_name = "FILE")]
    pub kubeconfig: Option<PathBuf>,
    /// Print the changes without applying them
    #[arg(long, global = true)]
    pub dry_run: bool,
    #[command(subcommand)]
    pub command: TokenCommand,
}

/// The subcommands of `token`.
#[derive(Clone, Debug, Subcommand)]
pub enum TokenCommand {
    /// Create a bootstrap token and print it, or the command with which a host joins
    Create(CreateArgs),
    /// Delete bootstrap tokens
    Delete(DeleteArgs),
    /// Generate a random token without creating it in the cluster
    Generate(NoArgs),
    /// List the bootstrap tokens of the cluster
    List(ListArgs),
}

/// Flags of `token create`.
#[derive(Clone, Debug, Args)]
#[command(after_help = "\
To join a worker:         kubewright token create --print-join-command
To join new machines:     kubewright token create --ttl 1h --print-cloud-init > user-data
To join a control plane:  kubewright token create --control-plane   (also uploads the certificates)")]
pub struct CreateArgs {
    /// Token to create, as abcdef.0123456789abcdef [default: generated]
    pub token: Option<String>,
    /// kubeadm configuration file whose bootstrapTokens are created; '-' reads standard input
    #[arg(long, value_name = "FILE", conflicts_with_all = ["token", "ttl", "usages", "groups", "description"])]
    pub config: Option<PathBuf>,
    /// Lifetime of the token; 0 means it never expires [default: 24h0m0s]
    #[arg(long, value_name = "DURATION")]
    pub ttl: Option<String>,
    /// Usages of the token [default: signing,authentication]
    #[arg(long, value_name = "USAGE", value_delimiter = ',')]
    pub usages: Vec<String>,
    /// Groups that the token authenticates as [default: system:bootstrappers:kubeadm:default-node-token]
    #[arg(long, value_name = "GROUP", value_delimiter = ',')]
    pub groups: Vec<String>,
    /// Description of what the token is for
    #[arg(long, value_name = "TEXT", default_value = "", hide_default_value = true)]
    pub description: String,
    /// Print the full 'kubewright join' command instead of only the token
    #[arg(long)]
    pub print_join_command: bool,
    /// Print the user data with which cloud-init joins a new machine as a worker: it contains the token
    #[arg(long, conflicts_with_all = ["print_join_command", "certificate_key", "control_plane"])]
    pub print_cloud_init: bool,
    /// Key of certificates uploaded before; makes --print-join-command print a command for a control plane
    #[arg(long, value_name = "KEY")]
    pub certificate_key: Option<String>,
    /// Upload this host's control-plane certificates and print the command with which a control plane joins
    #[arg(long, alias = "upload-certs", conflicts_with = "certificate_key")]
    pub control_plane: bool,
}

/// Arguments of `token delete`.
#[derive(Clone, Debug, Args)]
pub struct DeleteArgs {
    /// Tokens to delete, in full or by their ID (the first six characters)
    #[arg(required = true, value_name = "TOKEN")]
    pub tokens: Vec<String>,
}

/// Flags of `token list`.
#[derive(Clone, Debug, Args)]
pub struct ListArgs {}

/// Arguments of a command without options.
#[derive(Clone, Debug, Args)]
pub struct NoArgs {}
