//! What `reset` and `upgrade` are told: resolved, defaulted and checked, like the types of `model`.

use super::model::Timeouts;
use crate::versions::Version;
use std::path::PathBuf;

/// All that `reset` is told.
#[derive(Clone, Debug)]
pub struct ResetConfig {
    /// Where the PKI lies; None: where the cluster says, else `/etc/kubernetes/pki`.
    pub certificates_dir: Option<PathBuf>,
    /// The container runtime's socket as given; None: to be probed.
    pub cri_socket: Option<String>,
    /// Ask nothing.
    pub force: bool,
    /// Empty `/etc/kubernetes/tmp` too.
    pub cleanup_tmp_dir: bool,
    /// Preflight checks to ignore, in lower case.
    pub ignore_preflight_errors: Vec<String>,
    /// Phases to leave out.
    pub skip_phases: Vec<String>,
    /// Flags for umount(2): `MNT_FORCE`, `MNT_DETACH`, `MNT_EXPIRE`, `UMOUNT_NOFOLLOW`.
    pub unmount_flags: Vec<String>,
    /// Deadlines of waits.
    pub timeouts: Timeouts,
}

/// Which of the upgrade commands is meant.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum UpgradeTask {
    /// `upgrade apply`
    Apply,
    /// `upgrade diff`
    Diff,
    /// `upgrade node`
    Node,
    /// `upgrade plan`
    Plan,
}

/// All that an upgrade command is told. What the command has no use for is at its default.
#[derive(Clone, Debug)]
#[allow(clippy::struct_excessive_bools)] // Each is a switch of its own, as in the API.
pub struct UpgradeConfig {
    /// The version to go to; None: to be chosen by the command.
    pub version: Option<Version>,
    /// Take alpha and beta versions for candidates.
    pub allow_experimental: bool,
    /// Take release candidates for candidates.
    pub allow_release_candidates: bool,
    /// Renew the certificates of components that are upgraded.
    pub certificate_renewal: bool,
    /// Upgrade etcd too.
    pub etcd_upgrade: bool,
    /// Go on where some requirements are not met, and ask nothing.
    pub force: bool,
    /// Print the configuration that is upgraded.
    pub print_config: bool,
    /// Lines of context in a diff.
    pub context_lines: usize,
    /// `Always`, `IfNotPresent` or `Never`.
    pub image_pull_policy: String,
    /// Pull one image after the other.
    pub image_pull_serial: bool,
    /// The folder with patches, when there is one.
    pub patches_dir: Option<PathBuf>,
    /// Preflight checks to ignore, in lower case.
    pub ignore_preflight_errors: Vec<String>,
    /// Phases to leave out.
    pub skip_phases: Vec<String>,
    /// Deadlines of waits.
    pub timeouts: Timeouts,
}
