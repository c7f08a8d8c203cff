//! What an earlier run of `reset` did that the world no longer tells: after etcd has stopped on this host there may be
//! nobody left to ask.
//!
//! Reads and writes: `/var/lib/kubewright/leaving.json`. That is our own bookkeeping: it stands in no plan.

use crate::base::exit_code::ExitCode;
use crate::base::fault::{Fault, Result};
use crate::base::files::{Content, HostFiles};
use crate::base::gate::Gate;
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
    ca: Option<String>,
    /// The cluster was told that the node leaves: its Pods have moved, and it is no node any more.
    pub told: bool,
    /// Where the members of etcd that stay are.
    pub endpoints: Vec<String>,
    /// Where they reached this host's.
    pub peer_urls: Vec<String>,
    /// Where its data is.
    pub data_dir: Option<PathBuf>,
}

/// The note cannot be used. What it said of etcd is not known then, and nothing may be removed on a guess.
#[derive(Debug, thiserror::Error)]
#[error("{NOTE}, in which an earlier 'reset' noted how far it came, is damaged")]
pub struct Damaged;

impl Fault for Damaged {
    fn exit_code(&self) -> ExitCode {
        ExitCode::Input
    }
    fn hint(&self) -> Option<String> {
        Some(format!(
            "run 'mv {NOTE} /root/' and the command again: it finds out from etcd and the API server what is still to be done"
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
pub(super) fn is_folder(path: &Path) -> bool {
    path.is_absolute() && path.parent().is_some()
}

/// Adds to it.
///
/// # Errors
/// When it cannot be written.
pub fn add(cx: &Context, change: impl FnOnce(&mut Note)) -> Result<()> {
    let before = read(cx)?;
    let mut note = before.clone();
    change(&mut note);
    if note.ca.is_none() {
        note.ca = ca(cx)?;
    }
    cx.gate.effect(|| -> Result<()> {
        let files = HostFiles::new(cx.files.root(), Gate::open());
        if let Some(folder) = Path::new(NOTE).parent() {
            files.create_dir(folder, 0o700)?;
        }
        let text = serde_json::to_string(&note).unwrap_or_default();
        files.write(Path::new(NOTE), &Content::public(text), 0o600)?;
        Ok(())
    })?;
    Ok(())
}

/// Drops it: the host is clean, or becomes a node again.
///
/// # Errors
/// When it cannot be removed.
pub fn forget(cx: &Context) -> Result<()> {
    cx.gate.effect(|| HostFiles::new(cx.files.root(), Gate::open()).remove(Path::new(NOTE)))?;
    Ok(())
}

fn ca(cx: &Context) -> Result<Option<String>> {
    let path = cx.cluster()?.certificates_dir.join("ca.crt");
    Ok(cx.files.read(&path)?.map(|bytes| sha256(&bytes)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::actions::reset::preflight::fixture;

    fn put(root: &Path, path: &str, text: &str) {
        let path = root.join(path.trim_start_matches('/'));
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, text).unwrap();
    }

    #[test]
    fn a_note_about_another_cluster_says_nothing() {
        let root = tempfile::tempdir().unwrap();
        let cx = fixture(root.path());
        put(root.path(), "/etc/kubernetes/pki/ca.crt", "one");
        add(&cx, |note| note.told = true).unwrap();
        assert!(read(&cx).unwrap().told);
        std::fs::remove_file(root.path().join("etc/kubernetes/pki/ca.crt")).unwrap();
        assert!(read(&cx).unwrap().told, "the CA is removed on the way");
        put(root.path(), "/etc/kubernetes/pki/ca.crt", "two");
        assert_eq!(read(&cx).unwrap(), Note::default());
        assert_eq!(cx.gate.count(), 0);
        forget(&cx).unwrap();
        assert!(!root.path().join(NOTE.trim_start_matches('/')).exists());
    }

    #[test]
    fn a_note_that_is_cut_off_or_names_no_whole_path_is_not_taken_for_an_empty_one() {
        let root = tempfile::tempdir().unwrap();
        let cx = fixture(root.path());
        for text in ["", "{", r#"{"dataDir": ""}"#, r#"{"dataDir": "etcd", "endpoints": []}"#] {
            put(root.path(), NOTE, text);
            assert!(read(&cx).unwrap_err().hint().unwrap().contains(NOTE), "{text}");
        }
        put(root.path(), NOTE, r#"{"dataDir": null}"#);
        assert_eq!(read(&cx).unwrap(), Note::default());
    }

    #[test]
    fn a_dry_run_notes_nothing() {
        let root = tempfile::tempdir().unwrap();
        let mut cx = fixture(root.path());
        cx.gate = Gate::recording();
        add(&cx, |note| note.told = true).unwrap();
        assert!(!root.path().join(NOTE.trim_start_matches('/')).exists());
    }
}
