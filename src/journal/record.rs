//! The entries of the journal.

use serde::{Deserialize, Serialize};
use std::path::{Path, PathBuf};

/// The path of the journal.
pub const PATH: &str = "/var/lib/kubewright/journal.json";

/// A file that kubewright wrote.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct FileRecord {
    /// SHA-256 of its content, in hex.
    pub sha256: String,
    /// The phase that wrote it.
    pub phase: String,
    /// SHA-256, in hex, of the `ClusterConfiguration` it was made from, as that is stored in the cluster; empty where
    /// there was none.
    pub input: String,
    /// Seconds since the epoch.
    pub at: i64,
}

/// A change that a fix made to the host, not to the cluster.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct HostChange {
    /// What was done, as text for the user.
    pub what: String,
    /// The check whose finding it fixes.
    pub check: String,
    /// Seconds since the epoch.
    pub at: i64,
    /// How to undo it.
    pub inverse: Inverse,
}

/// How to undo a change.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "camelCase", deny_unknown_fields)]
pub enum Inverse {
    /// Disable a service that was not enabled.
    DisableService {
        /// Its name.
        service: String,
    },
    /// Enable or unmask a systemd unit.
    #[serde(rename_all = "camelCase")]
    StartUnitAtBoot {
        /// Its name.
        unit: String,
        /// The unit is masked, not disabled.
        masked: bool,
    },
    /// Restore the former content of a file, unless it was changed later.
    #[serde(rename_all = "camelCase")]
    RestoreFile {
        /// The file.
        path: PathBuf,
        /// Its former text; None: it did not exist.
        before: Option<String>,
        /// Its permission bits.
        mode: u32,
        /// SHA-256 of what the fix wrote, in hex.
        written: String,
        /// A service that has to be restarted to read it.
        restart: Option<String>,
    },
    /// Restore a kernel parameter.
    SetSysctl {
        /// The parameter.
        key: String,
        /// Its former value.
        value: String,
    },
    /// Turn swap back on.
    SwapOn {
        /// The device or file.
        path: PathBuf,
    },
}

impl Inverse {
    /// True when undoing the one undoes the other: equal changes, and all changes of one file.
    pub(super) fn is_undone_with(&self, other: &Self) -> bool {
        match other {
            Self::RestoreFile { path, .. } => self.restores(path),
            _ => self == other,
        }
    }

    /// True when this restores the file at `path`.
    pub(super) fn restores(&self, path: &Path) -> bool {
        matches!(self, Self::RestoreFile { path: known, .. } if known == path)
    }
}

/// Who wrote a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ownership {
    /// kubewright wrote it, and it was changed later.
    Changed,
    /// kubewright did not write it.
    Foreign,
    /// kubewright wrote it, and it is unchanged.
    Ours,
}
