//! The journal as a value, and its file.

use super::error::JournalError;
use super::record::{FileRecord, HostChange, Inverse, Ownership, PATH};
use crate::base::fault::Result;
use crate::base::files::{Content, HostFiles};
use crate::base::gate::{Change, Entry, Gate};
use crate::host::{Host, removal};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

/// Incremented when a release that knows only the former schema would misread the file.
const SCHEMA: u32 = 3;

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Journal {
    schema: u32,
    /// Every file kubewright wrote and did not remove.
    #[serde(default)]
    files: BTreeMap<PathBuf, FileRecord>,
    /// Every directory kubewright created and did not remove.
    #[serde(default, alias = "folders")]
    directories: BTreeSet<PathBuf>,
    /// Every change that a fix made to the host, oldest first.
    #[serde(default)]
    changes: Vec<HostChange>,
}

impl Default for Journal {
    fn default() -> Self {
        Self { schema: SCHEMA, files: BTreeMap::new(), directories: BTreeSet::new(), changes: Vec::new() }
    }
}

impl Journal {
    /// The host's journal; an empty one if it does not exist.
    pub fn load(files: &HostFiles) -> Result<Self> {
        let Some(text) = files.read_text(Path::new(PATH))? else { return Ok(Self::default()) };
        // The schema is read first: a later one may have fields that are unknown here.
        let broken = |e: serde_json::Error| JournalError::Broken { why: e.to_string() };
        let value: serde_json::Value = serde_json::from_str(&text).map_err(broken)?;
        let found = value.get("schema").and_then(serde_json::Value::as_u64).unwrap_or(0);
        let found = u32::try_from(found).unwrap_or(u32::MAX);
        if found > SCHEMA {
            return Err(JournalError::Newer { found, known: SCHEMA }.into());
        }
        let read: Self = serde_json::from_value(value).map_err(broken)?;
        Ok(Self { schema: SCHEMA, ..read })
    }

    /// Writes it with mode 0600. An unchanged journal is not written, and an empty one is removed.
    pub fn save(&self, files: &HostFiles) -> Result<()> {
        if self.files.is_empty() && self.changes.is_empty() && self.directories.is_empty() {
            files.remove(Path::new(PATH))?;
            return Ok(());
        }
        if let Some(directory) = Path::new(PATH).parent() {
            files.create_dir(directory, 0o700)?;
        }
        let text = serde_json::to_string_pretty(self).map_err(|e| JournalError::Broken { why: e.to_string() })?;
        let shown = format!("({} files, {} changes of this host)\n", self.files.len(), self.changes.len());
        // The former content of a changed file may hold a registry's password.
        files.write(Path::new(PATH), &Content::secret(text + "\n", shown), 0o600)?;
        Ok(())
    }

    /// [`Journal::save`] unless this is a dry run. It is internal bookkeeping, not a change that the user asked
    /// for, so the plan does not list it.
    pub fn keep(&self, host: &Host) -> Result<()> {
        host.gate.effect(|| self.save(&HostFiles::new(host.files.root(), Gate::open())))?;
        Ok(())
    }

    /// The parent directories of every file kubewright wrote and did not remove.
    pub fn parent_directories(&self) -> BTreeSet<PathBuf> {
        self.files.keys().filter_map(|path| path.parent()).map(Path::to_path_buf).collect()
    }

    /// Records what the gate applied: files and directories created and removed. `input` is the
    /// SHA-256 of the `ClusterConfiguration` they were made from.
    pub fn note(&mut self, files: &HostFiles, entries: &[Entry], input: &str, at: i64) -> Result<()> {
        for entry in entries {
            match &entry.change {
                // A file of the host that a fix changed is not kubewright's; its former content is kept with the fix.
                Change::WriteFile { path, .. } if path != Path::new(PATH) && !self.was_fixed(path) => {
                    let Some(bytes) = files.read(path)? else { continue };
                    let sha256 = sha256(&bytes);
                    // An unchanged file keeps its date, so that a run without changes does not write the journal.
                    if self.files.get(path).is_some_and(|known| known.sha256 == sha256 && known.input == input) {
                        continue;
                    }
                    let record = FileRecord { sha256, phase: entry.phase.clone(), input: input.into(), at };
                    self.files.insert(path.clone(), record);
                }
                Change::CreateDirectory { path, .. } => {
                    self.directories.insert(path.clone());
                }
                Change::Remove { path } => {
                    self.files.retain(|known, _| !known.starts_with(path));
                    self.directories.retain(|known| !known.starts_with(path));
                }
                _ => {}
            }
        }
        Ok(())
    }

    /// Adds a change of the host.
    pub fn add_change(&mut self, change: HostChange) {
        self.changes.push(change);
    }

    /// Records the directories that writing the file at `path` will create.
    pub fn add_missing_directories(&mut self, files: &HostFiles, path: &Path) {
        let missing = path.ancestors().skip(1).take_while(|directory| !files.exists(directory));
        self.directories.extend(missing.map(Path::to_path_buf));
    }

    /// Removes the directories above the file at `path` that kubewright created, as far as nothing is in them; the paths of
    /// those that are gone, or would be in a dry run.
    pub fn remove_empty_directories(&mut self, host: &Host, path: &Path) -> Result<Vec<PathBuf>> {
        let mut removed = Vec::new();
        for directory in path.ancestors().skip(1) {
            let is_ours = self.directories.contains(directory) && !host.files.exists(path);
            if !is_ours || !removal::remove_empty(host, directory, directory)? {
                break;
            }
            self.directories.remove(directory);
            removed.push(directory.to_path_buf());
        }
        Ok(removed)
    }

    /// Removes the newest change with this inverse, which was reverted immediately.
    pub fn forget_change(&mut self, inverse: &Inverse) {
        if let Some(place) = self.changes.iter().rposition(|change| change.inverse == *inverse) {
            self.changes.remove(place);
        }
    }

    /// Every change of the host, oldest first.
    pub fn changes(&self) -> &[HostChange] {
        &self.changes
    }

    /// Removes the changes for which `goes` is true.
    pub(super) fn drop_changes(&mut self, goes: impl Fn(&Inverse) -> bool) {
        self.changes.retain(|change| !goes(&change.inverse));
    }

    fn was_fixed(&self, path: &Path) -> bool {
        self.changes.iter().any(|change| change.inverse.restores(path))
    }

    /// Every file kubewright wrote.
    pub fn files(&self) -> &BTreeMap<PathBuf, FileRecord> {
        &self.files
    }

    /// Removes the entries of a former cluster's files and of its deleted directories. Fixes can still be undone.
    pub fn forget_cluster(&mut self, files: &HostFiles) {
        self.files.clear();
        self.directories.retain(|path| files.exists(path));
    }

    /// Every directory kubewright created.
    pub fn directories(&self) -> &BTreeSet<PathBuf> {
        &self.directories
    }

    /// Who wrote a file of this host.
    pub fn ownership(&self, files: &HostFiles, path: &Path) -> Result<Ownership> {
        let Some(record) = self.files.get(path) else { return Ok(Ownership::Foreign) };
        let now = files.read(path)?.map(|bytes| sha256(&bytes));
        Ok(if now.as_ref() == Some(&record.sha256) { Ownership::Ours } else { Ownership::Changed })
    }
}

/// SHA-256 in hex.
pub(crate) fn sha256(bytes: &[u8]) -> String {
    Sha256::digest(bytes).iter().fold(String::new(), |text, byte| format!("{text}{byte:02x}"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::gate::Gate;
    use crate::journal::record::Inverse;

    fn host() -> (tempfile::TempDir, Gate, HostFiles) {
        let root = tempfile::tempdir().unwrap();
        let gate = Gate::open();
        let files = HostFiles::new(root.path(), gate.clone());
        (root, gate, files)
    }

    #[test]
    fn files_are_known_by_what_was_written() {
        let (root, gate, files) = host();
        let path = Path::new("/etc/kubernetes/manifests/etcd.yaml");
        gate.enter("etcd/local");
        files.write(path, &Content::public("a"), 0o600).unwrap();
        let mut journal = Journal::default();
        journal.note(&files, &gate.entries(), "cfg", 7).unwrap();
        journal.save(&files).unwrap();
        assert_eq!(files.mode(Path::new(PATH)), Some(0o600));
        assert_eq!(files.mode(Path::new("/var/lib/kubewright")), Some(0o700));

        let read = Journal::load(&files).unwrap();
        assert_eq!(read, journal);
        assert_eq!(read.files()[path].phase, "etcd/local");
        assert_eq!(read.ownership(&files, path).unwrap(), Ownership::Ours);
        std::fs::write(root.path().join("etc/kubernetes/manifests/etcd.yaml"), "b").unwrap();
        assert_eq!(read.ownership(&files, path).unwrap(), Ownership::Changed);
        assert_eq!(read.ownership(&files, Path::new("/etc/x")).unwrap(), Ownership::Foreign);
    }

    #[test]
    fn directories_are_recorded_until_they_are_removed_and_then_the_journal_goes() {
        let (root, gate, files) = host();
        files.write(Path::new("/etc/kubernetes/pki/ca.crt"), &Content::public("a"), 0o600).unwrap();
        let mut journal = Journal::default();
        journal.note(&files, &gate.entries(), "", 1).unwrap();
        journal.save(&files).unwrap();
        assert!(journal.directories().contains(Path::new("/etc/kubernetes")));
        let removed = Change::Remove { path: "/etc".into() };
        journal.note(&files, &[Entry { phase: String::new(), change: removed }], "", 2).unwrap();
        journal.save(&files).unwrap();
        assert!(!root.path().join(&PATH[1..]).exists());
    }

    #[test]
    fn a_journal_of_the_former_schema_is_read() {
        let (root, _, files) = host();
        std::fs::create_dir_all(root.path().join("var/lib/kubewright")).unwrap();
        std::fs::write(root.path().join(&PATH[1..]), r#"{"schema": 1, "files": {}, "changes": []}"#).unwrap();
        assert_eq!(Journal::load(&files).unwrap(), Journal::default());
    }

    #[test]
    fn noting_the_same_again_changes_nothing() {
        let (_root, gate, files) = host();
        files.write(Path::new("/x"), &Content::public("a"), 0o600).unwrap();
        let mut journal = Journal::default();
        journal.note(&files, &gate.entries(), "", 1).unwrap();
        let first = journal.clone();
        journal.note(&files, &gate.entries(), "", 2).unwrap();
        assert_eq!(journal, first);
        files.remove(Path::new("/x")).unwrap();
        journal.note(&files, &gate.entries(), "", 3).unwrap();
        assert!(journal.files().is_empty());
    }

    #[test]
    fn later_and_broken_journals_are_refused_with_a_way_out() {
        for (text, words) in [
            (r#"{"schema": 4, "news": true}"#, "later release"),
            ("{", "not a valid journal"),
            (r#"{"schema": 1, "flies": {}}"#, "unknown field"),
        ] {
            let (root, _, files) = host();
            std::fs::create_dir_all(root.path().join("var/lib/kubewright")).unwrap();
            std::fs::write(root.path().join(&PATH[1..]), text).unwrap();
            let error = Journal::load(&files).unwrap_err();
            assert!(error.to_string().contains(words), "{error}");
            assert!(error.hint().is_some());
        }
    }

    #[test]
    fn former_contents_are_not_shown_in_a_plan() {
        let root = tempfile::tempdir().unwrap();
        let gate = Gate::recording();
        let files = HostFiles::new(root.path(), gate.clone());
        let mut journal = Journal::default();
        journal.add_change(HostChange {
            what: "x".into(),
            check: "CgroupDriver".into(),
            at: 0,
            inverse: Inverse::RestoreFile {
                path: "/etc/containerd/config.toml".into(),
                before: Some("password = \"hunter2\"".into()),
                mode: 0o600,
                written: String::new(),
                restart: None,
            },
        });
        journal.save(&files).unwrap();
        assert!(!format!("{:?}", gate.entries()).contains("hunter2"));
    }
}
