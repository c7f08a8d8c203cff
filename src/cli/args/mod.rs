//! The command line as typed. Nothing is looked up or interpreted here.

pub mod certs;
pub mod config;
pub mod etcd;
pub mod fleet;
pub mod global;
pub mod host;
pub mod init;
pub mod join;
pub mod kubeconfig;
pub mod network;
pub mod node;
pub mod normalize;
pub mod page;
pub mod phase;
pub mod preflight;
pub mod reset;
pub mod ssh;
pub mod status;
pub mod token;
pub mod upgrade;

use clap::{Parser, Subcommand};
pub use global::Global;

/// Bootstrap and maintain Kubernetes clusters, as a drop-in replacement for kubeadm.
#[derive(Debug, Parser)]
#[command(
    name = "kubewright",
    version,
    about = "Bootstrap and maintain Kubernetes clusters: a drop-in for kubeadm that also automates day-2 tasks",
    disable_help_subcommand = true,
    arg_required_else_help = true,
    after_help = "\
First control plane:   kubewright init --pod-network-cidr 10.244.0.0/16
Other hosts:           kubewright join HOST:6443 --config join.yaml
Check this host:       kubewright preflight
Preview:               kubewright init --dry-run
Files only, no root:   kubewright init --rootfs ./tree --config cluster.yaml
Many hosts over SSH:   kubewright apply -f cluster.yaml"
)]
pub struct Cli {
    #[command(flatten)]
    pub global: Global,
    #[command(subcommand)]
    pub command: Command,
}

/// The commands.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Initialize this host as the first control plane of a new cluster
    Init(Box<init::InitArgs>),
    /// Join this host to a cluster as a worker or control plane
    Join(join::JoinArgs),
    /// Check whether this host is ready for 'init' or 'join', and optionally fix it
    Preflight(preflight::PreflightArgs),
    /// Remove this host from its cluster and revert the changes made by 'init' or 'join'
    Reset(reset::ResetArgs),
    /// Show the state of a cluster on one screen, what is wrong first
    Status(status::StatusArgs),
    /// Find what is wrong with this host and its cluster, and fix what can be fixed
    Doctor(status::DoctorArgs),
    /// Test the network of the Pods
    #[command(subcommand)]
    Network(network::NetworkCommand),
    /// Plan and apply the upgrade of a cluster to another version of Kubernetes
    #[command(subcommand)]
    Upgrade(upgrade::UpgradeCommand),
    /// Show what 'apply' would do on each host of a file
    Plan(fleet::PlanArgs),
    /// Show how the files on each host would change, in full
    Diff(fleet::DiffArgs),
    /// Bring a cluster into the state that its file describes, over SSH
    Apply(fleet::ApplyArgs),
    /// Remove hosts of a file from their cluster, dead ones too
    Remove(fleet::RemoveHostArgs),
    /// Manage the nodes of a cluster
    #[command(subcommand)]
    Node(node::NodeCommand),
    /// Create, list and delete bootstrap tokens
    Token(token::TokenArgs),
    /// Manage the certificates of a cluster
    #[command(subcommand)]
    Certs(certs::CertsCommand),
    /// Save snapshots of etcd, and recover a cluster whose etcd majority is lost
    #[command(subcommand)]
    Etcd(etcd::EtcdCommand),
    /// Create kubeconfig files and install admin.conf for a user
    #[command(subcommand)]
    Kubeconfig(kubeconfig::KubeconfigCommand),
    /// Print, validate and migrate configuration files; list and pull images
    #[command(subcommand)]
    Config(config::ConfigCommand),
    /// Show what this host is, and run commands on it that outlive the connection
    #[command(subcommand)]
    Host(host::HostCommand),
    /// Check the connections to hosts over SSH
    #[command(subcommand)]
    Ssh(ssh::SshCommand),
    /// Print the version of kubewright
    Version(global::VersionArgs),
    /// Generate a shell completion script
    Completion(global::CompletionArgs),
    /// Write the manual pages to a directory
    Man(global::ManArgs),
}
