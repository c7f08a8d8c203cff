//! The configuration of `reset`: resolved, defaulted and validated, like the types of `model`.

use super::model::Timeouts;
use std::path::PathBuf;

/// The configuration of `reset`.
#[derive(Clone, Debug)]
pub struct ResetConfig {
    /// None: from the cluster, else `/etc/kubernetes/pki`.
    pub certificates_dir: Option<PathBuf>,
    /// None: detected.
    pub cri_socket: Option<String>,
    /// Do not ask for confirmation.
    pub force: bool,
    /// Also clear `/etc/kubernetes/tmp`.
    pub cleanup_tmp_dir: bool,
    /// In lower case.
    pub ignore_preflight_errors: Vec<String>,
    pub skip_phases: Vec<String>,
    /// Flags for umount(2): `MNT_FORCE`, `MNT_DETACH`, `MNT_EXPIRE`, `UMOUNT_NOFOLLOW`.
    pub unmount_flags: Vec<String>,
    pub timeouts: Timeouts,
}
