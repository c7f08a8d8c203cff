//! The entries of the journal.

use serde::{Deserialize, Serialize};
use std::path::{Path, PathBuf};

/// Where the journal lies.
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
    /// When, in seconds since the epoch.
    pub at: i64,
}

/// Something of the host, not of the cluster, that a fix changed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct HostChange {
    /// What was done, for people.
    pub what: String,
    /// The check whose finding it mends.
    pub check: String,
    /// When, in seconds since the epoch.
    pub at: i64,
    /// How it is undone.
    pub inverse: Inverse,
}

/// How a change is undone.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "camelCase", deny_unknown_fields)]
pub enum Inverse {
    /// Disable a service that was not enabled.
    DisableService {
        /// Its name.
        service: String,
    },
    /// Let a unit of systemd start at boot again.
    #[serde(rename_all = "camelCase")]
    StartUnitAtBoot {
        /// Its name.
        unit: String,
        /// It was masked, not disabled.
        masked: bool,
    },
    /// Give a file its former content, unless somebody changed it since.
    #[serde(rename_all = "camelCase")]
    RestoreFile {
        /// The file.
        path: PathBuf,
        /// Its former text; None: it was not there.
        before: Option<String>,
        /// Its permission bits.
        mode: u32,
        /// SHA-256 of what the fix wrote, in hex.
        written: String,
        /// A service that reads it only when it starts.
        restart: Option<String>,
    },
    /// Set a kernel parameter back.
    SetSysctl {
        /// The parameter.
        key: String,
        /// Its former value.
        value: String,
    },
    /// Turn swap on again.
    SwapOn {
        /// The device or file.
        path: PathBuf,
    },
}

impl Inverse {
    /// True when undoing the one undoes the other: what is the same, and all changes of one file.
    pub(super) fn is_undone_with(&self, other: &Self) -> bool {
        match other {
            Self::RestoreFile { path, .. } => self.restores(path),
            _ => self == other,
        }
    }

    /// True when this gives the file at `path` its former content.
    pub(super) fn restores(&self, path: &Path) -> bool {
        matches!(self, Self::RestoreFile { path: known, .. } if known == path)
    }
}

/// Whose a file is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ownership {
    /// We wrote it, and it was changed since.
    Changed,
    /// We do not know it.
    Foreign,
    /// We wrote it, and it is as we wrote it.
    Ours,
}
