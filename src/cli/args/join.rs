//! Flags of `join` and its phases: kubeadm's names with kubeadm's meaning.

use super::page::PageArgs;
use crate::config::JoinFlags;
use clap::Args;
use std::path::PathBuf;

/// Flags of `join`: those of the configuration, and those of a single run.
#[derive(Clone, Debug, Default, Args)]
pub struct JoinArgs {
    /// kubeadm configuration file; '-' reads standard input
    #[arg(long, value_name = "FILE")]
    pub config: Option<PathBuf>,
    #[command(flatten)]
    pub flags: JoinFlags,
    /// File with the token; '-' reads standard input. The variable KUBEWRIGHT_TOKEN works too
    #[arg(long, value_name = "FILE", conflicts_with = "token")]
    pub token_file: Option<PathBuf>,
    /// Fix what preflight can fix: swap, kernel modules and parameters, the runtime's configuration
    #[arg(long)]
    pub fix: bool,
    #[command(flatten)]
    pub page: PageArgs,
}
