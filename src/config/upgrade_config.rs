//! The configuration of the upgrade commands: resolved, defaulted and validated, like the types of `model`.

use super::model::Timeouts;
use crate::versions::Version;
use std::path::PathBuf;

/// The upgrade commands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum UpgradeTask {
    Apply,
    Diff,
    Node,
    Plan,
}

/// The configuration of an upgrade command. Options that the command does not have are at their default.
#[derive(Clone, Debug)]
#[allow(clippy::struct_excessive_bools)] // Each is a switch of its own, as in the API.
pub struct UpgradeConfig {
    /// The target version; None: chosen by the command.
    pub version: Option<Version>,
    /// Consider alpha and beta versions.
    pub allow_experimental: bool,
    /// Consider release candidates.
    pub allow_release_candidates: bool,
    /// Renew the certificates of upgraded components.
    pub certificate_renewal: bool,
    /// Also upgrade etcd.
    pub etcd_upgrade: bool,
    /// Continue although some requirements are not met, and do not ask.
    pub force: bool,
    /// Print the resulting configuration.
    pub print_config: bool,
    /// Lines of context in a diff.
    pub context_lines: usize,
    /// `Always`, `IfNotPresent` or `Never`.
    pub image_pull_policy: String,
    /// Pull one image at a time.
    pub image_pull_serial: bool,
    /// The directory of the patches, if any.
    pub patches_dir: Option<PathBuf>,
    /// In lower case.
    pub ignore_preflight_errors: Vec<String>,
    pub skip_phases: Vec<String>,
    pub timeouts: Timeouts,
}
