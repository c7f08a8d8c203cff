//! Records the progress of `reset`, for a run that continues it.
//!
//! Reads and writes: `/var/lib/kubewright/leaving.json`. This is internal bookkeeping and not in the plan.

use crate::base::fault::Result;
use crate::context::Context;
use crate::ops::bookkeeping;
use crate::state::reset_progress::{PROGRESS_FILE, Progress, ca, read};
use std::path::Path;

/// Updates it.
pub fn add(cx: &Context, change: impl FnOnce(&mut Progress)) -> Result<()> {
    let before = read(cx)?;
    let mut progress = before.clone();
    change(&mut progress);
    if progress.ca.is_none() {
        progress.ca = ca(cx)?;
    }
    bookkeeping::write(cx, Path::new(PROGRESS_FILE), &progress)
}

/// Removes it: the host is clean, or becomes a node again.
pub fn forget(cx: &Context) -> Result<()> {
    bookkeeping::remove(cx, Path::new(PROGRESS_FILE))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::gate::Gate;
    use crate::context::leaving::fixture;

    fn put(root: &Path, path: &str, text: &str) {
        let path = root.join(path.trim_start_matches('/'));
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, text).unwrap();
    }

    #[test]
    fn progress_of_another_cluster_is_ignored() {
        let root = tempfile::tempdir().unwrap();
        let cx = fixture(root.path());
        put(root.path(), "/etc/kubernetes/pki/ca.crt", "one");
        add(&cx, |progress| progress.cluster_informed = true).unwrap();
        assert!(read(&cx).unwrap().cluster_informed);
        std::fs::remove_file(root.path().join("etc/kubernetes/pki/ca.crt")).unwrap();
        assert!(read(&cx).unwrap().cluster_informed, "the CA is removed during the reset");
        put(root.path(), "/etc/kubernetes/pki/ca.crt", "two");
        assert_eq!(read(&cx).unwrap(), Progress::default());
        assert_eq!(cx.host.gate.count(), 0);
        forget(&cx).unwrap();
        assert!(!root.path().join(PROGRESS_FILE.trim_start_matches('/')).exists());
    }

    #[test]
    fn a_damaged_progress_file_is_not_treated_as_empty() {
        let root = tempfile::tempdir().unwrap();
        let cx = fixture(root.path());
        for text in ["", "{", r#"{"dataDir": ""}"#, r#"{"dataDir": "etcd", "endpoints": []}"#] {
            put(root.path(), PROGRESS_FILE, text);
            assert!(read(&cx).unwrap_err().hint().unwrap().contains(PROGRESS_FILE), "{text}");
        }
        put(root.path(), PROGRESS_FILE, r#"{"dataDir": null}"#);
        assert_eq!(read(&cx).unwrap(), Progress::default());
    }

    #[test]
    fn a_dry_run_records_no_progress() {
        let root = tempfile::tempdir().unwrap();
        let mut cx = fixture(root.path());
        cx.host.gate = Gate::recording();
        add(&cx, |progress| progress.cluster_informed = true).unwrap();
        assert!(!root.path().join(PROGRESS_FILE.trim_start_matches('/')).exists());
    }
}
