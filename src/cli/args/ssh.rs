//! The command `ssh`.

use clap::{Args, Subcommand, ValueEnum};
use std::path::PathBuf;

/// The subcommands of `ssh`.
#[derive(Clone, Debug, Subcommand)]
pub enum SshCommand {
    /// Connect to hosts as a run over many hosts does, and report what was found
    #[command(after_help = "\
Nothing is changed on the hosts. Hosts are connected to as OpenSSH does, by ~/.ssh/config, known_hosts and the agent; a host whose \
key is unknown is not logged in to. The exit code is 0 only if every host can be connected to and commands can be run as root \
there.")]
    Check(CheckArgs),
}

/// Flags of `ssh check`.
#[derive(Clone, Debug, Args)]
pub struct CheckArgs {
    /// Hosts, or aliases of ~/.ssh/config
    #[arg(value_name = "[USER@]HOST[:PORT]", required_unless_present = "file")]
    pub hosts: Vec<String>,
    /// Check the hosts of a file with a document of kind Cluster, as its lines say; '-' reads standard input
    #[arg(long, short, value_name = "FILE", conflicts_with_all = ["hosts", "identity", "jump", "sudo"])]
    pub file: Option<PathBuf>,
    #[command(flatten)]
    pub connection: ConnectionArgs,
    /// How commands become root: auto, none (log in as root), sudo or doas
    #[arg(long, value_enum, value_name = "WAY", default_value = "auto", hide_possible_values = true)]
    pub sudo: SudoArg,
    /// File with the password for sudo; - is standard input. Without it, it is asked for on a terminal
    #[arg(long, value_name = "FILE")]
    pub sudo_password_file: Option<PathBuf>,
    /// How many hosts are connected to at once
    #[arg(long, value_name = "N", default_value_t = 30, value_parser = clap::value_parser!(u16).range(1..=500))]
    pub parallel: u16,
}

/// Flags of connections to hosts.
#[derive(Clone, Debug, Args)]
pub struct ConnectionArgs {
    /// Private keys to offer, and no others
    #[arg(long, short, value_name = "FILE")]
    pub identity: Vec<PathBuf>,
    /// Hosts to connect through, the first one first, as in ssh -J; none: ignore those of ~/.ssh/config
    #[arg(long, short = 'J', value_name = "HOST,…")]
    pub jump: Option<String>,
    /// Read this file instead of ~/.ssh/config and that of the system
    #[arg(long, short = 'F', value_name = "FILE")]
    pub ssh_config: Option<PathBuf>,
    /// Program that connects: own (this one), or system (the ssh of this machine, for what this one does not support)
    #[arg(long, value_enum, value_name = "PROGRAM", default_value = "own", hide_possible_values = true)]
    pub transport: TransportArg,
    /// Add the keys of unknown hosts to the file of known hosts without verification; a changed key is still refused
    #[arg(long)]
    pub accept_new_host_keys: bool,
}

/// Ways to root.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum SudoArg {
    /// What works.
    Auto,
    /// Log in as root.
    None,
    /// With sudo.
    Sudo,
    /// With doas.
    Doas,
}

/// Programs that connect.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum TransportArg {
    /// This one.
    Own,
    /// The `ssh` of this machine.
    System,
}
