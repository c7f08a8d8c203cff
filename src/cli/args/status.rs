//! Flags of `status` and `doctor`.

use super::page::PageArgs;
use clap::{Args, Subcommand};
use std::path::PathBuf;

/// Flags of `status`.
#[derive(Clone, Debug, Args)]
#[command(after_help = "\
Run it on any host of the cluster, best on a control plane, or elsewhere with --kubeconfig. It works without the API: then it shows \
what files, ports, the container runtime, etcd and the kubelet's log say. What could not be seen is shown as unknown.

Exits with 0 if nothing is worse than a note, with 11 for a warning, and with 7 if something is critical.")]
pub struct StatusArgs {
    /// kubeconfig of the cluster [default: KUBECONFIG, the administrator's or the kubelet's of this host, ~/.kube/config]
    #[arg(long, value_name = "FILE")]
    pub kubeconfig: Option<PathBuf>,
    /// Show it again every so many seconds, until interrupted [without SECONDS: 5]
    #[arg(long, short, value_name = "SECONDS", num_args = 0..=1, conflicts_with = "report", require_equals = true, default_missing_value = "5",
          value_parser = clap::value_parser!(u64).range(1..=3600))]
    pub watch: Option<u64>,
    #[command(flatten)]
    pub page: PageArgs,
}

/// Flags of `doctor`.
#[derive(Clone, Debug, Args)]
#[command(after_help = "\
Checks this host and its cluster: what 'status' sees, the checks of 'preflight' that hold for a running host, logs, and files that \
differ from the cluster's configuration. A check that could not be made is listed, and does not count as passed.

Exits with 0 if nothing is worse than a note, with 11 for a warning, and with 7 for an error.")]
#[command(args_conflicts_with_subcommands = true)]
pub struct DoctorArgs {
    #[command(subcommand)]
    pub command: Option<DoctorCommand>,
    /// kubeconfig of the cluster [default: KUBECONFIG, the administrator's or the kubelet's of this host, ~/.kube/config]
    #[arg(long, value_name = "FILE")]
    pub kubeconfig: Option<PathBuf>,
    /// Fix what can be fixed while Pods run on this host
    #[arg(long)]
    pub fix: bool,
    /// With --fix: print the changes without applying them, in full with -v
    #[arg(long, requires = "fix")]
    pub dry_run: bool,
}

/// The subcommand of `doctor`.
#[derive(Clone, Debug, Subcommand)]
pub enum DoctorCommand {
    /// Write an archive with what others need to help, without secrets
    #[command(after_help = "\
The archive contains findings, status, logs and configuration of this host. Keys, tokens, passwords and certificates' keys are left \
out or masked; its first file lists what it contains. Look through it before you pass it on: names and addresses are in it.")]
    Report(ReportArgs),
}

/// Flags of `doctor report`.
#[derive(Clone, Debug, Args)]
pub struct ReportArgs {
    /// The file to write [default: kubewright-report-HOST-TIME.tar.gz in the current directory]
    pub file: Option<PathBuf>,
    /// kubeconfig of the cluster [default: as for 'doctor']
    #[arg(long, value_name = "FILE")]
    pub kubeconfig: Option<PathBuf>,
}
