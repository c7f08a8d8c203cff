//! Steps of an earlier run of `reset` that can no longer be determined otherwise: after etcd has stopped on this host
//! there may be no server left to query.
//!
//! Reads: `/var/lib/kubewright/leaving.json`, which `ops::reset_progress` writes. Writes: nothing.

use crate::base::exit_code::ExitCode;
use crate::base::fault::{Fault, Result};
use crate::context::Context;
use crate::journal::sha256;
use serde::{Deserialize, Serialize};
use std::path::{Path, PathBuf};

/// The path of the file.
pub const PROGRESS_FILE: &str = "/var/lib/kubewright/leaving.json";

#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Progress {
    /// SHA-256 of the certificate of the cluster's CA; None if this host had none.
    pub ca: Option<String>,
    /// The cluster was informed: the node is drained and deleted.
    #[serde(rename = "told")]
    pub cluster_informed: bool,
    /// The etcd member of this host was the last one, and the cluster was to end with it.
    pub was_last: bool,
    /// The client URLs of the remaining etcd members.
    pub endpoints: Vec<String>,
    /// The peer URLs of this host's member.
    pub peer_urls: Vec<String>,
    /// Its data directory.
    pub data_dir: Option<PathBuf>,
}

/// The file is damaged. Its content about etcd is unknown, and nothing may be deleted on a guess.
#[derive(Debug, thiserror::Error)]
#[error("{PROGRESS_FILE}, the progress of an earlier 'reset', is damaged")]
pub struct Damaged;

impl Fault for Damaged {
    fn exit_code(&self) -> ExitCode {
        ExitCode::Input
    }
    fn hint(&self) -> Option<String> {
        Some(format!(
            "run 'mv --backup=numbered {PROGRESS_FILE} /root/' and the command again: it checks etcd and the API server to \
             find the remaining steps"
        ))
    }
}

/// The progress recorded for the current cluster of this host; empty if there is none, or if the host has joined
/// another cluster since.
pub fn read(cx: &Context) -> Result<Progress> {
    let Some(bytes) = cx.host.files.read(Path::new(PROGRESS_FILE))? else { return Ok(Progress::default()) };
    let progress: Progress = serde_json::from_slice(&bytes).map_err(|_| Damaged)?;
    // The CA is removed before this file: a missing CA does not mean another cluster.
    if let (Some(recorded), Some(now)) = (&progress.ca, ca(cx)?)
        && *recorded != now
    {
        return Ok(Progress::default());
    }
    match &progress.data_dir {
        Some(path) if !is_data_dir(path) => Err(Damaged.into()),
        _ => Ok(progress),
    }
}

/// True for an absolute path of a directory that can belong to etcd alone.
pub fn is_data_dir(path: &Path) -> bool {
    path.is_absolute() && path.parent().is_some()
}

pub(crate) fn ca(cx: &Context) -> Result<Option<String>> {
    let path = cx.cluster()?.certificates_dir.join("ca.crt");
    Ok(cx.host.files.read(&path)?.map(|bytes| sha256(&bytes)))
}
