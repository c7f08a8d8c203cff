//! What an earlier run of `reset` did that the world no longer tells: after etcd has stopped on this host there may be
//! nobody left to ask.
//!
//! Reads: `/var/lib/kubewright/leaving.json`, which `ops::reset_progress` writes. Writes: nothing.

use crate::base::exit_code::ExitCode;
use crate::base::fault::{Fault, Result};
use crate::context::Context;
use crate::journal::sha256;
use serde::{Deserialize, Serialize};
use std::path::{Path, PathBuf};

/// Where it lies.
pub const NOTE: &str = "/var/lib/kubewright/leaving.json";

/// See the module's text.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Note {
    /// SHA-256 of the certificate of the cluster's CA; None: there was none on this host.
    pub ca: Option<String>,
    /// The cluster was told that the node leaves: its Pods have moved, and it is no node any more.
    pub told: bool,
    /// The etcd member of this host was the last one, and the cluster was to end with it.
    pub was_last: bool,
    /// Where the members of etcd that stay are.
    pub endpoints: Vec<String>,
    /// Where they reached this host's.
    pub peer_urls: Vec<String>,
    /// Where its data is.
    pub data_dir: Option<PathBuf>,
}

/// The note cannot be used. What it said of etcd is not known then, and nothing may be deleted on a guess.
#[derive(Debug, thiserror::Error)]
#[error("{NOTE}, the record of an earlier 'reset', is damaged")]
pub struct Damaged;

impl Fault for Damaged {
    fn exit_code(&self) -> ExitCode {
        ExitCode::Input
    }
    fn hint(&self) -> Option<String> {
        Some(format!(
            "run 'mv --backup=numbered {NOTE} /root/' and the command again: it asks etcd and the API server what is still to be done"
        ))
    }
}

/// What an earlier run noted about the cluster that this host is in; an empty note where none did, and where the host has
/// joined another cluster since.
///
/// # Errors
/// When it is there and cannot be read.
pub fn read(cx: &Context) -> Result<Note> {
    let Some(bytes) = cx.files.read(Path::new(NOTE))? else { return Ok(Note::default()) };
    let note: Note = serde_json::from_slice(&bytes).map_err(|_| Damaged)?;
    // The CA goes before the note does: its absence tells of no other cluster.
    if let (Some(noted), Some(now)) = (&note.ca, ca(cx)?)
        && *noted != now
    {
        return Ok(Note::default());
    }
    match &note.data_dir {
        Some(path) if !is_folder(path) => Err(Damaged.into()),
        _ => Ok(note),
    }
}

/// True for the whole path of a folder that can be etcd's alone.
pub fn is_folder(path: &Path) -> bool {
    path.is_absolute() && path.parent().is_some()
}

pub(crate) fn ca(cx: &Context) -> Result<Option<String>> {
    let path = cx.cluster()?.certificates_dir.join("ca.crt");
    Ok(cx.files.read(&path)?.map(|bytes| sha256(&bytes)))
}
