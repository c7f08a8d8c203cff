//! The command line, as typed: nothing is looked up or interpreted here.

pub mod certs;
pub mod config;
pub mod global;
pub mod init;
pub mod join;
pub mod kubeconfig;
pub mod node;
pub mod normalize;
pub mod phase;
pub mod preflight;
pub mod reset;
pub mod token;

use clap::{Parser, Subcommand};
pub use global::Global;

/// kubewright bootstraps Kubernetes clusters the way kubeadm does, for every minor from 1.20 on.
#[derive(Debug, Parser)]
#[command(
    name = "kubewright",
    version,
    about = "Makes and keeps Kubernetes clusters: what kubeadm does, and the jobs it leaves to people",
    disable_help_subcommand = true,
    arg_required_else_help = true,
    after_help = "\
First control plane:   kubewright init --pod-network-cidr 10.244.0.0/16
Further hosts:         kubewright join HOST:6443 --config join.yaml
Is this host fit?      kubewright preflight
Only look:             kubewright init --dry-run
Only the files:        kubewright init --rootfs ./tree --config cluster.yaml"
)]
pub struct Cli {
    /// Options of every command.
    #[command(flatten)]
    pub global: Global,
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
}

/// The commands.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Make this host the first control plane of a new cluster
    Init(init::InitArgs),
    /// Make this host a worker or a further control plane of a cluster
    Join(join::JoinArgs),
    /// Judge whether this host is fit for 'init' or 'join', and mend it
    Preflight(preflight::PreflightArgs),
    /// Take this host out of its cluster and remove what the cluster left on it
    Reset(reset::ResetArgs),
    /// Work with the nodes of a cluster
    #[command(subcommand)]
    Node(node::NodeCommand),
    /// Create, list and remove bootstrap tokens
    Token(token::TokenArgs),
    /// Work with the certificates of a cluster
    #[command(subcommand)]
    Certs(certs::CertsCommand),
    /// Give users access to the cluster of this host
    #[command(subcommand)]
    Kubeconfig(kubeconfig::KubeconfigCommand),
    /// Print, check and migrate configuration files, list images
    #[command(subcommand)]
    Config(config::ConfigCommand),
    /// Print the version
    Version(global::VersionArgs),
    /// Print the completion script of a shell
    Completion(global::CompletionArgs),
    /// Write the manual pages into a folder
    Man(global::ManArgs),
}
