//! The command `token`.

use clap::{Args, Subcommand};
use std::path::PathBuf;

/// `token`: options of all of its commands, and the command.
#[derive(Clone, Debug, Args)]
pub struct TokenArgs {
    /// The kubeconfig with which the cluster is entered [default: KUBECONFIG, ~/.kube/config, /etc/kubernetes/admin.conf]
    #[arg(long, global = true, value_name = "FILE")]
    pub kubeconfig: Option<PathBuf>,
    /// Change nothing; print what would be done
    #[arg(long, global = true)]
    pub dry_run: bool,
    /// What to do.
    #[command(subcommand)]
    pub command: TokenCommand,
}

/// What `token` can do.
#[derive(Clone, Debug, Subcommand)]
pub enum TokenCommand {
    /// Create a token in the cluster, and print it or the line with which a host joins
    Create(CreateArgs),
    /// Remove tokens from the cluster
    Delete(DeleteArgs),
    /// Print a new random token; no server is told of it
    Generate(NoArgs),
    /// List the tokens of the cluster and how long they still live
    List(ListArgs),
}

/// Flags of `token create`.
#[derive(Clone, Debug, Args)]
#[command(after_help = "\
A worker:           kubewright token create --print-join-command
A control plane:    kubewright token create --control-plane   (uploads the certificates, too)")]
pub struct CreateArgs {
    /// The token, abcdef.0123456789abcdef [default: a new one]
    pub token: Option<String>,
    /// A kubeadm configuration file whose bootstrapTokens are created; '-' reads standard input
    #[arg(long, value_name = "FILE", conflicts_with_all = ["token", "ttl", "usages", "groups", "description"])]
    pub config: Option<PathBuf>,
    /// How long the token lives; 0 for ever [default: 24h0m0s]
    #[arg(long, value_name = "DURATION")]
    pub ttl: Option<String>,
    /// What the token may be used for [default: signing,authentication]
    #[arg(long, value_name = "USAGE", value_delimiter = ',')]
    pub usages: Vec<String>,
    /// The groups of whoever shows the token [default: system:bootstrappers:kubeadm:default-node-token]
    #[arg(long, value_name = "GROUP", value_delimiter = ',')]
    pub groups: Vec<String>,
    /// What the token is for, for people
    #[arg(long, value_name = "TEXT", default_value = "", hide_default_value = true)]
    pub description: String,
    /// Print the whole line with which a host joins, not only the token
    #[arg(long)]
    pub print_join_command: bool,
    /// The key of certificates that were uploaded before: the line of --print-join-command then makes a control plane
    #[arg(long, value_name = "KEY")]
    pub certificate_key: Option<String>,
    /// Upload this control plane's certificates and print the line with which a control plane joins
    #[arg(long, conflicts_with = "certificate_key")]
    pub control_plane: bool,
}

/// Arguments of `token delete`.
#[derive(Clone, Debug, Args)]
pub struct DeleteArgs {
    /// The tokens, by their first six characters or whole
    #[arg(required = true, value_name = "TOKEN")]
    pub tokens: Vec<String>,
}

/// Flags of `token list`.
#[derive(Clone, Debug, Args)]
pub struct ListArgs {}

/// A command without options of its own.
#[derive(Clone, Debug, Args)]
pub struct NoArgs {}
