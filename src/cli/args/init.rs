//! Flags of `init` and its phases: kubeadm's names with kubeadm's meaning.

use super::page::PageArgs;
use crate::config::InitFlags;
use clap::Args;
use std::path::PathBuf;

/// Flags of `init`: those of the configuration, and those of a single run.
// Independent command-line switches, not a state machine.
#[allow(clippy::struct_excessive_bools)]
#[derive(Clone, Debug, Default, Args)]
pub struct InitArgs {
    /// kubeadm configuration file; '-' reads standard input
    #[arg(long, value_name = "FILE")]
    pub config: Option<PathBuf>,
    #[command(flatten)]
    pub flags: InitFlags,
    /// Upload the control-plane certificates, encrypted, to the kubeadm-certs Secret
    #[arg(long, alias = "experimental-upload-certs")]
    pub upload_certs: bool,
    /// Do not print the certificate key
    #[arg(long)]
    pub skip_certificate_key_print: bool,
    /// Do not print the bootstrap token
    #[arg(long)]
    pub skip_token_print: bool,
    /// Fix what preflight can fix: swap, kernel modules and parameters, the runtime's configuration
    #[arg(long)]
    pub fix: bool,
    /// Overwrite the objects that another cluster left in an external etcd
    #[arg(long)]
    pub adopt_existing_etcd_data: bool,
    #[command(flatten)]
    pub page: PageArgs,
    /// Print the manifests of an addon instead of applying them (for 'init phase addon …')
    #[arg(long, hide = true)]
    pub print_manifest: bool,
    /// Directory of the kubeconfig files (for 'init phase kubeconfig …') [default: /etc/kubernetes]
    #[arg(long, value_name = "DIR", hide = true)]
    pub kubeconfig_dir: Option<PathBuf>,
    /// kubeconfig used to access the cluster (for single phases) [default: /etc/kubernetes/admin.conf]
    #[arg(long, value_name = "FILE", hide = true)]
    pub kubeconfig: Option<PathBuf>,
}
