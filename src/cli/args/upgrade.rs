//! The flags of `upgrade` and what is below it.

use super::normalize::as_go_reads_it;
use super::page::PageArgs;
use clap::{Args, Subcommand};
use std::path::PathBuf;

/// The subcommands of `upgrade`.
#[derive(Clone, Debug, Subcommand)]
pub enum UpgradeCommand {
    /// Show the versions that this cluster can be upgraded to, and what would stop the upgrade
    Plan(PlanArgs),
    /// Show how an upgrade would change the files of this host
    Diff(DiffArgs),
    /// Upgrade the first control plane and the objects of the cluster, with a way back
    Apply(ApplyArgs),
    /// Upgrade this node after 'upgrade apply' on another one: a further control plane or a worker
    Node(NodeArgs),
}

/// Flags of `upgrade apply`.
// Independent command-line switches, not a state machine.
#[allow(clippy::struct_excessive_bools)]
#[derive(Clone, Debug, Args)]
pub struct ApplyArgs {
    /// Version to upgrade to, such as v1.34.2
    #[arg(value_name = "VERSION", conflicts_with = "to")]
    pub version: Option<String>,
    /// Upgrade through all minor versions up to this one, such as v1.36 or v1.36.2, each with --finish
    #[arg(long, value_name = "VERSION")]
    pub to: Option<String>,
    #[command(flatten)]
    pub shared: HostArgs,
    /// Also accept an alpha or beta version
    #[arg(long)]
    pub allow_experimental_upgrades: bool,
    /// Also accept a release candidate
    #[arg(long)]
    pub allow_release_candidate_upgrades: bool,
    /// Continue although version rules that NEED FORCE are broken, and do not ask
    #[arg(long, short)]
    pub force: bool,
    /// Also print the stored configuration of the cluster
    #[arg(long)]
    pub print_config: bool,
    /// Do not ask for confirmation
    #[arg(long, short)]
    pub yes: bool,
    /// Accepted for compatibility with kubeadm before v1.22; not used
    #[arg(long, hide = true)]
    pub image_pull_timeout: Option<String>,
}

/// Flags of `upgrade node`.
#[derive(Clone, Debug, Args)]
pub struct NodeArgs {
    #[command(flatten)]
    pub shared: HostArgs,
}

/// Flags of `upgrade apply` and `upgrade node`.
#[derive(Clone, Debug, Args)]
pub struct HostArgs {
    /// kubeadm configuration file (UpgradeConfiguration); '-' reads standard input
    #[arg(long, value_name = "FILE")]
    pub config: Option<PathBuf>,
    /// kubeconfig used to access the cluster [default: admin.conf, on a worker kubelet.conf, in /etc/kubernetes]
    #[arg(long, value_name = "FILE")]
    pub kubeconfig: Option<PathBuf>,
    /// Renew the certificates of components that change [default: true]; if given, of all components
    #[arg(long, value_name = "BOOL", num_args = 0..=1, require_equals = true, default_missing_value = "true", value_parser = yes_or_no)]
    pub certificate_renewal: Option<bool>,
    /// Upgrade etcd as well [default: true]
    #[arg(long, value_name = "BOOL", num_args = 0..=1, require_equals = true, default_missing_value = "true", value_parser = yes_or_no)]
    pub etcd_upgrade: Option<bool>,
    /// Directory with patches for the static Pods, the kubelet configuration and CoreDNS
    #[arg(long, value_name = "DIR", alias = "experimental-patches")]
    pub patches: Option<String>,
    /// Checks whose errors are shown as warnings; 'all' for every check
    #[arg(long, value_name = "CHECK", value_delimiter = ',')]
    pub ignore_preflight_errors: Vec<String>,
    /// Phases to skip
    #[arg(long, value_name = "PHASE", value_delimiter = ',')]
    pub skip_phases: Vec<String>,
    /// Then replace the kubelet and kubectl of this host: drain the node, install, restart, uncordon
    #[arg(long)]
    pub finish: bool,
    /// Directory with packages or programs and their SHA256SUMS [default: this host's package repositories]
    #[arg(long, value_name = "DIR")]
    pub packages: Option<PathBuf>,
    /// How long to wait for Pods to be evicted [default: 5m]
    #[arg(long, value_name = "TIME", value_parser = super::certs::seconds)]
    pub drain_timeout: Option<i64>,
    /// Print the changes without applying them
    #[arg(long)]
    pub dry_run: bool,
    #[command(flatten)]
    pub page: PageArgs,
    /// Accepted for compatibility with kubeadm before v1.32; not used
    #[arg(long, hide = true)]
    pub feature_gates: Option<String>,
}

/// Flags of `upgrade plan`.
// Independent command-line switches, not a state machine.
#[allow(clippy::struct_excessive_bools)]
#[derive(Clone, Debug, Args)]
#[command(after_help = "\
Nothing is changed, and nothing is looked up on the internet: without VERSION, the \
newest releases that this version of kubewright knows, or that are in DIR, are \
proposed. The steps are those of 'upgrade apply --to VERSION [--packages DIR]'.

Exit codes with --exit-code: 0 nothing to upgrade, 12 an upgrade is available, \
9 the version rules forbid it.")]
pub struct PlanArgs {
    /// Version to upgrade to, such as v1.34.2
    #[arg(value_name = "VERSION")]
    pub version: Option<String>,
    /// Directory with packages or programs that 'upgrade apply' is to use: a directory for each release
    #[arg(long, value_name = "DIR")]
    pub packages: Option<PathBuf>,
    /// kubeadm configuration file (UpgradeConfiguration); '-' reads standard input
    #[arg(long, value_name = "FILE")]
    pub config: Option<PathBuf>,
    /// kubeconfig used to read the cluster
    #[arg(long, value_name = "FILE", default_value = "/etc/kubernetes/admin.conf")]
    pub kubeconfig: PathBuf,
    /// Also accept an alpha or beta version
    #[arg(long)]
    pub allow_experimental_upgrades: bool,
    /// Also accept a release candidate
    #[arg(long)]
    pub allow_release_candidate_upgrades: bool,
    /// Upgrade etcd as well [default: true]
    #[arg(long, value_name = "BOOL", num_args = 0..=1, require_equals = true, default_missing_value = "true", value_parser = yes_or_no)]
    pub etcd_upgrade: Option<bool>,
    /// Also print the stored configuration of the cluster
    #[arg(long)]
    pub print_config: bool,
    /// Checks whose errors are shown as warnings; 'all' for every check
    #[arg(long, value_name = "CHECK", value_delimiter = ',')]
    pub ignore_preflight_errors: Vec<String>,
    /// Exit with 12 if an upgrade is available, and with 9 if it is not allowed
    #[arg(long)]
    pub exit_code: bool,
    /// Accepted for compatibility with kubeadm before v1.32; not used
    #[arg(long, hide = true)]
    pub feature_gates: Option<String>,
}

/// Flags of `upgrade diff`.
#[derive(Clone, Debug, Args)]
#[command(after_help = "\
Files are compared by content: the order of keys is not a difference. Lines that may \
contain secrets are masked.

Exit codes with --exit-code: 0 no differences, 12 differences.")]
pub struct DiffArgs {
    /// Version to compare with [default: the newest known release of the next minor version]
    #[arg(value_name = "VERSION")]
    pub version: Option<String>,
    /// kubeadm configuration file (UpgradeConfiguration); '-' reads standard input
    #[arg(long, value_name = "FILE")]
    pub config: Option<PathBuf>,
    /// kubeconfig used to read the cluster
    #[arg(long, value_name = "FILE", default_value = "/etc/kubernetes/admin.conf")]
    pub kubeconfig: PathBuf,
    /// Lines of context around each difference [default: 3]
    #[arg(long, short, value_name = "LINES")]
    pub context_lines: Option<String>,
    /// Directory with patches for the static Pods and the kubelet configuration
    #[arg(long, value_name = "DIR")]
    pub patches: Option<PathBuf>,
    /// Exit with 12 if there are differences
    #[arg(long)]
    pub exit_code: bool,
    /// Accepted for compatibility with kubeadm before v1.32; not used
    #[arg(long, hide = true)]
    pub api_server_manifest: Option<PathBuf>,
    /// Accepted for compatibility with kubeadm before v1.32; not used
    #[arg(long, hide = true)]
    pub controller_manager_manifest: Option<PathBuf>,
    /// Accepted for compatibility with kubeadm before v1.32; not used
    #[arg(long, hide = true)]
    pub scheduler_manifest: Option<PathBuf>,
}

/// A switch that is on by default, in the spellings that Go accepts.
fn yes_or_no(text: &str) -> Result<bool, String> {
    as_go_reads_it(text).ok_or_else(|| "write true or false".into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_switch_that_is_on_by_default_can_be_switched_off() {
        assert_eq!((yes_or_no("F"), yes_or_no("true")), (Ok(false), Ok(true)));
        assert!(yes_or_no("maybe").is_err());
    }
}
