//! Notes what a run of `reset` has done, for a run that continues it.
//!
//! Reads and writes: `/var/lib/kubewright/leaving.json`. That is our own bookkeeping: it stands in no plan.

use crate::base::fault::Result;
use crate::base::files::{Content, HostFiles};
use crate::base::gate::Gate;
use crate::context::Context;
use crate::state::reset_progress::{NOTE, Note, ca, read};
use std::path::Path;

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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::context::leaving::fixture;

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
