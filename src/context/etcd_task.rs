//! The options and results of the `etcd` commands.

use super::Missing;
use crate::etcd::loss::Loss;
use crate::etcd::snapshot::Snapshot;
use crate::etcd::{Contents, Status};
use serde::{Deserialize, Serialize};
use std::path::PathBuf;

/// The options and the results of `etcd snapshot restore`.
pub struct Restoring {
    /// The snapshot.
    pub file: PathBuf,
    /// The other members whose data is given up, by name.
    pub lost: Vec<String>,
    /// What was found.
    pub found: Option<Restorable>,
    /// The number of keys after the restore.
    pub keys: Option<u64>,
}

impl Restoring {
    /// What the check found.
    pub fn restorable(&self) -> Result<&Restorable, Missing> {
        self.found.as_ref().ok_or(Missing("a member to restore"))
    }
}

/// The member of this host, and the snapshot.
#[derive(Clone)]
pub struct Restorable {
    /// What is recorded for the same command after an interruption.
    pub progress: RestoreProgress,
    /// An interrupted run recorded it.
    pub is_begun: bool,
    /// Its data directory.
    pub data_dir: PathBuf,
    /// The snapshot; None once its data is prepared.
    pub snapshot: Option<Snapshot>,
    /// What the present database contains; None if there is none, or it cannot be read.
    pub present: Option<Contents>,
}

/// How far a restore came.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct RestoreProgress {
    /// The snapshot.
    pub file: PathBuf,
    /// Its SHA-256.
    pub sha256: String,
    /// etcd's manifest, as it was.
    pub etcd: String,
    /// The certificates directory, which the API server's manifest names.
    pub certificates_dir: PathBuf,
    /// The API server's manifest, as it was.
    pub api_server: Option<String>,
    /// The names of all other members that have started.
    pub others: Vec<String>,
    /// Where the data of before is kept.
    pub aside: PathBuf,
    /// The new data before it gets its place.
    pub prepared: PathBuf,
    /// The token of the new cluster.
    pub token: String,
    /// The revision from which it goes on.
    pub revision: u64,
    /// The new data is complete.
    pub is_prepared: bool,
    /// etcd works with the restored data: the way back ends here.
    pub is_restored: bool,
}

/// The options and the result of `etcd snapshot save`.
pub struct Saving {
    /// The file.
    pub file: PathBuf,
    /// How many snapshots in the default directory are kept; None where the user named a file.
    pub keep: Option<usize>,
    /// An existing file may be replaced.
    pub overwrite: bool,
    /// The member that is asked: its address and its status.
    pub source: Option<(String, Status)>,
    /// The snapshot.
    pub saved: Option<Snapshot>,
    /// Older ones that were removed.
    pub removed: Vec<PathBuf>,
}

/// The options and the results of `etcd recover`.
#[derive(Default)]
pub struct Recovery {
    /// The members that are gone for good, by name.
    pub lost: Vec<String>,
    /// What was found.
    pub found: Option<Found>,
    /// The number of keys after the recovery.
    pub keys: Option<u64>,
}

impl Recovery {
    /// What the check found.
    pub fn found(&self) -> Result<&Found, Missing> {
        self.found.as_ref().ok_or(Missing("a member to recover from"))
    }
}

/// The member of this host, and the loss.
#[derive(Clone)]
pub struct Found {
    /// Its id.
    pub id: u64,
    /// Its name.
    pub name: String,
    /// Its peer URLs.
    pub peer_urls: Vec<String>,
    /// Its manifest, as it was.
    pub manifest: String,
    /// Its data directory.
    pub data_dir: PathBuf,
    /// The directory of its log, if it is elsewhere.
    pub log_dir: Option<PathBuf>,
    /// What its database contained.
    pub contents: Contents,
    /// The names of the other members that have started.
    pub others: Vec<String>,
    /// Which members are left out.
    pub loss: Loss,
    /// The copy of its data.
    pub copy: PathBuf,
    /// An interrupted run has already forced the new cluster.
    pub is_forced: bool,
}
